//! The results of active checks of one endpoint under one `health` block.

use crate::{refusal::Refusal, table::HealthCheck};
use http::StatusCode;
use std::{
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Why a check failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CheckFailure {
    /// A status that `expect` does not have.
    Status(StatusCode),
    /// No response.
    NoResponse(Refusal),
}

impl fmt::Display for CheckFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {}", status.as_u16()),
            Self::NoResponse(refusal) => f.write_str(refusal.reason()),
        }
    }
}

/// A change of an endpoint's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transition {
    /// It is healthy again.
    Recovered,
    /// It is no longer healthy.
    Failed(CheckFailure),
}

/// The results of the checks of one endpoint under one `health` block, written by the checker and
/// read by all workers. Healthy until checks say otherwise.
#[derive(Debug)]
pub(crate) struct CheckState {
    epoch: Instant,
    is_unhealthy: AtomicBool,
    /// When it last recovered, in milliseconds since `epoch`; 0: never.
    recovered: AtomicU64,
    streak: Mutex<Streak>,
}

/// Equal results in a row.
#[derive(Clone, Copy, Debug)]
struct Streak {
    last: Option<Result<(), CheckFailure>>,
    length: u32,
    /// Why it is unhealthy, if it is.
    reason: Option<CheckFailure>,
    /// Since when it is as healthy as it is.
    since: Instant,
}

impl CheckState {
    /// Without results yet; `epoch` is when time begins.
    pub(super) fn new(epoch: Instant, now: Instant) -> Self {
        Self {
            epoch,
            is_unhealthy: AtomicBool::new(false),
            recovered: AtomicU64::new(0),
            streak: Mutex::new(Streak { last: None, length: 0, reason: None, since: now }),
        }
    }

    /// Whether the endpoint is healthy, as far as is known.
    pub(crate) fn is_healthy(&self) -> bool {
        !self.is_unhealthy.load(Ordering::Relaxed)
    }

    /// Records the result of a check; returns what changes with it.
    pub(crate) fn record(
        &self,
        block: &HealthCheck,
        outcome: Result<(), CheckFailure>,
        now: Instant,
    ) -> Option<Transition> {
        let mut streak = self.lock();
        let continues = streak.last.is_some_and(|last| last.is_ok() == outcome.is_ok());
        streak.length = if continues { streak.length.saturating_add(1) } else { 1 };
        streak.last = Some(outcome);
        let transition = match (outcome, self.is_healthy()) {
            (Ok(()), false) if streak.length >= block.healthy_after.get() => Transition::Recovered,
            (Err(why), true) if streak.length >= block.unhealthy_after.get() => {
                Transition::Failed(why)
            }
            (Ok(()) | Err(_), _) => return None,
        };
        streak.since = now;
        streak.reason = outcome.err();
        if outcome.is_ok() {
            let millis = now.saturating_duration_since(self.epoch).as_millis();
            self.recovered.store(millis.try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        self.is_unhealthy.store(outcome.is_err(), Ordering::Relaxed);
        Some(transition)
    }

    /// When it last became healthy after it was not.
    pub(super) fn recovered(&self) -> Option<Instant> {
        let millis = Some(self.recovered.load(Ordering::Relaxed)).filter(|millis| *millis > 0);
        self.epoch.checked_add(Duration::from_millis(millis?))
    }

    /// Why it is unhealthy, if it is, and since when it is or is not.
    pub(super) fn reason(&self) -> (Option<CheckFailure>, Instant) {
        let streak = self.lock();
        (streak.reason, streak.since)
    }

    fn lock(&self) -> MutexGuard<'_, Streak> {
        self.streak.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::table::CheckMethod;

    #[test]
    fn so_many_results_in_a_row_change_the_health() {
        let block = HealthCheck {
            path: "/".into(),
            method: CheckMethod::Get,
            host: None,
            interval: Duration::from_secs(10),
            timeout: Duration::from_secs(2),
            healthy_after: 2.try_into().unwrap(),
            unhealthy_after: 3.try_into().unwrap(),
            expect: vec![200..=399],
        };
        let now = Instant::now();
        let state = CheckState::new(now, now);
        let why = CheckFailure::Status(StatusCode::SERVICE_UNAVAILABLE);
        let mut at = now;
        let mut record = |outcome| {
            at += Duration::from_secs(1);
            state.record(&block, outcome, at)
        };
        for outcome in [Err(why), Err(why), Ok(()), Err(why), Err(why)] {
            assert_eq!(record(outcome), None);
        }
        assert!(state.is_healthy());
        assert_eq!(record(Err(why)), Some(Transition::Failed(why)));
        assert!(!state.is_healthy());
        assert_eq!(state.reason(), (Some(why), now + Duration::from_secs(6)));
        for outcome in [Err(why), Ok(()), Err(why), Ok(())] {
            assert_eq!(record(outcome), None);
        }
        assert_eq!(record(Ok(())), Some(Transition::Recovered));
        assert!(state.is_healthy());
        assert_eq!(state.reason(), (None, now + Duration::from_secs(11)));
        assert_eq!(state.recovered(), Some(now + Duration::from_secs(11)));
    }
}
