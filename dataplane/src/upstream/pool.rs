//! Idle HTTP/1 connections of one worker, newest first.

use super::http1::Http1;
use hashbrown::HashMap;
use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::{Rc, Weak},
};

/// How many idle connections a worker keeps per key.
const MAX_IDLE_PER_KEY: usize = 256;

/// How many evictions an idle connection survives: 55 s with one every 5 s.
const MAX_IDLE_EVICTIONS: u64 = 11;

/// What identifies a backend: backends with equal keys share connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// An endpoint; `true` with TLS.
    Endpoint(SocketAddr, bool),
    /// An external URL.
    External(Rc<str>),
}

/// The idle connections of a worker.
#[derive(Default)]
pub(super) struct Pool {
    #[expect(clippy::vec_box, reason = "connections move in and out, as pointers")]
    idle: RefCell<HashMap<Key, Vec<Box<Http1>>>>,
    /// How many evictions there have been: a clock that is free to read on every request.
    evictions: Cell<u64>,
}

/// The pool and key that a connection returns to.
pub(super) struct PoolHandle {
    pool: Weak<Pool>,
    key: Key,
}

/// Returns a connection to its pool.
pub(super) fn put(mut http1: Box<Http1>) {
    let Some(pool) = http1.handle.pool.upgrade() else { return };
    http1.idle_since = pool.evictions.get();
    let mut all = pool.idle.borrow_mut();
    let idle = match all.get_mut(&http1.handle.key) {
        Some(idle) => idle,
        None => all.entry(http1.handle.key.clone()).or_default(),
    };
    if idle.len() < MAX_IDLE_PER_KEY {
        idle.push(http1);
    }
}

impl Pool {
    /// The handle for connections with this key.
    pub(super) fn handle(self: &Rc<Self>, key: Key) -> PoolHandle {
        PoolHandle { pool: Rc::downgrade(self), key }
    }

    /// A live connection, if there is one.
    pub(super) fn take(&self, key: &Key) -> Option<Box<Http1>> {
        loop {
            let mut candidate = self.idle.borrow_mut().get_mut(key)?.pop()?;
            if candidate.is_alive() {
                return Some(candidate);
            }
        }
    }

    /// Closes connections that are dead or have been idle too long, and frees the buffers of the
    /// rest.
    pub(super) fn evict_idle(&self) {
        let now = self.evictions.get() + 1;
        self.evictions.set(now);
        self.idle.borrow_mut().retain(|_, idle| {
            idle.retain_mut(|http1| {
                http1.shrink();
                now - http1.idle_since < MAX_IDLE_EVICTIONS && http1.is_alive()
            });
            !idle.is_empty()
        });
    }

    /// How many connections are idle.
    pub(super) fn len(&self) -> usize {
        self.idle.borrow().values().map(Vec::len).sum()
    }
}
