//! Endpoints that do not accept connections: which of a backend's addresses is tried first. One
//! place for all workers of a process; it is not part of the table, so it outlives a change of it.

use super::error::Phase;
use crate::{balance, table::Protocol, telemetry::UpstreamStats};
use hashbrown::HashMap;
use std::{
    cell::Cell,
    hash::{BuildHasher, RandomState},
    net::SocketAddr,
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

/// How often a failing endpoint, or a backend without addresses, is logged, and how long it is
/// remembered after its last attempt.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// An attempt that is given up after this time, because its request has ended, counts as failed.
const PATIENCE: Duration = Duration::from_secs(1);

/// The same where it was its timeout that ended the request, for requests with the same timeouts.
const SHORT_PATIENCE: Duration = Duration::from_millis(100);

/// How many endpoints are remembered.
const MAX_ENDPOINTS: usize = 4096;

/// A backend and how long its requests wait. What such a use is impatient about, or what concerns
/// the backend's name, says nothing about the endpoint to other uses.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Use<'b> {
    /// The backend's name.
    pub(super) backend: &'b str,
    pub(super) protocol: &'b Protocol,
    /// Timeout for connecting.
    pub(super) connect: Option<Duration>,
    /// Timeout for the response's head.
    pub(super) request: Option<Duration>,
}

/// What is dialled, and how; with the hash of a [`Use`], as that one sees it.
type Endpoint = (SocketAddr, Protocol, Option<u64>);

/// The endpoints whose last connection attempts failed.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    /// Whether there are any: while there are none, requests take no lock.
    any: AtomicBool,
    endpoints: Mutex<HashMap<Endpoint, Failing>>,
    /// Hashes uses.
    hashing: RandomState,
    /// When backends without addresses were last logged.
    without_addresses: Mutex<HashMap<Box<str>, Instant>>,
}

/// A failing endpoint.
#[derive(Debug)]
struct Failing {
    /// How many attempts have failed since one succeeded; 0 if the last one did.
    failures: u32,
    /// When the last one has.
    failed: Instant,
    /// When it is tried again.
    next: Instant,
    /// Whether a request is trying it, so that others need not.
    trying: bool,
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

/// An attempt to connect. Dropped before it has an outcome, it counts as failed if the endpoint had
/// enough time.
pub(super) struct Attempt<'b> {
    backoff: &'b Backoff,
    stats: &'b UpstreamStats,
    used: Use<'b>,
    address: SocketAddr,
    began: Instant,
    /// Whether its request has timed out.
    is_late: &'b Cell<bool>,
    has_outcome: bool,
}

impl Backoff {
    /// The first of `addresses` to try, in the [order](balance::order) from `point`.
    pub(super) fn first(
        &self,
        addresses: &[SocketAddr],
        used: Use<'_>,
        point: u64,
    ) -> Option<SocketAddr> {
        let mut order = ordered(addresses, point);
        if !self.any.load(Ordering::Relaxed) {
            return order.next();
        }
        let is_passed_over = self.passed_over(used);
        order.find(|address| !is_passed_over(address)).or_else(|| ordered(addresses, point).next())
    }

    /// All of `addresses` in that order, those that are passed over last.
    pub(super) fn order(
        &self,
        addresses: &[SocketAddr],
        used: Use<'_>,
        point: u64,
    ) -> Vec<SocketAddr> {
        let mut order: Vec<_> = ordered(addresses, point).collect();
        if self.any.load(Ordering::Relaxed) {
            order.sort_by_key(self.passed_over(used));
        }
        order
    }

    /// Tells of addresses whether they are passed over.
    fn passed_over(&self, used: Use<'_>) -> impl Fn(&SocketAddr) -> bool {
        let (endpoints, now, own) = (self.lock(), Instant::now(), self.hashing.hash_one(used));
        move |address| {
            [None, Some(own)].into_iter().any(|own| {
                let endpoint = (*address, used.protocol.clone(), own);
                endpoints.get(&endpoint).is_some_and(|one| one.is_passed_over(now))
            })
        }
    }

