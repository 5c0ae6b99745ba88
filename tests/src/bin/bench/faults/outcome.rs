//! What a fault cost.

use super::load::{FAULT_AT, SLOW, Sent, TIME};
use std::time::Duration;

/// A fault that costs something this shortly before the end goes on.
const LAST: Duration = Duration::from_secs(1);

/// The requests of one run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Requests without a whole response with a 2xx in time.
    pub(super) failed: usize,
    /// Those of them that began and ended before the fault.
    pub(super) failed_before: usize,
    /// Requests that were served, but late.
    pub(super) slow: usize,
    pub(super) slowest: Duration,
    /// From the fault until the end of the last request that failed or was late.
    pub(super) until: Duration,
    /// Whether some still failed, or were late, at the end.
    pub(super) is_endless: bool,
}

impl Outcome {
    pub(super) fn of(sent: &[Sent]) -> Self {
        let mut outcome = Self::default();
        for request in sent {
            outcome.slowest = outcome.slowest.max(request.took());
            let is_slow = request.took() > SLOW;
            if request.is_served && !is_slow {
                continue;
            }
            let count = if request.is_served { &mut outcome.slow } else { &mut outcome.failed };
            *count += 1;
            if request.ended < FAULT_AT {
                outcome.failed_before += usize::from(!request.is_served);
                continue;
            }
            outcome.until = outcome.until.max(request.ended - FAULT_AT);
            outcome.is_endless |= request.began + LAST > TIME;
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_failed_and_what_was_late_from_the_fault_on() {
        let sent = |began, took, is_served| {
            let began = Duration::from_millis(began);
            Sent { began, ended: began + Duration::from_millis(took), is_served }
        };
        let mut all = vec![
            sent(0, 10, false),
            sent(100, 10, true),
            sent(1_990, 3_000, false),
            sent(2_500, 300, true),
            sent(9_900, 10, true),
        ];
        let expected = Outcome {
            failed: 2,
            failed_before: 1,
            slow: 1,
            slowest: Duration::from_secs(3),
            until: Duration::from_millis(2_990),
            is_endless: false,
        };
        assert_eq!(Outcome::of(&all), expected);
        all.push(sent(9_950, 10, false));
        assert!(Outcome::of(&all).is_endless);
    }
}
