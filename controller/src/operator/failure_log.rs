//! Logs failures to reach the API server: the first one of each outage, not every retry.

use kube::runtime::watcher;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A failure this long after the last one belongs to another outage: retries are at most a minute
/// apart.
const OUTAGE_TIMEOUT: Duration = Duration::from_mins(2);

/// Everything that currently fails, shared by all clients of the API server.
#[derive(Clone, Debug, Default)]
pub(super) struct FailureLog(Arc<Mutex<HashMap<String, Failing>>>);

#[derive(Debug)]
struct Failing {
    why: String,
    last: Instant,
}

impl FailureLog {
    /// Reports that `what` failed, and will be retried.
    pub(super) fn failed(&self, what: &str, error: &dyn std::error::Error) {
        if self.is_news(what, &why(error), Instant::now()) {
            tracing::warn!("{what}: {}; retrying", why(error));
        } else {
            tracing::debug!("{what}: {}", why(error));
        }
    }

    /// Reports that `what` succeeded.
    pub(super) fn worked(&self, what: &str) {
        let mut failing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failing.remove(what).is_some() {
            tracing::info!("{what}: works again");
        }
    }

    fn is_news(&self, what: &str, why: &str, now: Instant) -> bool {
        let mut failing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failing.retain(|_, outage| now.duration_since(outage.last) < OUTAGE_TIMEOUT);
        let known = failing.values().any(|outage| outage.why == why);
        let outage = Failing { why: why.to_owned(), last: now };
        let before = failing.insert(what.to_owned(), outage);
        // A lost connection surfaces as various errors: what was failing already is not logged
        // again.
        !known && before.is_none()
    }
}

/// The root cause: the errors around it only say which library reported it.
fn why(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Whether the API server denies permission, as opposed to not answering.
pub(super) fn is_forbidden(error: &watcher::Error) -> bool {
    use watcher::Error::{
        InitialListFailed, NoResourceVersion, WatchError, WatchFailed, WatchStartFailed,
    };
    match error {
        InitialListFailed(kube::Error::Api(status))
        | WatchStartFailed(kube::Error::Api(status)) => status.is_forbidden(),
        WatchError(status) => status.is_forbidden(),
        InitialListFailed(_) | WatchStartFailed(_) | WatchFailed(_) | NoResourceVersion => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_once() {
        let failure_log = FailureLog::default();
        let begin = Instant::now();
        assert!(failure_log.is_news("watching Routes", "refused", begin));
        assert!(!failure_log.is_news("watching Routes", "refused", begin));
        assert!(!failure_log.is_news("watching Services", "refused", begin), "the same outage");
        assert!(failure_log.is_news("watching Secrets", "forbidden", begin), "another reason");
        assert!(!failure_log.is_news("watching Routes", "timed out", begin + OUTAGE_TIMEOUT / 2));
    }

    #[test]
    fn another_outage_is_told_again() {
        let failure_log = FailureLog::default();
        let begin = Instant::now();
        assert!(failure_log.is_news("watching Routes", "refused", begin));
        failure_log.worked("watching Routes");
        assert!(failure_log.is_news("watching Routes", "refused", begin));
        assert!(
            failure_log.is_news("watching Routes", "refused", begin + OUTAGE_TIMEOUT),
            "long after"
        );
    }

    #[test]
    fn only_what_the_server_says_is_a_refusal() {
        let status = |reason| kube::core::Status::failure("no", reason).boxed();
        let refused = |reason| watcher::Error::InitialListFailed(kube::Error::Api(status(reason)));
        assert!(is_forbidden(&refused("Forbidden")));
        assert!(is_forbidden(&watcher::Error::WatchError(status("Forbidden"))));
        assert!(!is_forbidden(&refused("InternalError")));
        assert!(!is_forbidden(&watcher::Error::NoResourceVersion));
    }
}
