//! The open connections of a worker, and how they are closed: while draining, and where another
//! connection needs their place or their memory.

use super::{
    clients::Admission,
    memory::MemoryBudget,
    queues::{Queue, Queues},
};
use crate::telemetry::{ConnectionCounts, GaveWay};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    task::Waker,
    time::{Duration, Instant},
};
use tokio::{sync::Notify, time::timeout};

/// How long idle connections are kept before they are closed: a round trip to most clients, which
/// may already have sent their next request.
const IDLE_DRAIN_DELAY: Duration = Duration::from_millis(100);

/// How long a client may read nothing before a new connection can have its memory.
const STALL_GRACE: Duration = Duration::from_secs(1);

/// How often a connection that waits for its place looks whether other workers, which don't notify
/// this one, have freed memory.
const RECHECK_INTERVAL: Duration = Duration::from_millis(50);

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
    /// At once: it has no request, or its client does not read, and another connection needs its
    /// place or its memory.
    GiveWay,
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    /// It waits for a request.
    Idle,
    /// It waits for the rest of a head.
    Head,
    /// It has a request.
    Busy,
    /// It has part of a response that its client does not read.
    Stalled,
}

/// A worker's handle on a connection, whichever protocol it uses.
#[derive(Debug)]
pub(super) struct ConnectionHandle {
    registry: Rc<Registry>,
    /// Its entry in the registry, until it is removed.
    key: Cell<Option<usize>>,
    draining: Cell<Draining>,
    waker: RefCell<Option<Waker>>,
    /// How many bytes it holds, of the budget.
    memory: Cell<usize>,
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

    /// Records what the connection does from now on.
    pub(super) fn set_activity(&self, activity: Activity, now: Instant) {
        let Some(key) = self.key.get().filter(|_| self.draining.get() != Draining::GiveWay) else {
            return;
        };
        let mut connections = self.registry.connections.borrow_mut();
        match activity {
            Activity::Idle => connections.join(key, Queue::Idle, now),
            Activity::Head => connections.join(key, Queue::Head, now),
            Activity::Stalled => connections.join(key, Queue::Stalled, now),
            Activity::Busy => return connections.leave(key),
        }
        if self.registry.is_awaited.get() {
            self.registry.changed.notify_one();
        }
    }

    /// Records how many bytes the connection holds. If that exceeds the budget, others give way,
    /// or this one.
    pub(super) fn set_memory(&self, bytes: usize) {
        let before = self.memory.get();
        // What a connection that gives way holds is freed with it.
        if before == bytes || self.draining.get() == Draining::GiveWay {
            return;
        }
        self.memory.set(bytes);
        self.registry.memory.update(before, bytes);
        if bytes > before {
            self.registry.relieve();
        }
    }

    /// Whether the connection is closed at once, for another one. One that is busy by now is served:
    /// a request may have arrived in the meantime, or its client has read all that there was of a
    /// response.
    pub(super) fn gives_way(&self, activity: impl FnOnce() -> Activity) -> bool {
        let gives_way = self.draining() == Draining::GiveWay;
        if gives_way && activity() == Activity::Busy {
            self.stay();
            return false;
        }
        gives_way
    }

    /// The connection has a request after all: it does not give way, and is closed after it.
    pub(super) fn stay(&self) {
        if self.draining.get() != Draining::GiveWay {
            return;
        }
        let (count, bytes) = self.registry.leaving.get();
        self.registry.leaving.set((count - 1, bytes - self.memory.get()));
        self.draining.set(match self.registry.draining.get() {
            Draining::No => Draining::AfterRequest,
            draining @ (Draining::AfterRequest | Draining::Now | Draining::GiveWay) => draining,
        });
        // Another one has to give way in its place.
        self.registry.changed.notify_one();
    }

    fn give_way(&self) {
        if let Some(key) = self.key.get() {
            self.registry.connections.borrow_mut().leave(key);
        }
        self.draining.set(Draining::GiveWay);
        let (count, bytes) = self.registry.leaving.get();
        self.registry.leaving.set((count + 1, bytes + self.memory.get()));
        self.wake();
    }
}

/// The open connections of a worker.
#[derive(Debug)]
pub(crate) struct Registry {
    connections: RefCell<Queues<Rc<ConnectionHandle>>>,
    draining: Cell<Draining>,
    memory: Arc<MemoryBudget>,
    /// How many connections are giving way, and how many bytes they hold.
    leaving: Cell<(usize, usize)>,
    /// A connection has closed or, where that is awaited, has no request any more.
    changed: Notify,
    /// Whether a new connection waits for its place.
    is_awaited: Cell<bool>,
    gave_way: Cell<[u64; GaveWay::ALL.len()]>,
}

/// A connection's entry in its worker's registry; removed when dropped.
pub(super) struct Registered {
    pub(super) handle: Rc<ConnectionHandle>,
    _admission: Admission,
}

