//! How many of a Route's requests may be retries: one count for all workers. A worker tells of its
//! requests once a second, so that they cost it no shared memory each.

use std::{
    cell::Cell,
    cmp::Ordering,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// How many seconds the share is taken over, the current one included.
const WINDOW: u64 = 10;

/// More than [`WINDOW`], so that a second that has begun overwrites none that still counts.
const SLOTS: usize = 16;

/// So many retries always may be in a second.
const MIN_PER_SECOND: u64 = 3;

/// What is known of a Route's requests and retries.
#[derive(Debug, Default)]
pub(crate) struct RetryBudget {
    requests: Counts,
    retries: Counts,
}

/// Counts by second.
#[derive(Debug, Default)]
struct Counts([AtomicU64; SLOTS]);

/// A second and a count in it, in one number.
const COUNT_BITS: u32 = 32;

fn stamped(second: u64, count: u64) -> u64 {
    (second << COUNT_BITS) | count
}

impl Counts {
    fn slot(&self, second: u64) -> &AtomicU64 {
        // The remainder is less than the length.
        &self.0[(second % SLOTS as u64) as usize]
    }

    fn add(&self, second: u64, count: u64) {
        let add = |known: u64| match (known >> COUNT_BITS).cmp(&second) {
            Ordering::Equal => known.saturating_add(count),
            Ordering::Less => stamped(second, count),
            // A worker that was idle tells late, and a later second has the place.
            Ordering::Greater => known,
        };
        // Always `Some`, so it never fails.
        let _ = self.slot(second).fetch_update(Relaxed, Relaxed, |known| Some(add(known)));
    }

    fn of(&self, second: u64) -> u64 {
        let known = self.slot(second).load(Relaxed);
        if known >> COUNT_BITS == second { known & u64::from(u32::MAX) } else { 0 }
    }

    fn recent(&self, second: u64) -> u64 {
        (second.saturating_sub(WINDOW - 1)..=second).map(|second| self.of(second)).sum()
    }
}

impl RetryBudget {
    /// Counts a retry in `second` unless they would be more than `percent` of the requests of the
    /// last 10 s, and more than 3 in this one.
    fn take(&self, second: u64, percent: u8) -> bool {
        let (requests, retries) = (self.requests.recent(second), self.retries.recent(second));
        let is_within = (retries + 1) * 100 <= requests * u64::from(percent)
            || self.retries.of(second) < MIN_PER_SECOND;
        if is_within {
            self.retries.add(second, 1);
        }
        is_within
    }
}

/// A worker's part in a [`RetryBudget`].
#[derive(Debug)]
pub(crate) struct RetryShare {
    budget: Arc<RetryBudget>,
    /// A second, and the requests in it that the budget does not know of.
    untold: Cell<(u64, u64)>,
}

impl RetryShare {
    /// A part in `budget`.
    pub(crate) fn of(budget: Arc<RetryBudget>) -> Self {
        Self { budget, untold: Cell::default() }
    }

    /// Counts a request in `second`, which is of a clock that all workers share.
    pub(crate) fn count(&self, second: u64) {
        let (last, count) = self.untold.get();
        if last == second {
            self.untold.set((last, count + 1));
        } else {
            self.tell();
            self.untold.set((second, 1));
        }
    }

    /// Whether a request may be sent once more, if retries are at most `percent` of the requests.
    /// Counts the retry if so.
    pub(crate) fn take(&self, second: u64, percent: u8) -> bool {
        self.tell();
        self.budget.take(second, percent)
    }

    fn tell(&self) {
        let (second, count) = self.untold.replace((0, 0));
        if count > 0 {
            self.budget.requests.add(second, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_few_always_may_be_and_then_a_share() {
        let share = RetryShare::of(Arc::default());
        let taken = |second, percent| (0..500).filter(|_| share.take(second, percent)).count();
        share.count(100);
        assert_eq!((taken(100, 0), taken(100, 20), taken(101, 20)), (3, 0, 3));
        (0..1000).for_each(|_| share.count(102));
        // 200 of 1001 requests, of which 6 have been.
        assert_eq!((taken(102, 20), taken(103, 20), taken(111, 20)), (194, 3, 3));
        // The requests no longer count, and the retries neither.
        assert_eq!((taken(112, 20), taken(1000, 20)), (3, 3));
    }

    #[test]
    fn workers_share_it() {
        let budget = Arc::<RetryBudget>::default();
        let [one, other] = [budget.clone(), budget].map(RetryShare::of);
        (0..100).for_each(|_| one.count(50));
        // It tells of them with its next request in another second, or its next retry.
        one.count(51);
        let taken = (0..100).filter(|_| other.take(51, 50)).count();
        assert_eq!((taken, one.take(51, 50)), (50, false));
    }

    proptest! {
        /// The share is kept at any time, and what always may be is.
        #[test]
        fn retries_stay_within_the_share(
            steps in prop::collection::vec((0u64..4, 0u32..40, 0u32..40), 1..60),
            percent in 0u8..=100,
        ) {
            let share = RetryShare::of(Arc::default());
            let (mut second, mut requests, mut retries) = (1, Vec::new(), Vec::new());
            for (later, asked, retried) in steps {
                second += later;
                for _ in 0..asked {
                    share.count(second);
                    requests.push(second);
                }
                let recent = |all: &Vec<u64>| {
                    all.iter().filter(|one| second - **one < WINDOW).count() as u64
                };
                for _ in 0..retried {
                    let now = retries.iter().filter(|one| **one == second).count() as u64;
                    let allowed = recent(&requests) * u64::from(percent);
                    let expected = (recent(&retries) + 1) * 100 <= allowed || now < MIN_PER_SECOND;
                    prop_assert_eq!(share.take(second, percent), expected);
                    if expected {
                        retries.push(second);
                    }
                }
            }
        }
    }
}
