//! Logs that a collector fails, now and then, and that it works again.

use super::client::Failure;
use std::time::{Duration, Instant};

/// How often it is logged that something can't be sent.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Whether something can be sent.
#[derive(Debug)]
pub(super) struct Outage {
    /// What is sent.
    what: &'static str,
    logged: Option<Instant>,
    /// Whether what was logged last is that it can't be.
    fails: bool,
}

impl Outage {
    /// Nothing has failed yet.
    pub(super) fn of(what: &'static str) -> Self {
        Self { what, logged: None, fails: false }
    }

    /// It was sent.
    pub(super) fn worked(&mut self) {
        if std::mem::take(&mut self.fails) {
            tracing::info!("sending {} works again", self.what);
        }
    }

    /// It could not be sent.
    pub(super) fn failed(&mut self, failure: &Failure, to: &str) {
        let what = self.what;
        if self.is_news(Instant::now()) {
            tracing::warn!("{what} can't be sent to {to}: {failure}");
        } else {
            tracing::debug!("{what} can't be sent to {to}: {failure}");
        }
    }

    fn is_news(&mut self, now: Instant) -> bool {
        let is_due = |logged| now.saturating_duration_since(logged) >= LOG_INTERVAL;
        let is_news = self.logged.is_none_or(is_due);
        if is_news {
            (self.logged, self.fails) = (Some(now), true);
        }
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_logged_once_a_minute_even_if_it_comes_and_goes() {
        let (mut outage, start) = (Outage::of("spans"), Instant::now());
        let mut logged = Vec::new();
        for second in 0..150 {
            if outage.is_news(start + Duration::from_secs(second)) {
                logged.push(second);
            }
            outage.worked();
        }
        assert_eq!(logged, [0, 60, 120]);
    }
}
