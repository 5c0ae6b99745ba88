//! Whether a request is tried again, and when.

use crate::{table::RetryOn, telemetry::RetryReason};
use http::{HeaderMap, Method, header};
use std::time::{Duration, SystemTime};

/// The longest `Retry-After` that is waited for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Up to how many times `backoff` the wait before a retry grows.
const MAX_GROWTH: u32 = 10;

/// Whether sending a request twice does what sending it once does (RFC 9110 §9.2.2). Methods that
/// are not defined there may do more.
pub(super) fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE
    )
}

/// Whether a failure is one that is tried again.
pub(super) fn applies(on: &RetryOn, reason: RetryReason) -> bool {
    match reason {
        RetryReason::ConnectFailure => on.connect_failure,
        RetryReason::Reset => on.reset,
        RetryReason::PerTryTimeout => on.per_try_timeout,
        RetryReason::Status(status) => on.statuses.contains(&status),
    }
}

/// How long a response asks to wait (RFC 9110 §10.2.3), if it says so.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Too long a number is longer than any wait.
        let seconds = || value.parse().unwrap_or(u64::MAX);
        return (!value.is_empty()).then(|| Duration::from_secs(seconds()));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    Some(at.duration_since(now).unwrap_or_default())
}

/// When a request whose response has a status that is tried again goes out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// After the usual wait.
    Usual,
    /// After as long as the response asks for.
    After(Duration),
    /// At once, and only to another endpoint: this one asks for more time than there is.
    Elsewhere,
}

impl When {
    /// What a 429 or 503 asks for; other responses ask for nothing.
    pub(super) fn of(status: u16, headers: &HeaderMap, now: SystemTime) -> Self {
        match retry_after(headers, now).filter(|_| matches!(status, 429 | 503)) {
            None => Self::Usual,
            Some(after) if after <= MAX_RETRY_AFTER => Self::After(after),
            Some(_) => Self::Elsewhere,
        }
    }
}

/// The waits before retries: each twice as long as the last one, up to 10 times the first, and all
/// longer by up to a half at random, so that those who fail together don't come back together.
#[derive(Debug)]
pub(super) struct Waits {
    next: Duration,
    longest: Duration,
}

impl Waits {
    /// Begins with `backoff`.
    pub(super) fn new(backoff: Duration) -> Self {
        Self { next: backoff, longest: backoff.saturating_mul(MAX_GROWTH) }
    }

    /// The next one; `random` decides how much longer it is.
    pub(super) fn next(&mut self, random: u64) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.longest);
        let share = f64::from((random >> 32) as u32) / f64::from(u32::MAX);
        wait.saturating_add((wait / 2).mul_f64(share)).min(self.longest)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_short_time_is_waited_for_and_a_long_one_is_spent_elsewhere() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let seconds = |seconds| When::After(Duration::from_secs(seconds));
        for (status, value, when) in [
            (503, "0", seconds(0)),
            (503, " 1 ", seconds(1)),
            (429, "1", seconds(1)),
            (503, "2", When::Elsewhere),
            (503, "99999999999999999999999", When::Elsewhere),
            (503, "Sun, 06 Nov 1994 08:49:38 GMT", seconds(1)),
            (503, "Sun, 06 Nov 1994 08:49:30 GMT", seconds(0)),
            (503, "Sun, 06 Nov 1994 08:50:37 GMT", When::Elsewhere),
            (503, "", When::Usual),
            (503, "soon", When::Usual),
            (503, "-1", When::Usual),
            (503, "0.5", When::Usual),
            (502, "60", When::Usual),
        ] {
            let mut headers = HeaderMap::new();
            assert_eq!(When::of(status, &headers, now), When::Usual);
            headers.insert(header::RETRY_AFTER, value.parse().unwrap());
            assert_eq!(When::of(status, &headers, now), when, "{status} {value}");
        }
    }

    #[test]
    fn only_methods_that_are_defined_as_idempotent_are() {
        for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
            assert!(is_idempotent(&method.parse().unwrap()), "{method}");
        }
        for method in ["POST", "PATCH", "CONNECT", "LOCK", "get"] {
            assert!(!is_idempotent(&method.parse().unwrap()), "{method}");
        }
    }

    proptest! {
        #[test]
        fn waits_double_up_to_ten_times(millis in 0u64..10_000, randoms: [u64; 8]) {
            let backoff = Duration::from_millis(millis);
            let mut waits = Waits::new(backoff);
            for (random, factor) in randoms.into_iter().zip([1, 2, 4, 8, 10, 10, 10, 10]) {
                let (wait, least) = (waits.next(random), backoff * factor);
                prop_assert!(wait >= least && wait <= (least + least / 2).min(backoff * 10));
            }
        }
    }
}
