//! The open connections of a worker, and how they are closed.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
    task::Waker,
    time::Duration,
};
use tokio::sync::Notify;

/// How long idle connections are kept before they are closed: a round trip to most clients, which
/// may already have sent their next request.
const IDLE_DRAIN_DELAY: Duration = Duration::from_millis(100);

/// Whether a connection is to be closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Draining {
    /// It stays open.
    #[default]
    No,
    /// After a request: the one in flight, or one that is already on its way.
    AfterRequest,
    /// As soon as no request is in flight.
    Now,
}

/// A worker's handle on a connection, whichever protocol it uses.
#[derive(Debug, Default)]
pub(super) struct ConnectionHandle {
    draining: Cell<Draining>,
    waker: RefCell<Option<Waker>>,
}

impl ConnectionHandle {
    /// Whether the connection is to be closed.
    pub(super) fn draining(&self) -> Draining {
        self.draining.get()
    }

    /// Stores the waker of the connection's task.
    pub(super) fn remember(&self, waker: &Waker) {
        let mut known = self.waker.borrow_mut();
        match known.as_ref() {
            Some(known) if known.will_wake(waker) => {}
            Some(_) | None => *known = Some(waker.clone()),
        }
    }

    /// Wakes the connection's task.
    pub(super) fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }
}

/// The open connections of a worker.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    connections: RefCell<HashMap<u64, Rc<ConnectionHandle>>>,
    next: Cell<u64>,
    draining: Cell<Draining>,
    closed: Notify,
}

/// A connection's entry in its worker's registry; removed when dropped.
pub(super) struct Registered {
    registry: Rc<Registry>,
    number: u64,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.registry.connections.borrow_mut().remove(&self.number);
        self.registry.closed.notify_one();
    }
}

impl Registry {
    /// Registers a connection.
    pub(super) fn register(self: &Rc<Self>, handle: &Rc<ConnectionHandle>) -> Registered {
        let number = self.next.get();
        self.next.set(number + 1);
        handle.draining.set(self.draining.get());
        self.connections.borrow_mut().insert(number, handle.clone());
        Registered { registry: self.clone(), number }
    }

    /// How many connections are open.
    pub(crate) fn len(&self) -> usize {
        self.connections.borrow().len()
    }

    /// Waits until fewer than `limit` connections are open.
    pub(crate) async fn below(&self, limit: usize) {
        while self.len() >= limit {
            self.closed.notified().await;
        }
    }

    /// Closes every connection after its request, and waits until all are closed.
    pub(crate) async fn drain(&self) {
        self.end_all(Draining::AfterRequest);
        if self.len() > 0 {
            tokio::time::sleep(IDLE_DRAIN_DELAY).await;
        }
        self.end_all(Draining::Now);
        while self.len() > 0 {
            self.closed.notified().await;
        }
    }

    fn end_all(&self, how: Draining) {
        self.draining.set(how);
        for connection in self.connections.borrow().values() {
            connection.draining.set(how);
            connection.wake();
        }
    }
}
