//! The table: all routing decisions come from it. Immutable, `Eq`, and serialisable as JSON with
//! secrets as fingerprints. The controller compiles it; workers only read it.

mod action;
mod backend;
mod edits;
mod hosts;

pub use action::{Action, Forward, Redirect, Respond, Rewrite, Scheme};
pub use backend::{Authority, Backend, HostHeader, Protocol, Target};
pub use edits::HeaderEdits;
pub(crate) use edits::redacted;
pub use hosts::{HostPattern, HostPatternError, Hosts, VirtualHost};

use crate::{cors, router::Match};
use serde::Serialize;
use std::{fmt, sync::Arc, time::Duration};

/// A Kubernetes object's namespace and name, printed `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// `metadata.namespace`.
    pub namespace: Arc<str>,
    /// `metadata.name`.
    pub name: Arc<str>,
}

impl ObjectName {
    /// Creates a name from its parts.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl Serialize for ObjectName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A complete routing table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Counts publications, so that one can tell which table a worker serves. The compiler sets 0;
    /// publishing assigns the number.
    pub generation: u64,
    /// The virtual hosts by name.
    pub hosts: Hosts,
}

/// One match of a compiled Route.
pub type RouteMatch = Match<Arc<Route>>;

/// A compiled Route: what happens to the requests that it matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The Route object.
    pub name: ObjectName,
    /// The FrontDoor that it is attached to.
    pub front_door: ObjectName,
    /// What happens to the request.
    pub action: Action,
    /// The policy for cross-origin requests: its own, or its FrontDoor's; `None` leaves CORS to the
    /// backend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors: Option<Arc<cors::Policy>>,
    /// Edits of the request's headers before it is forwarded.
    #[serde(skip_serializing_if = "HeaderEdits::is_empty")]
    pub request_headers: HeaderEdits,
    /// Edits of the response's headers before it is returned.
    #[serde(skip_serializing_if = "HeaderEdits::is_empty")]
    pub response_headers: HeaderEdits,
    /// The timeouts of forwarded requests.
    pub timeouts: Timeouts,
    /// Why this accepted Route can't be served (for example, a Secret is missing): every request
    /// gets 503.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<String>,
}

/// Timeouts of a forwarded request; `None` means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Timeouts {
    /// Connecting to the backend, including TLS, per attempt.
    pub connect: Option<Duration>,
    /// From the request's head to the response's head.
    pub request: Option<Duration>,
    /// Between bytes of a body or of an upgraded connection.
    pub idle: Option<Duration>,
}

impl Default for Timeouts {
    /// The documented defaults: 2 s, 60 s, 5 min.
    fn default() -> Self {
        Self {
            connect: Some(Duration::from_secs(2)),
            request: Some(Duration::from_secs(60)),
            idle: Some(Duration::from_secs(300)),
        }
    }
}
