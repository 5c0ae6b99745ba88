//! Places at endpoints whose requests are limited, and the queue for them: first come, first served
//! over all workers. Nobody takes a lock unless somebody waits.
//!
//! No wake-up is lost. Who waits stands in the queue and has told every endpoint so before it looks
//! for a place; who leaves one gives it back before it looks whether anybody waits. Each does so in
//! one order that all threads see, so at least one of them sees the other.

use super::{
    Member,
    state::{Endpoint, InFlight},
};
use crate::table::Ejection;
use std::{
    collections::VecDeque,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    time::Instant,
};
use tokio::sync::oneshot;

/// The requests in flight to one endpoint, and the queues in which others wait to be.
#[derive(Debug, Default)]
pub(super) struct Places {
    taken: AtomicU32,
    is_awaited: AtomicBool,
    queues: Mutex<Vec<Weak<Queue>>>,
}

impl Places {
    /// Takes a place, however many are taken.
    pub(super) fn take(&self) {
        self.taken.fetch_add(1, Ordering::SeqCst);
    }

    /// Takes a place if fewer than `limit` are taken.
    pub(super) fn take_below(&self, limit: NonZeroU32) -> bool {
        let add = |taken: u32| (taken < limit.get()).then_some(taken + 1);
        self.taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, add).is_ok()
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> u32 {
        self.taken.load(Ordering::SeqCst)
    }

    fn queues(&self) -> MutexGuard<'_, Vec<Weak<Queue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells that requests wait in `queue`.
    fn join(&self, queue: &Arc<Queue>) {
        let mut queues = self.queues();
        queues.push(Arc::downgrade(queue));
        self.is_awaited.store(true, Ordering::SeqCst);
    }

    /// Tells that none does any longer.
    fn leave(&self, queue: &Queue) {
        let mut queues = self.queues();
        queues.retain(|one| !std::ptr::eq(one.as_ptr(), queue) && one.strong_count() > 0);
        self.is_awaited.store(!queues.is_empty(), Ordering::SeqCst);
    }
}

/// Gives back a place of `endpoint`: to the one that has waited longest, if anybody does.
pub(super) fn leave(endpoint: &Arc<Endpoint>) {
    endpoint.places.taken.fetch_sub(1, Ordering::SeqCst);
    if endpoint.places.is_awaited.load(Ordering::SeqCst) {
        let queues: Vec<_> = endpoint.places.queues().iter().filter_map(Weak::upgrade).collect();
        for queue in queues {
            queue.serve(endpoint);
        }
    }
}

/// The requests that wait for a place at an endpoint of one backend.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    line: Mutex<Line>,
    /// How many wait for any endpoint.
    for_any: AtomicUsize,
}

#[derive(Debug, Default)]
struct Line {
    waiters: VecDeque<Waiter>,
    next: u64,
    /// The endpoints that know of this queue.
    told: Option<Arc<[Member]>>,
}

/// What a request waits for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The backend's endpoints.
    pub(crate) members: Arc<[Member]>,
    /// The only one of them that will do.
    pub(crate) only: Option<Arc<Endpoint>>,
    /// How many requests an endpoint may have in flight.
    pub(crate) limit: NonZeroU32,
    /// What takes endpoints out; `None`: all will do, whatever their state.
    pub(crate) ejection: Option<Ejection>,
}

impl Wanted {
    fn accepts(&self, endpoint: &Arc<Endpoint>, now: Instant) -> bool {
        let is_one = |member: &&Member| Arc::ptr_eq(&member.endpoint, endpoint);
        endpoint.places.taken() < self.limit.get()
            && self.only.as_ref().is_none_or(|only| Arc::ptr_eq(only, endpoint))
            && self.members.iter().find(is_one).is_some_and(|member| {
                self.ejection.as_ref().is_none_or(|terms| member.is_available(terms, now))
            })
    }
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    wanted: Wanted,
    place: oneshot::Sender<InFlight>,
}

/// As many requests wait as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueFull;

impl Queue {
    /// Whether anybody waits for any endpoint: then others go behind them. Those that wait for a
    /// certain one hold back nobody, but for that one, which is full.
    pub(crate) fn is_awaited(&self) -> bool {
        self.for_any.load(Ordering::SeqCst) > 0
    }

    /// Waits for a place, behind at most `length` - 1 others. May be dropped at any time; a place
    /// that was given by then goes to the next.
    ///
    /// # Errors
    /// If `length` wait already.
    pub(crate) async fn wait(
        self: &Arc<Self>,
        wanted: Wanted,
        length: u32,
    ) -> Result<InFlight, QueueFull> {
        let members = wanted.members.clone();
        let (place, placed) = oneshot::channel();
        let number = self.enter(Waiter { number: 0, wanted, place }, length)?;
        let _leaving = Leaving { queue: self, number };
        for member in &*members {
            self.serve(&member.endpoint);
        }
        // Fails only where the waiter is dropped without a place, and nobody but `Leaving` does so.
        placed.await.map_err(|_| QueueFull)
    }

    fn enter(self: &Arc<Self>, waiter: Waiter, length: u32) -> Result<u64, QueueFull> {
        let mut line = self.line();
        if line.waiters.len() >= length as usize {
            return Err(QueueFull);
        }
        let number = line.next;
        line.next += 1;
        let members = waiter.wanted.members.clone();
        line.waiters.push_back(Waiter { number, ..waiter });
        self.count(&line);
        if !line.told.as_ref().is_some_and(|told| Arc::ptr_eq(told, &members)) {
            line.tell_nobody(self);
            members.iter().for_each(|member| member.endpoint.places.join(self));
            line.told = Some(members);
        }
        Ok(number)
    }

    /// Gives places of `endpoint` to those that have waited longest.
    fn serve(&self, endpoint: &Arc<Endpoint>) {
        let now = Instant::now();
        loop {
            let mut line = self.line();
            let accepts = |waiter: &Waiter| waiter.wanted.accepts(endpoint, now);
            let Some(at) = line.waiters.iter().position(accepts) else { return };
            let limit = line.waiters.get(at).map(|waiter| waiter.wanted.limit);
            // If another takes the last place first, it comes here when it leaves it.
            let Some(place) = limit.and_then(|limit| endpoint.begin_below(limit)) else { return };
            let waiter = line.waiters.remove(at);
            self.has_changed(&mut line);
            drop(line);
            // Given back if the waiter has just gone: then it is the next one's.
            let given = waiter.map(|waiter| waiter.place.send(place));
            drop(given);
        }
    }

    fn leave(&self, number: u64) {
        let mut line = self.line();
        line.waiters.retain(|waiter| waiter.number != number);
        self.has_changed(&mut line);
    }

    fn count(&self, line: &Line) {
        let for_any = line.waiters.iter().filter(|waiter| waiter.wanted.only.is_none()).count();
        self.for_any.store(for_any, Ordering::SeqCst);
    }

    fn has_changed(&self, line: &mut Line) {
        self.count(line);
        if line.waiters.is_empty() {
            line.tell_nobody(self);
        }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn tell_nobody(&mut self, queue: &Queue) {
        for member in self.told.take().iter().flat_map(|told| &**told) {
            member.endpoint.places.leave(queue);
        }
    }
}

/// Takes a request out of a queue.
struct Leaving<'q> {
    queue: &'q Queue,
    number: u64,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.queue.leave(self.number);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
