//! What a Route does with a request: forward it, redirect it or send a fixed response. One that is
//! not accepted refuses it.

use super::{Backend, Scheme, edits};
use crate::{
    balance::{Candidate, Weighted},
    path::PathTemplate,
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// What a Route does with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Sends it to one of the Route's backends.
    Forward(Forward),
    /// Responds with a redirect.
    Redirect(Redirect),
    /// Responds with a fixed response.
    Respond(Respond),
    /// Nothing: the Route is not accepted, for this reason. It holds its place, so that its requests
    /// don't go to the next best Route, and get 503.
    NotAccepted(String),
}

/// The backends of a Route and how a request is rewritten for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Forward {
    /// All backends in the Route's order, including those without endpoints. Routes share equal ones.
    backends: Box<[Arc<Backend>]>,
    /// Which of `backends` receive traffic, derived from them.
    #[serde(skip)]
    weighted: Weighted,
    /// The path that the backend gets instead of the request's.
    #[serde(skip_serializing_if = "Option::is_none")]
    rewrite: Option<Rewrite>,
    /// Which of the Route's it is: 0 its own, then those of its rules.
    #[serde(skip)]
    ordinal: usize,
}

/// The template of the path that the backend gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Rewrite {
    /// `rewrite.path`: captured values go where their names occur.
    pub path: PathTemplate,
}

impl Forward {
    /// Creates the action from backends in the Route's order; [`Weighted`] decides which of them
    /// receive traffic.
    pub fn new(
        backends: impl IntoIterator<Item = impl Into<Arc<Backend>>>,
        rewrite: Option<Rewrite>,
    ) -> Self {
        let backends: Box<[Arc<Backend>]> = backends.into_iter().map(Into::into).collect();
        let candidates = backends.iter().map(|backend| Candidate {
            priority: backend.priority,
            weight: backend.weight,
            available: backend.target.is_available(),
        });
        let weighted = Weighted::new(candidates);
        Self { backends, weighted, rewrite, ordinal: 0 }
    }

    /// The same as the backends of one of the Route's rules, counted from 0.
    pub fn of_rule(self, rule: usize) -> Self {
        Self { ordinal: rule + 1, ..self }
    }

    /// Which of the Route's it is: 0 its own, then those of its rules.
    pub(crate) fn ordinal(&self) -> usize {
        self.ordinal
    }

    /// All backends, in the Route's order.
    pub fn backends(&self) -> &[Arc<Backend>] {
        &self.backends
    }

    /// The path rewrite, if any.
    pub fn rewrite(&self) -> Option<&Rewrite> {
        self.rewrite.as_ref()
    }

    /// The share of requests that the backend at `index` gets, from 0 to 1.
    pub fn share(&self, index: usize) -> f64 {
        self.weighted.share(index)
    }

    /// The index of the backend at a point of a sequence, as if all endpoints were available.
    pub(crate) fn pick_index(&self, point: u64) -> Option<usize> {
        self.weighted.pick(point)
    }

    /// The backend at a point of a [`Sequence`](crate::balance); `None` if no backend has an
    /// endpoint.
    pub fn pick(&self, point: u64) -> Option<&Backend> {
        self.backends.get(self.weighted.pick(point)?).map(|backend| &**backend)
    }
}

/// A redirect (RFC 9110 §15.4); parts that are `None` are taken from the request, but see
/// [`keeps_port`](Self::keeps_port).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Redirect {
    /// The scheme of the new location.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// The host of the new location, without port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The port of the new location.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The template of the new location's path. The query is the request's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathTemplate>,
    /// 301, 302, 303, 307 or 308.
    #[serde(serialize_with = "status")]
    pub status: StatusCode,
}

impl Redirect {
    /// Whether a missing port is the request's. If the redirect names a scheme or a host, it is the
    /// scheme's default port.
    pub fn keeps_port(&self) -> bool {
        self.scheme.is_none() && self.host.is_none()
    }
}

/// A fixed response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Respond {
    /// Its status code.
    #[serde(serialize_with = "status")]
    pub status: StatusCode,
    /// Its headers, in order.
    #[serde(serialize_with = "edits::pairs", skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Its body.
    #[serde(serialize_with = "text", skip_serializing_if = "Bytes::is_empty")]
    pub body: Bytes,
}

pub(super) fn status<S: Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

fn text<S: Serializer>(body: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&String::from_utf8_lossy(body))
}
