//! Backends and the health of their endpoints, as they are shown.

use portico_dataplane::{
    serve::{EndpointState, ShownBackend, ShownEndpoint},
    table::ObjectName,
};
use serde::Serialize;
use std::{collections::HashMap, net::SocketAddr};

/// A backend, under one `health` block.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BackendRow {
    name: String,
    /// The Routes that name it, if that is not clear from the name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<ObjectName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_path: Option<String>,
    endpoints: Vec<EndpointRow>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct EndpointRow {
    address: SocketAddr,
    /// If it is not healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<EndpointState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl BackendRow {
    /// Whether both are about the same backend, however it is.
    pub(super) fn is_of_same(&self, other: &Self) -> bool {
        self.name == other.name
            && self.health_path == other.health_path
            && self.routes == other.routes
    }

    /// All backends. Those of one name, which differ in what `health` or the protocol is, say which
    /// Routes name them.
    pub(super) fn all(shown: Vec<ShownBackend>) -> Vec<Self> {
        let mut count = HashMap::<_, usize>::new();
        shown.iter().for_each(|one| *count.entry(one.name.clone()).or_default() += 1);
        let rows = shown.into_iter().map(|shown| {
            let is_only = count.get(&shown.name) == Some(&1);
            let row = Self::from(shown);
            if is_only { Self { routes: Vec::new(), ..row } } else { row }
        });
        rows.collect()
    }
}

impl From<ShownBackend> for BackendRow {
    fn from(shown: ShownBackend) -> Self {
        let ShownBackend { name, routes, health_path, .. } = shown;
        let endpoints = shown.endpoints.into_iter().map(EndpointRow::from).collect();
        Self { name, routes, health_path, endpoints }
    }
}

impl From<ShownEndpoint> for EndpointRow {
    fn from(ShownEndpoint { address, state, reason, .. }: ShownEndpoint) -> Self {
        let state = Some(state).filter(|state| *state != EndpointState::Healthy);
        Self { address, state, reason }
    }
}
