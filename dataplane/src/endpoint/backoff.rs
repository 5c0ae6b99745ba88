//! Endpoints that do not accept connections: for a while they are passed over as long as their
//! backend has others. That is a preference; what takes an endpoint out is its ejection.

use crate::random;
use hashbrown::HashMap;
use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// How long an endpoint is passed over after its first failure; doubles with each further one.
const FIRST_DELAY: Duration = Duration::from_secs(1);

/// The longest such time.
const MAX_DELAY: Duration = Duration::from_secs(30);

/// How often a failing endpoint is logged, and how long its failures are remembered after its last
/// attempt.
pub(super) const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// How many uses of an endpoint are remembered to fail.
const MAX_USES: usize = 64;

/// A backend and how long its requests wait. What such a use is impatient about, or what concerns
/// the backend's name, says nothing about the endpoint to other uses.
#[derive(Clone, Copy, Debug, Hash)]
pub(crate) struct Use<'b> {
    /// The backend's name.
    pub(crate) backend: &'b str,
    /// Timeout for connecting.
    pub(crate) connect: Option<Duration>,
    /// Timeout for the response's head.
    pub(crate) request: Option<Duration>,
}

/// The failures to connect to one endpoint.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// Whether there are any: while there are none, requests take no lock.
    any: AtomicBool,
    /// By the hash of the [`Use`] that they concern; `None`: all.
    failing: Mutex<HashMap<Option<u64>, Failing>>,
    /// Hashes uses.
    hashing: RandomState,
}

/// What is known of failures to connect.
#[derive(Debug)]
pub(super) struct Failing {
    /// How many attempts have failed since one succeeded; 0 if the last one did.
    pub(super) failures: u32,
    /// When the last one has.
    pub(super) failed: Instant,
    /// When it is tried again.
    pub(super) next: Instant,
    /// Whether a request is trying it, so that others need not.
    pub(super) trying: bool,
    /// When it was last logged.
    logged: Instant,
}

impl Failing {
    fn is_passed_over(&self, now: Instant) -> bool {
        self.failures > 0 && (self.trying || now < self.next)
    }

    fn is_stale(&self, now: Instant) -> bool {
        let last = if self.failures > 0 { self.next } else { self.logged };
        !self.trying && now.saturating_duration_since(last) > LOG_INTERVAL
    }
}

/// Failures for which an endpoint is passed over.
pub(super) struct ShownFailures {
    /// How many there were in a row.
    pub(super) failures: u32,
    /// When the last one was.
    pub(super) since: Instant,
}

impl Backoff {
    /// Whether the endpoint is passed over for a use.
    pub(super) fn is_passed_over(&self, used: Use<'_>, now: Instant) -> bool {
        if !self.any.load(Ordering::Relaxed) {
            return false;
        }
        let (failing, own) = (self.lock(), self.hashing.hash_one(used));
        [None, Some(own)]
            .iter()
            .filter_map(|own| failing.get(own))
            .any(|one| one.is_passed_over(now))
    }

    /// The failures for which it is passed over by everyone, if it is.
    pub(super) fn shown(&self, now: Instant) -> Option<ShownFailures> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let failing = self.lock();
        let everyones = failing.get(&None).filter(|failing| failing.is_passed_over(now));
        everyones.map(|failing| ShownFailures { failures: failing.failures, since: failing.failed })
    }

    /// Forgets failures after which nobody has tried for a while. Called periodically.
    pub(super) fn forget_stale(&self, now: Instant) {
        if self.any.load(Ordering::Relaxed) {
            let mut failing = self.lock();
            failing.retain(|_, one| !one.is_stale(now));
            self.any.store(!failing.is_empty(), Ordering::Relaxed);
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<Option<u64>, Failing>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What tells a use from others.
    pub(super) fn hash(&self, used: Use<'_>) -> u64 {
        self.hashing.hash_one(used)
    }

    /// Updates what is known for a use and for everyone.
    pub(super) fn update(&self, used: Use<'_>, update: impl Fn(&mut Failing)) {
        if self.any.load(Ordering::Relaxed) {
            let mut failing = self.lock();
            for own in [None, Some(self.hash(used))] {
                if let Some(failing) = failing.get_mut(&own) {
                    update(failing);
                }
            }
        }
    }

    /// Records the failure of an attempt. Returns how long the endpoint is passed over, and how
    /// many attempts have failed, if that is to be logged.
    pub(super) fn failed(
        &self,
        own: Option<u64>,
        began: Instant,
        now: Instant,
    ) -> Option<(Duration, u32)> {
        let mut all = self.lock();
        if all.len() >= MAX_USES && !all.contains_key(&own) {
            all.retain(|_, failing| !failing.is_stale(now));
            // There is always room for what concerns everyone.
            if all.len() >= MAX_USES && own.is_some() {
                return None;
            }
        }
        self.any.store(true, Ordering::Relaxed);
        let mut is_new = false;
        let failing = all.entry(own).or_insert_with(|| {
            is_new = true;
            Failing { failures: 0, failed: now, next: now, trying: false, logged: now }
        });
        // One of several attempts at the same time: it tells nothing new.
        if failing.failures > 0 && began < failing.failed {
            return None;
        }
        let delay = delay(failing.failures);
        failing.failures = failing.failures.saturating_add(1);
        failing.failed = now;
        failing.next = now + delay;
        let is_due = is_new || now.saturating_duration_since(failing.logged) >= LOG_INTERVAL;
        if is_due {
            failing.logged = now;
        }
        is_due.then_some((delay, failing.failures))
    }
}

/// How long an endpoint is passed over after so many earlier failures: shortened at random by up to
/// a quarter, so that not all processes try it again at the same time.
fn delay(earlier: u32) -> Duration {
    let full = FIRST_DELAY.saturating_mul(1 << earlier.min(16)).min(MAX_DELAY);
    full - (full / 4).mul_f64(random::fraction())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
