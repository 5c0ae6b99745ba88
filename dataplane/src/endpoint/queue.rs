//! Places at endpoints whose requests are limited, and the queue for them: first come, first served
//! over all workers. Nobody takes a lock unless somebody waits.
//!
//! No wake-up is lost. Who waits stands in the queue and has told every endpoint so before it looks
//! for a place; who leaves one gives it back before it looks whether anybody waits. Each does so in
//! one order that all threads see, so at least one of them sees the other.

use std::{
    collections::VecDeque,
    fmt,
    num::NonZeroU32,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{sync::oneshot, time::timeout};

/// How often those that wait look for endpoints that are available again.
const RECHECK_INTERVAL: Duration = Duration::from_millis(100);

/// The requests in flight to one endpoint, and the queues in which others wait to be.
#[derive(Debug, Default)]
pub(crate) struct Places {
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

/// A request in flight, which ends when this is dropped: with the response's body, or the tunnel.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Places>);

impl InFlight {
    /// Takes a place, however many are taken.
    pub(super) fn begin(places: &Arc<Places>) -> Self {
        places.take();
        Self(places.clone())
    }

    /// Takes a place if fewer than `limit` are taken.
    pub(super) fn begin_below(places: &Arc<Places>, limit: NonZeroU32) -> Option<Self> {
        places.take_below(limit).then(|| Self(places.clone()))
    }

    /// Whether it is one of these places.
    pub(super) fn is_of(&self, places: &Arc<Places>) -> bool {
        Arc::ptr_eq(&self.0, places)
    }
}

impl Drop for InFlight {
    /// Gives the place back: to the one that has waited longest, if anybody does.
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::SeqCst);
        if self.0.is_awaited.load(Ordering::SeqCst) {
            let queues: Vec<_> = self.0.queues().iter().filter_map(Weak::upgrade).collect();
            for queue in queues {
                queue.serve(&self.0);
            }
        }
    }
}

/// The requests that wait for a place at an endpoint of one backend.
#[derive(Default)]
pub(crate) struct Queue {
    line: Mutex<Line>,
    /// How many wait for any endpoint.
    for_any: AtomicUsize,
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("for_any", &self.for_any).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Line {
    waiters: VecDeque<Waiter>,
    next: u64,
    /// The endpoints that know of this queue.
    told: Option<Arc<[Arc<Places>]>>,
}

/// Whether the endpoint at this index may be taken now.
type MayTake = Box<dyn Fn(usize, Instant) -> bool + Send + Sync>;

/// What a request waits for.
pub(crate) struct Wanted {
    /// The places at the backend's endpoints.
    pub(crate) places: Arc<[Arc<Places>]>,
    /// The index of the only ones of them that will do.
    pub(crate) only: Option<usize>,
    /// How many requests an endpoint may have in flight.
    pub(crate) limit: NonZeroU32,
    pub(crate) may_take: MayTake,
}

impl Wanted {
    fn accepts(&self, places: &Arc<Places>, now: Instant) -> bool {
        places.taken() < self.limit.get()
            && self.places.iter().position(|one| Arc::ptr_eq(one, places)).is_some_and(|index| {
                self.only.is_none_or(|only| only == index) && (self.may_take)(index, now)
            })
    }
}

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
        let all = wanted.places.clone();
        let (place, placed) = oneshot::channel();
        let number = self.enter(Waiter { number: 0, wanted, place }, length)?;
        let _leaving = Leaving { queue: self, number };
        all.iter().for_each(|places| self.serve(places));
        let mut placed = pin!(placed);
        loop {
            // Fails only where the waiter is dropped without a place, and nobody but `Leaving` does
            // so.
            match timeout(RECHECK_INTERVAL, placed.as_mut()).await {
                Ok(place) => return place.map_err(|_| QueueFull),
                // Nobody tells of endpoints that are out no longer.
                Err(_) if self.is_first(number) => {
                    all.iter().for_each(|places| self.serve(places));
                }
                Err(_) => {}
            }
        }
    }

    fn is_first(&self, number: u64) -> bool {
        self.line().waiters.front().is_some_and(|waiter| waiter.number == number)
    }

    fn enter(self: &Arc<Self>, waiter: Waiter, length: u32) -> Result<u64, QueueFull> {
        let mut line = self.line();
        if line.waiters.len() >= length as usize {
            return Err(QueueFull);
        }
        let number = line.next;
        line.next += 1;
        let all = waiter.wanted.places.clone();
        line.waiters.push_back(Waiter { number, ..waiter });
        self.count(&line);
        if !line.told.as_ref().is_some_and(|told| Arc::ptr_eq(told, &all)) {
            line.tell_nobody(self);
            all.iter().for_each(|places| places.join(self));
            line.told = Some(all);
        }
        Ok(number)
    }

    /// Gives places at an endpoint to those that have waited longest.
    fn serve(&self, places: &Arc<Places>) {
        let now = Instant::now();
        loop {
            let mut line = self.line();
            let accepts = |waiter: &Waiter| waiter.wanted.accepts(places, now);
            let Some(at) = line.waiters.iter().position(accepts) else { return };
            let limit = line.waiters.get(at).map(|waiter| waiter.wanted.limit);
            // If another takes the last place first, it comes here when it leaves it.
            let Some(place) = limit.and_then(|limit| InFlight::begin_below(places, limit)) else {
                return;
            };
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
        for places in self.told.take().iter().flat_map(|told| &**told) {
            places.leave(queue);
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