    /// Begins an attempt to connect to one of a backend's addresses; `is_late` tells whether its
    /// request has timed out.
    pub(super) fn attempt<'b>(
        &'b self,
        stats: &'b UpstreamStats,
        used: Use<'b>,
        address: SocketAddr,
        is_late: &'b Cell<bool>,
    ) -> Attempt<'b> {
        self.update(used, address, |failing| failing.trying = true);
        let began = Instant::now();
        Attempt { backoff: self, stats, used, address, began, is_late, has_outcome: false }
    }

    /// Whether it is to be logged that no address of a backend can be dialled.
    pub(super) fn logs_no_address(&self, backend: &str, now: Instant) -> bool {
        let mut logged = self.without_addresses.lock().unwrap_or_else(PoisonError::into_inner);
        logged.retain(|_, at| now.saturating_duration_since(*at) < LOG_INTERVAL);
        if logged.contains_key(backend) || logged.len() >= MAX_ENDPOINTS {
            return false;
        }
        logged.insert(backend.into(), now);
        true
    }

    /// Forgets endpoints that nobody has tried for a while. Called periodically.
    pub(super) fn forget_stale(&self) {
        if self.any.load(Ordering::Relaxed) {
            let (mut endpoints, now) = (self.lock(), Instant::now());
            endpoints.retain(|_, failing| !failing.is_stale(now));
            self.any.store(!endpoints.is_empty(), Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Endpoint, Failing>> {
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Updates what is known about an address.
    fn update(&self, used: Use<'_>, address: SocketAddr, update: impl Fn(&mut Failing)) {
        if self.any.load(Ordering::Relaxed) {
            let mut endpoints = self.lock();
            for own in [None, Some(self.hashing.hash_one(used))] {
                let endpoint = (address, used.protocol.clone(), own);
                if let Some(failing) = endpoints.get_mut(&endpoint) {
                    update(failing);
                }
            }
        }
    }

    /// Records the failure of an attempt. Returns how long the endpoint is passed over, and how
    /// many attempts have failed, if that is to be logged.
    fn failed(&self, endpoint: Endpoint, began: Instant, now: Instant) -> Option<(Duration, u32)> {
        let mut endpoints = self.lock();
        if endpoints.len() >= MAX_ENDPOINTS && !endpoints.contains_key(&endpoint) {
            endpoints.retain(|_, failing| !failing.is_stale(now));
            if endpoints.len() >= MAX_ENDPOINTS {
                return None;
            }
        }
        self.any.store(true, Ordering::Relaxed);
        let mut is_new = false;
        let failing = endpoints.entry(endpoint).or_insert_with(|| {
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

impl Attempt<'_> {
    /// The endpoint has accepted the connection.
    pub(super) fn succeeded(mut self) {
        self.has_outcome = true;
        self.stats.connected(true);
        self.backoff.update(self.used, self.address, |failing| {
            (failing.failures, failing.trying) = (0, false);
        });
    }

    /// It has not: `why`.
    pub(super) fn failed(mut self, why: Phase) {
        let is_everyones = match why {
            Phase::Connect => true,
            Phase::ConnectTimeout => self.began.elapsed() >= PATIENCE,
            Phase::Choose
            | Phase::Resolve
            | Phase::Guard
            | Phase::Tls(_)
            | Phase::Upgrade
            | Phase::Exchange
            | Phase::Deadline => false,
        };
        self.fail(&why.to_string(), is_everyones);
    }

    fn fail(&mut self, why: &str, is_everyones: bool) {
        self.has_outcome = true;
        self.stats.connected(false);
        let Self { backoff, used, address, .. } = *self;
        backoff.update(used, address, |failing| failing.trying = false);
        let own = (!is_everyones).then(|| backoff.hashing.hash_one(used));
        let endpoint = (address, used.protocol.clone(), own);
        if let Some((delay, failures)) = backoff.failed(endpoint, self.began, Instant::now()) {
            tracing::warn!(
                backend = used.backend,
                endpoint = %address,
                why,
                failures,
                "can't connect to an endpoint; others are tried before it for {:.1} s",
                delay.as_secs_f64(),
            );
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.has_outcome {
            return;
        }
        let (had, why) = (self.began.elapsed(), "no connection before its request ended");
        if had >= PATIENCE {
            self.fail(why, true);
        } else if self.is_late.get() && had >= SHORT_PATIENCE {
            self.fail(why, false);
        } else {
            self.backoff.update(self.used, self.address, |failing| failing.trying = false);
        }
    }
}

fn ordered(addresses: &[SocketAddr], point: u64) -> impl Iterator<Item = SocketAddr> {
    balance::order(point, addresses.len()).filter_map(|index| addresses.get(index).copied())
}

/// How long an endpoint is passed over after so many earlier failures: shortened at random by up to
/// a quarter, so that not all processes try it again at the same time.
fn delay(earlier: u32) -> Duration {
    let full = FIRST_DELAY.saturating_mul(1 << earlier.min(16)).min(MAX_DELAY);
    let random = RandomState::new().hash_one(0) as u32;
    full - (full / 4).mul_f64(f64::from(random) / f64::from(u32::MAX))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
