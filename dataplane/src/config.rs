//! What an operator sets by flags.

use crate::address_guard::AddressGuard;
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// How the dataplane serves; fixed for the process's life, unlike the table.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where plain HTTP is accepted. Port 0 lets the system choose.
    pub http: SocketAddr,
    /// Threads, each with its own listener and pools.
    pub workers: usize,
    /// This install's name in `Via`; a request that carries it already is a loop.
    pub via_name: Arc<str>,
    /// What `external` backends may point at.
    pub guard: AddressGuard,
    /// Bounds on what clients may send.
    pub limits: Limits,
}

/// Bounds on what clients may send.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request's head; 431 beyond.
    pub head_bytes: usize,
    /// Fields of a request's head; 431 beyond.
    pub head_fields: usize,
    /// Bytes of a request line; 414 beyond.
    pub uri_bytes: usize,
    /// Bytes of a request's body; 413 beyond.
    pub body_bytes: Option<u64>,
    /// Connections that a worker holds; further ones wait to be accepted.
    pub connections: usize,
    /// From a head's first byte to its last; 408 beyond.
    pub header_timeout: Duration,
    /// How long a connection may be kept alive without a request.
    pub idle_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 64 * 1024,
            head_fields: 100,
            uri_bytes: 8 * 1024,
            body_bytes: None,
            connections: 10_000,
            header_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
        }
    }
}