impl Drop for Registered {
    fn drop(&mut self) {
        let (handle, registry) = (&self.handle, &self.handle.registry);
        if let Some(key) = handle.key.take() {
            registry.connections.borrow_mut().remove(key);
        }
        let bytes = handle.memory.take();
        registry.memory.update(bytes, 0);
        if handle.draining.get() == Draining::GiveWay {
            let (count, leaving) = registry.leaving.get();
            registry.leaving.set((count - 1, leaving - bytes));
        }
        registry.changed.notify_one();
    }
}

impl Registry {
    /// A worker's registry; `memory` is shared by all workers.
    pub(crate) fn new(memory: Arc<MemoryBudget>) -> Self {
        Self {
            connections: RefCell::default(),
            draining: Cell::default(),
            memory,
            leaving: Cell::default(),
            changed: Notify::new(),
            is_awaited: Cell::new(false),
            gave_way: Cell::default(),
        }
    }

    /// Registers a connection, as busy.
    pub(super) fn register(self: &Rc<Self>, admission: Admission) -> Registered {
        let handle = Rc::new(ConnectionHandle {
            registry: self.clone(),
            key: Cell::new(None),
            draining: Cell::new(self.draining.get()),
            waker: RefCell::new(None),
            memory: Cell::new(0),
        });
        let key = self.connections.borrow_mut().insert(handle.clone());
        handle.key.set(Some(key));
        Registered { handle, _admission: admission }
    }

    /// How many connections are open.
    pub(crate) fn len(&self) -> usize {
        self.connections.borrow().len()
    }

    /// The number of connections, and of those that had to go.
    pub(crate) fn counts(&self) -> ConnectionCounts {
        ConnectionCounts { open: self.len(), gave_way: self.gave_way.get() }
    }

    /// A connection has been closed for this reason.
    pub(crate) fn count(&self, reason: GaveWay) {
        let mut counts = self.gave_way.get();
        counts[reason as usize] += 1;
        self.gave_way.set(counts);
    }

    /// Waits until fewer than `limit` connections are open, and there is memory for one more.
    /// Connections without a request give way and, if it is memory that lacks, those whose clients
    /// don't read.
    pub(crate) async fn make_room(&self, limit: usize) {
        loop {
            let open = self.len();
            let is_full = open >= limit;
            // Whatever other workers hold, each can serve one connection.
            if !is_full && (open == 0 || self.memory.used() < self.memory.limit()) {
                return;
            }
            let reason = if is_full { GaveWay::Connections } else { GaveWay::Memory };
            // One at a time: the one that is leaving may be all that it takes.
            if self.leaving.get().0 == 0 {
                self.close_oldest(reason, STALL_GRACE);
            }
            self.is_awaited.set(true);
            // Either way, the loop looks again.
            let _ = timeout(RECHECK_INTERVAL, self.changed.notified()).await;
            self.is_awaited.set(false);
        }
    }

    /// Closes connections while all connections hold more than they may.
    fn relieve(&self) {
        while self.memory.used().saturating_sub(self.leaving.get().1) > self.memory.limit()
            && self.close_oldest(GaveWay::Memory, Duration::ZERO)
        {}
    }

    /// Closes the connection that has been longest without a request; `false` if each has one. For
    /// its place, idle ones come before those that are in the middle of a head. For its memory, only
    /// the time counts, and a client that has read nothing of its response for `grace` counts as
    /// one without a request: whoever holds memory to no purpose does not outlast a client that
    /// paused between two requests.
    fn close_oldest(&self, reason: GaveWay, grace: Duration) -> bool {
        let oldest = {
            let connections = self.connections.borrow();
            let (idle, head) = (connections.oldest(Queue::Idle), connections.oldest(Queue::Head));
            let oldest = match reason {
                GaveWay::Connections | GaveWay::Client => idle.or(head),
                GaveWay::Memory => {
                    let stalled = connections.oldest(Queue::Stalled);
                    let stalled = stalled.filter(|(_, since)| since.elapsed() >= grace);
                    let all = [idle, head, stalled].into_iter().flatten();
                    all.min_by_key(|(_, since)| *since)
                }
            };
            let Some((oldest, _)) = oldest else { return false };
            oldest.clone()
        };
        oldest.give_way();
        self.count(reason);
        true
    }

    /// Closes every connection after its request, and waits until all are closed.
    pub(crate) async fn drain(&self) {
        self.end_all(Draining::AfterRequest);
        if self.len() > 0 {
            tokio::time::sleep(IDLE_DRAIN_DELAY).await;
        }
        self.end_all(Draining::Now);
        while self.len() > 0 {
            self.changed.notified().await;
        }
    }

    fn end_all(&self, how: Draining) {
        self.draining.set(how);
        for connection in self.connections.borrow().iter() {
            if connection.draining.get() != Draining::GiveWay {
                connection.draining.set(how);
            }
            connection.wake();
        }
    }
}

#[cfg(test)]
mod tests;
