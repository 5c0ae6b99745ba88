//! The budget for what all client connections hold together.

use crate::proxy::Session;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a TLS session takes beside its connection and the client's certificate.
pub(super) const TLS_BYTES: usize = 12 * 1024;

/// How much of what is written may wait, encrypted, for a TLS connection's socket: two records.
pub(super) const TLS_BUFFER_BYTES: usize = 32 * 1024;

/// What a connection's TLS session takes; 0 without one.
pub(super) fn session_bytes(session: Option<&Session>) -> usize {
    session.map_or(0, |session| TLS_BYTES + session.certificate_bytes())
}

/// How many bytes the connections of all workers may hold, and an estimate of what they do hold. It
/// changes when buffers are allocated or freed, which an ordinary request on an open connection
/// does not do.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    limit: usize,
    used: AtomicUsize,
}

impl MemoryBudget {
    /// A budget of `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, used: AtomicUsize::new(0) }
    }

    /// The number of bytes that may be held.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// The number of bytes that are held.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// A connection that held `before` bytes now holds `now`.
    pub(super) fn update(&self, before: usize, now: usize) {
        if now >= before {
            self.used.fetch_add(now - before, Ordering::Relaxed);
        } else {
            self.used.fetch_sub(before - now, Ordering::Relaxed);
        }
    }
}
