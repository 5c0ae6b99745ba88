//! The request as the backend gets it.

use super::{
    Field,
    choice::{Deciding, decides, why_not},
    simulation::{DryRun, Reply, Sent},
};
use crate::table::{Backend, Protocol, Target};
use http::{HeaderMap, Method, header};
use serde::Serialize;
use std::sync::Arc;

/// The request as the backend gets it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forwarded {
    /// Whether it is sent; not if no backend has an endpoint.
    pub sent: bool,
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The header fields, as the first of `backends` gets them.
    pub headers: Vec<Field>,
    /// The names of the client's cookies that no backend gets, because those of other Routes are kept
    /// apart.
    pub withheld: Vec<String>,
    /// The possible backends: those with a share first, then by priority.
    pub backends: Vec<BackendShare>,
    /// What else decides, once it runs, which backend and endpoint get it. Empty for a Route with
    /// one backend and the defaults.
    pub decides: Vec<Deciding>,
}

/// A backend of the Route.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendShare {
    /// `web/sales:80` for a Service's port, the URL for an external backend.
    pub name: String,
    /// Lower numbers are preferred.
    pub priority: u32,
    /// Its weight among those of its priority.
    pub weight: u32,
    /// The share of requests that it gets, from 0 to 1.
    pub share: f64,
    /// Why it gets none, as far as that is known; `None` if it gets some.
    pub why_not: Option<String>,
    /// The protocol of connections to it.
    pub protocol: Protocol,
    /// What is dialled: addresses, or a name.
    pub endpoints: Vec<String>,
    /// The header fields in which its request differs from the first backend's.
    pub differs: Vec<Field>,
}

impl Forwarded {
    pub(super) fn of(sent: &Sent<'_>, run: &DryRun<'_>, method: &Method) -> Self {
        let forward = sent.forward;
        let mut all: Vec<_> = forward
            .backends()
            .iter()
            .zip(&sent.headers)
            .enumerate()
            .map(|(index, (backend, headers))| (forward.share(index), backend, headers))
            .collect();
        all.sort_by_key(|(share, backend, _)| (*share == 0.0, backend.priority));
        let first = all.first().map(|(_, _, headers)| (*headers).clone()).unwrap_or_default();
        let route = run.arrived.matched.map(|matched| &*matched.target);
        let affinity = route.and_then(|route| route.selection.affinity.as_ref());
        let share = |(share, backend, headers): (f64, &Arc<Backend>, &HeaderMap)| BackendShare {
            name: backend.name.clone(),
            priority: backend.priority,
            weight: backend.weight,
            share,
            why_not: if share > 0.0 { None } else { why_not(backend, forward, affinity) },
            protocol: backend.protocol.clone(),
            endpoints: endpoints(&backend.target),
            differs: differs(&first, headers),
        };
        Self {
            sent: matches!(run.reply, Reply::Backend { .. }),
            method: method.as_str().to_owned(),
            target: sent.target.clone(),
            headers: Field::all(&first),
            withheld: sent.withheld.clone(),
            backends: all.into_iter().map(share).collect(),
            decides: route.map(|route| decides(route, forward, sent.retry)).unwrap_or_default(),
        }
    }
}

/// What decides whether a WebSocket is opened, where only the backend's connection tells.
pub(super) fn websocket_note(sent: &Sent<'_>) -> Option<String> {
    if !sent.headers.iter().any(|headers| headers.contains_key(header::UPGRADE)) {
        return None;
    }
    let mut protocols = sent.forward.backends().iter().map(|backend| &backend.protocol);
    let otherwise = protocols.find_map(|protocol| match protocol {
        Protocol::Http1 => None,
        Protocol::H2c => Some("otherwise the response is 501 UpgradeUnsupported"),
        Protocol::Https(_) => Some(
            "otherwise it goes over HTTP/1.1, or, if the backend does not offer that, the response is 501 UpgradeUnsupported",
        ),
    })?;
    Some(format!(
        "a backend that speaks HTTP/2 gets the WebSocket if it announces extended CONNECT (RFC 8441); {otherwise}"
    ))
}

fn endpoints(target: &Target) -> Vec<String> {
    match target {
        Target::Endpoints(addresses) => addresses.iter().map(ToString::to_string).collect(),
        Target::External { host, port } => vec![format!("{host}:{port}")],
    }
}

fn differs(first: &HeaderMap, headers: &HeaderMap) -> Vec<Field> {
    headers.iter().filter(|(name, value)| first.get(*name) != Some(value)).map(Field::of).collect()
}
