//! Finished spans on their way from the workers to whoever exports them.

use super::span::RequestSpan;
use std::{
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many spans of requests a worker keeps while nobody takes them. Further ones are dropped and
/// counted.
const MAX_SPANS: usize = 2_048;
/// From how many on they should be taken at once.
const PROMPT_SPANS: usize = MAX_SPANS / 4;

/// The spans of all workers. A worker shares its own with nobody but the one who takes them, so their
/// lock is free whenever a worker needs it, but for the moment in which they are taken.
pub struct Spans {
    all: Mutex<Vec<Arc<Queue>>>,
    wake: Box<dyn Fn() + Send + Sync>,
}

/// The spans of one worker.
#[derive(Debug, Default)]
pub(super) struct Queue(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    spans: Vec<RequestSpan>,
    dropped: u64,
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spans").finish_non_exhaustive()
    }
}

impl Spans {
    /// Without spans yet; `wake` is called by workers, when there are many to take.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self { all: Mutex::default(), wake: Box::new(wake) }
    }

    /// All spans that there are, and how many were dropped because too many had not been taken.
    pub fn take(&self) -> (Vec<RequestSpan>, u64) {
        let (mut spans, mut dropped) = (Vec::new(), 0);
        locked(&self.all).retain(|queue| {
            // Before its spans are taken: a worker that has ended adds none.
            let is_open = Arc::strong_count(queue) > 1;
            let mut waiting = locked(&queue.0);
            let Waiting { spans: taken, dropped: more } = mem::take(&mut *waiting);
            drop(waiting);
            spans.extend(taken);
            dropped += more;
            is_open
        });
        (spans, dropped)
    }

    /// A queue for another worker.
    pub(super) fn open(&self) -> Arc<Queue> {
        let queue = Arc::<Queue>::default();
        locked(&self.all).push(queue.clone());
        queue
    }

    /// Says that there are many to take.
    pub(super) fn wake(&self) {
        (self.wake)();
    }
}

impl Queue {
    /// Adds a span, and tells if it is time to say that there are many.
    pub(super) fn add(&self, span: RequestSpan) -> bool {
        let mut waiting = locked(&self.0);
        if waiting.spans.len() >= MAX_SPANS {
            waiting.dropped += 1;
            return false;
        }
        waiting.spans.push(span);
        waiting.spans.len() == PROMPT_SPANS
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_all_workers_are_taken_once_and_those_of_one_that_ended_too() {
        let spans = Spans::new(|| {});
        let (one, other) = (spans.open(), spans.open());
        for queue in [&one, &other, &other] {
            assert!(!queue.add(RequestSpan::sample()));
        }
        drop(other);
        assert_eq!((spans.take().0.len(), locked(&spans.all).len()), (3, 1));
        assert_eq!(spans.take().0.len(), 0);
    }

    #[test]
    fn what_nobody_takes_is_bounded_and_counted() {
        let spans = Spans::new(|| {});
        let queue = spans.open();
        let woken = (0..MAX_SPANS + 7).filter(|_| queue.add(RequestSpan::sample())).count();
        let (taken, dropped) = spans.take();
        assert_eq!((woken, taken.len(), dropped), (1, MAX_SPANS, 7));
        assert_eq!(spans.take().1, 0);
    }
}
