//! Idle HTTP/1 connections of one worker, newest first.

use super::http1::Http1;
use hashbrown::HashMap;
use std::{
    cell::RefCell,
    net::SocketAddr,
    rc::{Rc, Weak},
    task::{Context, Waker},
    time::{Duration, Instant},
};

/// How many idle connections a worker keeps per address.
const IDLE_PER_KEY: usize = 256;

/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(55);

/// What connections are kept by: two backends with one key can share them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// An endpoint, in the clear or over TLS.
    Endpoint(SocketAddr, bool),
    /// An external URL.
    External(Rc<str>),
}

/// The idle connections of a worker.
#[derive(Default)]
pub(super) struct Pool {
    #[expect(clippy::vec_box, reason = "connections move in and out, as pointers")]
    idle: RefCell<HashMap<Key, Vec<Box<Http1>>>>,
}

/// Where a connection goes back to.
pub(super) struct Home {
    pool: Weak<Pool>,
    key: Key,
}

impl Home {
    pub(super) fn put(self, mut http1: Box<Http1>) {
        let Some(pool) = self.pool.upgrade() else { return };
        http1.idle_since = Instant::now();
        let mut idle = pool.idle.borrow_mut();
        let idle = idle.entry(self.key).or_default();
        if idle.len() < IDLE_PER_KEY {
            idle.push(http1);
        }
    }
}

impl Pool {
    /// Where connections of `key` go back to.
    pub(super) fn home(self: &Rc<Self>, key: Key) -> Home {
        Home { pool: Rc::downgrade(self), key }
    }

    /// A live connection, if there is one.
    pub(super) fn take(&self, key: &Key, cx: &mut Context<'_>) -> Option<Box<Http1>> {
        loop {
            let mut candidate = self.idle.borrow_mut().get_mut(key)?.pop()?;
            if candidate.is_alive(cx) {
                return Some(candidate);
            }
        }
    }

    /// Closes connections that are dead or have been idle for long.
    pub(super) fn sweep(&self, now: Instant) {
        let mut cx = Context::from_waker(Waker::noop());
        self.idle.borrow_mut().retain(|_, idle| {
            idle.retain_mut(|http1| {
                now.saturating_duration_since(http1.idle_since) < IDLE && http1.is_alive(&mut cx)
            });
            !idle.is_empty()
        });
    }

    /// How many connections are idle.
    pub(super) fn len(&self) -> usize {
        self.idle.borrow().values().map(Vec::len).sum()
    }
}
