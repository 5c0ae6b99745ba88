//! Endpoints that do not accept connections: which of a backend's addresses is tried first. One
//! place for all workers of a process; it is not part of the table, so it outlives a change of it.

use crate::{balance, table::Protocol, telemetry::UpstreamStats};
use hashbrown::HashMap;
use std::{
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

/// How often a failing endpoint is logged, and how long it is remembered after its last attempt.
const LOG_INTERVAL: Duration = Duration::from_secs(60);

/// An attempt that is given up after this time, because its request has ended, counts as failed.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many endpoints are remembered.
const MAX_ENDPOINTS: usize = 4096;

/// What is dialled, and how.
type Endpoint = (SocketAddr, Protocol);

/// The endpoints whose last connection attempts failed.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    /// Whether there are any: while there are none, requests take no lock.
    any: AtomicBool,
    endpoints: Mutex<HashMap<Endpoint, Failing>>,
}

/// A failing endpoint.
#[derive(Debug)]
struct Failing {
    /// How many attempts have failed since one succeeded; 0 if the last one did.
    failures: u32,
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
    backend: &'b str,
    endpoint: Endpoint,
    began: Instant,
    has_outcome: bool,
}

impl Backoff {
    /// The first of `addresses` to try, in the [order](balance::order) from `point`.
    pub(super) fn first(
        &self,
        addresses: &[SocketAddr],
        protocol: Protocol,
        point: u64,
    ) -> Option<SocketAddr> {
        let mut order = ordered(addresses, point);
        if !self.any.load(Ordering::Relaxed) {
            return order.next();
        }
        let (endpoints, now) = (self.lock(), Instant::now());
        let is_passed_over = |address: &SocketAddr| {
            endpoints.get(&(*address, protocol)).is_some_and(|one| one.is_passed_over(now))
        };
        order.find(|address| !is_passed_over(address)).or_else(|| ordered(addresses, point).next())
    }

    /// All of `addresses` in that order, those that are passed over last.
    pub(super) fn order(
        &self,
        addresses: &[SocketAddr],
        protocol: Protocol,
        point: u64,
    ) -> Vec<SocketAddr> {
        let mut order: Vec<_> = ordered(addresses, point).collect();
        if self.any.load(Ordering::Relaxed) {
            let (endpoints, now) = (self.lock(), Instant::now());
            order.sort_by_key(|address| {
                endpoints.get(&(*address, protocol)).is_some_and(|one| one.is_passed_over(now))
            });
        }
        order
    }

    /// Begins an attempt to connect to one of `backend`'s addresses.
    pub(super) fn attempt<'b>(
        &'b self,
        stats: &'b UpstreamStats,
        backend: &'b str,
        endpoint: Endpoint,
    ) -> Attempt<'b> {
        if self.any.load(Ordering::Relaxed)
            && let Some(failing) = self.lock().get_mut(&endpoint)
        {
            failing.trying = true;
        }
        Attempt {
            backoff: self,
            stats,
            backend,
            endpoint,
            began: Instant::now(),
            has_outcome: false,
        }
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

    /// Records a failure. Returns how long the endpoint is passed over, and how many attempts have
    /// failed, if that is to be logged.
    fn failed(&self, endpoint: Endpoint, now: Instant) -> Option<(Duration, u32)> {
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
            Failing { failures: 0, next: now, trying: false, logged: now }
        });
        let delay = delay(failing.failures);
        failing.failures = failing.failures.saturating_add(1);
        failing.trying = false;
        failing.next = now + delay;
        let is_due = is_new || now.saturating_duration_since(failing.logged) >= LOG_INTERVAL;
        if is_due {
            failing.logged = now;
        }
        is_due.then_some((delay, failing.failures))
    }

    fn succeeded(&self, endpoint: Endpoint) {
        if self.any.load(Ordering::Relaxed)
            && let Some(failing) = self.lock().get_mut(&endpoint)
        {
            (failing.failures, failing.trying) = (0, false);
        }
    }

    fn given_up(&self, endpoint: Endpoint) {
        if self.any.load(Ordering::Relaxed)
            && let Some(failing) = self.lock().get_mut(&endpoint)
        {
            failing.trying = false;
        }
    }
}

