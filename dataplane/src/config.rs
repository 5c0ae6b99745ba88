//! Settings that flags control.

use crate::address_guard::AddressGuard;
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// How the dataplane serves; fixed for the life of the process, unlike the table.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address for plain HTTP. Port 0 lets the system choose.
    pub http: SocketAddr,
    /// Number of worker threads, each with its own listener and pools.
    pub workers: usize,
    /// This install's name in `Via`; a request that already carries it is in a loop.
    pub via_name: Arc<str>,
    /// Which addresses `external` backends may point at.
    pub guard: AddressGuard,
    /// Bounds on what clients and backends may send.
    pub limits: Limits,
}

/// Bounds on what clients and backends may send.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes in a request head; 431 beyond.
    pub head_bytes: usize,
    /// Fields in a request head; 431 beyond.
    pub head_fields: usize,
    /// Bytes in a request line; 414 beyond.
    pub uri_bytes: usize,
    /// Fields in a response head of a backend; 502 beyond.
    pub response_fields: usize,
    /// Bytes in a request body; 413 beyond.
    pub body_bytes: Option<u64>,
    /// Connections per worker; further ones wait to be accepted.
    pub connections: usize,
    /// From the first byte of a head to its last; 408 beyond.
    pub header_timeout: Duration,
    /// How long an idle connection is kept open.
    pub idle_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 64 * 1024,
            head_fields: 100,
            response_fields: 100,
            uri_bytes: 8 * 1024,
            body_bytes: None,
            connections: 10_000,
            header_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
        }
    }
}
