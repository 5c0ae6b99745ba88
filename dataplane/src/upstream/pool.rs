//! Idle connections of one worker, newest first.

use crate::table::Protocol;
use hashbrown::HashMap;
use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::{Rc, Weak},
    time::{Duration, Instant},
};

/// How many idle connections a worker keeps per key.
const MAX_IDLE_PER_KEY: usize = 256;

/// How many evictions an idle connection survives: 55 s with one every 5 s.
const MAX_IDLE_EVICTIONS: u64 = 11;

/// What identifies an endpoint: backends with equal keys share connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    address: SocketAddr,
    pub(super) protocol: Protocol,
}

impl Key {
    /// The key of an endpoint.
    pub(super) fn endpoint(address: SocketAddr, protocol: &Protocol) -> Self {
        Self { address, protocol: protocol.clone() }
    }
}

/// A connection that can wait in a pool for its next request.
pub(super) trait Pooled: Sized {
    /// The handle that it was made with.
    fn handle(&mut self) -> &mut PoolHandle<Self>;

    /// Whether it can still take a request.
    fn is_alive(&mut self) -> bool;

    /// How long the backend keeps it open while it is idle, if it says so.
    fn idle_timeout(&self) -> Option<Duration>;

    /// Frees most of what it holds for messages.
    fn shrink(&mut self);
}

/// The idle connections of a worker.
pub(super) struct Pool<C> {
    /// Boxed, so that connections move in and out as pointers.
    idle: RefCell<HashMap<Key, Vec<Box<C>>>>,
    /// How many evictions there have been: a clock that is free to read on every request.
    evictions: Cell<u64>,
}

/// The pool and key that a connection returns to.
pub(super) struct PoolHandle<C> {
    pool: Weak<Pool<C>>,
    key: Key,
    /// The pool's eviction count when the connection became idle.
    idle_since: u64,
    /// When the backend is about to close it, if that is known.
    expires: Option<Instant>,
}

/// Returns a connection to its pool.
pub(super) fn put<C: Pooled>(mut connection: Box<C>) {
    let usable = connection.idle_timeout().map(|timeout| timeout.saturating_sub(margin(timeout)));
    let expires = usable.and_then(|usable| Instant::now().checked_add(usable));
    let handle = connection.handle();
    let Some(pool) = handle.pool.upgrade() else { return };
    handle.idle_since = pool.evictions.get();
    handle.expires = expires;
    let mut all = pool.idle.borrow_mut();
    let idle = match all.get_mut(&handle.key) {
        Some(idle) => idle,
        None => all.entry(handle.key.clone()).or_default(),
    };
    if idle.len() < MAX_IDLE_PER_KEY {
        idle.push(connection);
    }
}

/// How long before the backend closes a connection it is no longer used: a request may take that
/// long to arrive.
fn margin(timeout: Duration) -> Duration {
    (timeout / 2).min(Duration::from_secs(1))
}

impl<C> PoolHandle<C> {
    /// Whether the backend may be closing the connection.
    fn has_expired(&self) -> bool {
        self.expires.is_some_and(|expires| Instant::now() >= expires)
    }
}

impl<C> Default for Pool<C> {
    fn default() -> Self {
        Self { idle: RefCell::default(), evictions: Cell::new(0) }
    }
}

impl<C: Pooled> Pool<C> {
    /// The handle for a connection with this key.
    pub(super) fn handle(self: &Rc<Self>, key: Key) -> PoolHandle<C> {
        PoolHandle { pool: Rc::downgrade(self), key, idle_since: 0, expires: None }
    }

    /// A live connection, if there is one.
    pub(super) fn take(&self, key: &Key) -> Option<Box<C>> {
        loop {
            let mut candidate = self.idle.borrow_mut().get_mut(key)?.pop()?;
            if !candidate.handle().has_expired() && candidate.is_alive() {
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
            idle.retain_mut(|connection| {
                connection.shrink();
                let handle = connection.handle();
                let is_kept = now - handle.idle_since < MAX_IDLE_EVICTIONS && !handle.has_expired();
                is_kept && connection.is_alive()
            });
            !idle.is_empty()
        });
    }

    /// How many connections are idle.
    pub(super) fn len(&self) -> usize {
        self.idle.borrow().values().map(Vec::len).sum()
    }
}
