//! Timeouts of a forwarded request.

use serde::Serialize;
use std::time::Duration;

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