impl Attempt<'_> {
    /// The endpoint has accepted the connection.
    pub(super) fn succeeded(mut self) {
        self.has_outcome = true;
        self.stats.connected(true);
        self.backoff.succeeded(self.endpoint);
    }

    /// It has not: `why`.
    pub(super) fn failed(mut self, why: &str) {
        self.fail(why);
    }

    fn fail(&mut self, why: &str) {
        self.has_outcome = true;
        self.stats.connected(false);
        if let Some((delay, failures)) = self.backoff.failed(self.endpoint, Instant::now()) {
            tracing::warn!(
                backend = self.backend,
                endpoint = %self.endpoint.0,
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
        if self.began.elapsed() >= PATIENCE {
            self.fail("no connection before its request ended");
        } else {
            self.backoff.given_up(self.endpoint);
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
mod tests {
    use super::*;

    fn addresses() -> Vec<SocketAddr> {
        (1..=3).map(|port| ([127, 0, 0, 1], port).into()).collect()
    }

    fn fail(backoff: &Backoff, stats: &UpstreamStats, address: SocketAddr) {
        backoff.attempt(stats, "b", (address, Protocol::Http1)).failed("refused");
    }

    #[test]
    fn an_endpoint_that_failed_is_tried_last_until_it_succeeds() {
        let (backoff, stats, all) = (Backoff::default(), UpstreamStats::default(), addresses());
        assert_eq!(backoff.order(&all, Protocol::Http1, 0), all);
        fail(&backoff, &stats, all[0]);
        assert_eq!(backoff.first(&all, Protocol::Http1, 0), Some(all[1]));
        assert_eq!(backoff.order(&all, Protocol::Http1, 0), [all[1], all[2], all[0]]);
        // The same address with another protocol is another endpoint.
        assert_eq!(backoff.first(&all, Protocol::H2c, 0), Some(all[0]));
        backoff.attempt(&stats, "b", (all[0], Protocol::Http1)).succeeded();
        assert_eq!(backoff.first(&all, Protocol::Http1, 0), Some(all[0]));
        let counts = stats.counts(0);
        assert_eq!((counts.connected, counts.failed), (1, 1));
    }

    #[test]
    fn endpoints_that_have_all_failed_are_all_tried() {
        let (backoff, stats, all) = (Backoff::default(), UpstreamStats::default(), addresses());
        all.iter().for_each(|address| fail(&backoff, &stats, *address));
        assert_eq!(backoff.first(&all, Protocol::Http1, 0), Some(all[0]));
        assert_eq!(backoff.order(&all, Protocol::Http1, 0), all);
    }

    #[test]
    fn one_request_at_a_time_tries_a_failing_endpoint_again() {
        let (backoff, stats, all) = (Backoff::default(), UpstreamStats::default(), addresses());
        let endpoint = (all[0], Protocol::Http1);
        fail(&backoff, &stats, all[0]);
        backoff.lock().get_mut(&endpoint).unwrap().next = Instant::now();
        assert_eq!(backoff.first(&all, Protocol::Http1, 0), Some(all[0]));
        let attempt = backoff.attempt(&stats, "b", endpoint);
        assert_eq!(backoff.first(&all, Protocol::Http1, 0), Some(all[1]));
        // Given up at once, it says nothing about the endpoint.
        drop(attempt);
        assert_eq!(backoff.first(&all, Protocol::Http1, 0), Some(all[0]));
        assert_eq!(stats.counts(0).failed, 1);
        let mut attempt = backoff.attempt(&stats, "b", endpoint);
        attempt.began -= PATIENCE;
        drop(attempt);
        assert_eq!(backoff.first(&all, Protocol::Http1, 0), Some(all[1]));
        assert_eq!(stats.counts(0).failed, 2);
    }

    #[test]
    fn delays_double_up_to_a_limit_and_vary() {
        for (earlier, full) in [(0, 1), (1, 2), (2, 4), (4, 16), (5, 30), (1000, 30)] {
            let full = Duration::from_secs(full);
            let delays: Vec<_> = (0..50).map(|_| delay(earlier)).collect();
            assert!(delays.iter().all(|delay| (full * 3 / 4..=full).contains(delay)), "{delays:?}");
            assert!(delays.iter().any(|delay| *delay != delays[0]));
        }
    }

    #[test]
    fn an_endpoint_is_logged_once_a_minute_and_remembered_within_bounds() {
        let (backoff, now) = (Backoff::default(), Instant::now());
        let endpoint = |port| (SocketAddr::from(([127, 0, 0, 1], port)), Protocol::Http1);
        assert!(backoff.failed(endpoint(1), now).is_some());
        backoff.succeeded(endpoint(1));
        assert!(backoff.failed(endpoint(1), now + LOG_INTERVAL / 2).is_none());
        assert!(backoff.failed(endpoint(1), now + LOG_INTERVAL).is_some());
        for port in 0..=MAX_ENDPOINTS as u16 {
            backoff.failed(endpoint(port), now);
        }
        assert_eq!(backoff.lock().len(), MAX_ENDPOINTS);
        // They are forgotten when room is needed, or in time.
        let later = now + MAX_DELAY + 2 * LOG_INTERVAL + Duration::from_secs(1);
        assert!(backoff.failed(endpoint(u16::MAX), later).is_some());
        assert_eq!(backoff.lock().len(), 1);
    }
}
