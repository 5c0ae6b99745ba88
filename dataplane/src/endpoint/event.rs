//! What the operator is told of active checks.

use crate::table::ObjectName;
use std::net::SocketAddr;

/// An endpoint's checks have begun to fail, or to succeed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthEvent {
    /// The Routes that have the endpoint checked in this way, sorted.
    pub routes: Vec<ObjectName>,
    /// The backend's name, as in logs and metrics.
    pub backend: String,
    /// The endpoint's address.
    pub endpoint: SocketAddr,
    /// Whether it is healthy from now on.
    pub healthy: bool,
    /// What the last check has found, as a clause: `status 503`, `no response in 2s`.
    pub reason: String,
}
