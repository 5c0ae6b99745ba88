use super::*;

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
fn an_endpoint_is_logged_once_a_minute_and_its_uses_are_remembered_within_bounds() {
    let (backoff, now) = (Backoff::default(), Instant::now());
    let failed = |own, at| backoff.failed(own, at, at);
    assert!(failed(None, now).is_some());
    assert!(failed(None, now + LOG_INTERVAL / 2).is_none());
    assert!(failed(None, now + LOG_INTERVAL).is_some());
    for own in 0..=MAX_USES as u64 {
        failed(Some(own), now);
    }
    assert_eq!(backoff.lock().len(), MAX_USES);
    // They are forgotten when room is needed, or in time.
    let later = now + MAX_DELAY + 2 * LOG_INTERVAL + Duration::from_secs(1);
    assert!(failed(Some(u64::MAX), later).is_some());
    assert_eq!(backoff.lock().len(), 1);
    backoff.forget_stale(later);
    assert!(backoff.any.load(Ordering::Relaxed));
    backoff.forget_stale(later + MAX_DELAY + 2 * LOG_INTERVAL);
    assert!(!backoff.any.load(Ordering::Relaxed));
}
