//! When an endpoint is passed over, and for whom.

use super::{super::state::EndpointKey, *};
use crate::table::Protocol;

const USE: Use<'_> = Use {
    backend: "b",
    connect: Some(Duration::from_secs(2)),
    request: Some(Duration::from_secs(60)),
};

fn endpoint() -> Endpoint {
    let key = EndpointKey { address: ([127, 0, 0, 1], 1).into(), protocol: Protocol::Http1 };
    Endpoint::new(key, Instant::now(), Instant::now())
}

fn begin<'b>(
    endpoint: &'b Endpoint,
    stats: &'b UpstreamStats,
    is_late: &'b Cell<bool>,
) -> Attempt<'b> {
    Attempt::begin(endpoint, stats, USE, is_late)
}

fn fail(endpoint: &Endpoint, stats: &UpstreamStats) {
    begin(endpoint, stats, &Cell::new(false)).failed(Fault::Refused, "refused");
}

/// How many attempts have succeeded and failed.
fn counts(stats: &UpstreamStats) -> (u64, u64) {
    let counts = stats.counts(USE.backend);
    (counts.connected, counts.failed)
}

fn is_passed_over(endpoint: &Endpoint) -> bool {
    endpoint.is_passed_over(USE, Instant::now())
}

#[test]
fn an_endpoint_that_failed_is_passed_over_until_it_succeeds() {
    let (endpoint, stats) = (endpoint(), UpstreamStats::default());
    assert!(!is_passed_over(&endpoint));
    fail(&endpoint, &stats);
    assert!(is_passed_over(&endpoint));
    assert_eq!(endpoint.backoff.shown(Instant::now()).map(|shown| shown.failures), Some(1));
    begin(&endpoint, &stats, &Cell::new(false)).succeeded();
    assert!(!is_passed_over(&endpoint));
    assert!(endpoint.backoff.shown(Instant::now()).is_none());
    assert_eq!(counts(&stats), (1, 1));
}

#[test]
fn one_request_at_a_time_tries_a_failing_endpoint_again() {
    let (endpoint, stats, is_late) = (endpoint(), UpstreamStats::default(), Cell::new(false));
    fail(&endpoint, &stats);
    endpoint.backoff.lock().get_mut(&None).unwrap().next = Instant::now();
    assert!(!is_passed_over(&endpoint));
    let attempt = begin(&endpoint, &stats, &is_late);
    assert!(is_passed_over(&endpoint));
    // Given up at once, it says nothing about the endpoint.
    drop(attempt);
    assert!(!is_passed_over(&endpoint));
    assert_eq!(counts(&stats).1, 1);
    let mut attempt = begin(&endpoint, &stats, &is_late);
    attempt.began -= PATIENCE;
    endpoint.backoff.lock().get_mut(&None).unwrap().failed -= 2 * PATIENCE;
    drop(attempt);
    assert!(is_passed_over(&endpoint));
    assert_eq!(counts(&stats).1, 2);
}

#[test]
fn attempts_at_the_same_time_count_once() {
    let (endpoint, stats, is_late) = (endpoint(), UpstreamStats::default(), Cell::new(false));
    let failures = || endpoint.backoff.lock()[&None].failures;
    let attempts: Vec<_> = (0..100).map(|_| begin(&endpoint, &stats, &is_late)).collect();
    attempts.into_iter().for_each(|attempt| attempt.failed(Fault::Refused, "refused"));
    assert_eq!((failures(), counts(&stats).1), (1, 100));
    fail(&endpoint, &stats);
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
    for (fault, is_late, after, counts, for_all) in [
        (Some(Fault::Refused), false, 0, true, true),
        (Some(Fault::OfUse), false, 2000, true, false),
        (Some(Fault::TimedOut), false, 1000, true, true),
        (Some(Fault::TimedOut), false, 900, true, false),
        (None, false, 1000, true, true),
        (None, true, 1000, true, true),
        (None, true, 100, true, false),
        (None, true, 50, false, false),
        (None, false, 500, false, false),
    ] {
        let (endpoint, stats) = (endpoint(), UpstreamStats::default());
        let is_late = Cell::new(is_late);
        let mut attempt = begin(&endpoint, &stats, &is_late);
        attempt.began -= Duration::from_millis(after);
        match fault {
            Some(fault) => attempt.failed(fault, "why"),
            None => drop(attempt),
        }
        let is_passed_over = |used| endpoint.is_passed_over(used, Instant::now());
        assert_eq!(is_passed_over(USE), counts, "{fault:?} {is_late:?} {after}");
        for other in others {
            assert_eq!(is_passed_over(other), for_all, "{fault:?} {is_late:?} {after} {other:?}");
        }
    }
}
