//! When an endpoint is passed over, and for whom.

use super::{super::tls_failure::TlsFailure, *};

fn addresses() -> Vec<SocketAddr> {
    (1..=3).map(|port| ([127, 0, 0, 1], port).into()).collect()
}

const USE: Use<'_> = Use {
    backend: "b",
    protocol: &Protocol::Http1,
    connect: Some(Duration::from_secs(2)),
    request: Some(Duration::from_secs(60)),
};
const HTTP_2: Use<'_> = Use { protocol: &Protocol::H2c, ..USE };

fn begin<'b>(
    backoff: &'b Backoff,
    stats: &'b UpstreamStats,
    address: SocketAddr,
    is_late: &'b Cell<bool>,
) -> Attempt<'b> {
    backoff.attempt(stats, USE, address, is_late)
}

fn fail(backoff: &Backoff, stats: &UpstreamStats, address: SocketAddr) {
    begin(backoff, stats, address, &Cell::new(false)).failed(Phase::Connect);
}

#[test]
fn an_endpoint_that_failed_is_tried_last_until_it_succeeds() {
    let (backoff, stats, all) = (Backoff::default(), UpstreamStats::default(), addresses());
    assert_eq!(backoff.order(&all, USE, 0), all);
    fail(&backoff, &stats, all[0]);
    assert_eq!(backoff.first(&all, USE, 0), Some(all[1]));
    assert_eq!(backoff.order(&all, USE, 0), [all[1], all[2], all[0]]);
    // The same address with another protocol is another endpoint.
    assert_eq!(backoff.first(&all, HTTP_2, 0), Some(all[0]));
    begin(&backoff, &stats, all[0], &Cell::new(false)).succeeded();
    assert_eq!(backoff.first(&all, USE, 0), Some(all[0]));
    let counts = stats.counts(0);
    assert_eq!((counts.connected, counts.failed), (1, 1));
}

#[test]
fn endpoints_that_have_all_failed_are_all_tried() {
    let (backoff, stats, all) = (Backoff::default(), UpstreamStats::default(), addresses());
    all.iter().for_each(|address| fail(&backoff, &stats, *address));
    assert_eq!(backoff.first(&all, USE, 0), Some(all[0]));
    assert_eq!(backoff.order(&all, USE, 0), all);
}

#[test]
fn one_request_at_a_time_tries_a_failing_endpoint_again() {
    let (backoff, stats, all) = (Backoff::default(), UpstreamStats::default(), addresses());
    let (endpoint, is_late) = ((all[0], Protocol::Http1, None), Cell::new(false));
    fail(&backoff, &stats, all[0]);
    backoff.lock().get_mut(&endpoint).unwrap().next = Instant::now();
    assert_eq!(backoff.first(&all, USE, 0), Some(all[0]));
    let attempt = begin(&backoff, &stats, all[0], &is_late);
    assert_eq!(backoff.first(&all, USE, 0), Some(all[1]));
    // Given up at once, it says nothing about the endpoint.
    drop(attempt);
    assert_eq!(backoff.first(&all, USE, 0), Some(all[0]));
    assert_eq!(stats.counts(0).failed, 1);
    let mut attempt = begin(&backoff, &stats, all[0], &is_late);
    attempt.began -= PATIENCE;
    backoff.lock().get_mut(&endpoint).unwrap().failed -= 2 * PATIENCE;
    drop(attempt);
    assert_eq!(backoff.first(&all, USE, 0), Some(all[1]));
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
    let endpoint = |port| (SocketAddr::from(([127, 0, 0, 1], port)), Protocol::Http1, None);
    let failed = |port, at| backoff.failed(endpoint(port), at, at);
    assert!(failed(1, now).is_some());
    assert!(failed(1, now + LOG_INTERVAL / 2).is_none());
    assert!(failed(1, now + LOG_INTERVAL).is_some());
    for port in 0..=MAX_ENDPOINTS as u16 {
        failed(port, now);
    }
    assert_eq!(backoff.lock().len(), MAX_ENDPOINTS);
    // They are forgotten when room is needed, or in time.
    let later = now + MAX_DELAY + 2 * LOG_INTERVAL + Duration::from_secs(1);
    assert!(failed(u16::MAX, later).is_some());
    assert_eq!(backoff.lock().len(), 1);
}

#[test]
fn attempts_at_the_same_time_count_once() {
    let (backoff, stats, all) = (Backoff::default(), UpstreamStats::default(), addresses());
    let is_late = Cell::new(false);
    let failures = || backoff.lock()[&(all[0], Protocol::Http1, None)].failures;
    let attempts: Vec<_> = (0..100).map(|_| begin(&backoff, &stats, all[0], &is_late)).collect();
    attempts.into_iter().for_each(|attempt| attempt.failed(Phase::Connect));
    assert_eq!((failures(), stats.counts(0).failed), (1, 100));
    fail(&backoff, &stats, all[0]);
    assert_eq!(failures(), 2);
}

#[test]
fn what_a_use_is_impatient_about_counts_for_this_use_only() {
    let others = [
        Use { backend: "other", ..USE },
        Use { connect: Some(Duration::from_millis(200)), ..USE },
        Use { request: None, ..USE },
    ];
    // Why it ends, or that its request ends, by its timeout or not; after so many milliseconds.
    for (why, is_late, after, counts, for_all) in [
        (Some(Phase::Connect), false, 0, true, true),
        (Some(Phase::Tls(TlsFailure::Expired)), false, 2000, true, false),
        (Some(Phase::ConnectTimeout), false, 1000, true, true),
        (Some(Phase::ConnectTimeout), false, 900, true, false),
        (None, false, 1000, true, true),
        (None, true, 1000, true, true),
        (None, true, 100, true, false),
        (None, true, 50, false, false),
        (None, false, 500, false, false),
    ] {
        let (backoff, stats, all) = (Backoff::default(), UpstreamStats::default(), addresses());
        let is_late = Cell::new(is_late);
        let mut attempt = begin(&backoff, &stats, all[0], &is_late);
        attempt.began -= Duration::from_millis(after);
        match why {
            Some(why) => attempt.failed(why),
            None => drop(attempt),
        }
        let is_tried = |used| backoff.first(&all, used, 0) == Some(all[0]);
        assert_eq!(is_tried(USE), !counts, "{why:?} {is_late:?} {after}");
        for other in others {
            assert_eq!(is_tried(other), !for_all, "{why:?} {is_late:?} {after} {other:?}");
        }
    }
}

#[test]
fn a_backend_without_addresses_is_logged_once_a_minute() {
    let (backoff, now) = (Backoff::default(), Instant::now());
    assert!(backoff.logs_no_address("a", now) && backoff.logs_no_address("b", now));
    assert!(!backoff.logs_no_address("a", now + LOG_INTERVAL / 2));
    assert!(backoff.logs_no_address("a", now + LOG_INTERVAL));
}
