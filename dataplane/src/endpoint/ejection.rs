//! Passive ejection: when an endpoint that fails requests is out, and for how long. Pure; time is
//! handed in.

use crate::table::Ejection;
use std::time::{Duration, Instant};

/// How often a time is halved at most: by then any is the shortest.
const MAX_HALVINGS: u32 = 31;

/// The last ejection of an endpoint, on which the length of the next one depends.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ejections {
    last: Option<Last>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    until: Instant,
    time: Duration,
}

impl Ejections {
    /// Ejects the endpoint; returns until when.
    pub(super) fn eject(&mut self, terms: &Ejection, now: Instant) -> Instant {
        let time = self.next_time(terms, now);
        let until = now.checked_add(time).unwrap_or(now);
        self.last = Some(Last { until, time });
        until
    }

    /// How long an ejection that begins now takes: twice as long as the last one, halved for each
    /// time as long as the last one that has passed since its end.
    fn next_time(&self, terms: &Ejection, now: Instant) -> Duration {
        let longest = terms.max_time.max(terms.time);
        let Some(last) = self.last else { return terms.time };
        let doubled = last.time.saturating_mul(2).min(longest);
        let quiet = now.saturating_duration_since(last.until);
        let halvings = quiet.as_nanos() / last.time.as_nanos().max(1);
        let halvings = u32::try_from(halvings).unwrap_or(u32::MAX).min(MAX_HALVINGS);
        (doubled / (1 << halvings)).max(terms.time)
    }
}

/// Whether another one of so many endpoints may be ejected while so many are out: at most
/// `max_share` percent of them, rounded down, but one of several always; one of one never.
pub(super) fn may_eject(endpoints: usize, out: usize, max_share: u8) -> bool {
    let share = endpoints.saturating_mul(usize::from(max_share)) / 100;
    endpoints > 1 && out < share.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn terms() -> Ejection {
        Ejection { time: 30 * SECOND, max_time: 200 * SECOND, ..Ejection::default() }
    }

    #[test]
    fn times_double_up_to_the_longest() {
        let (mut ejections, mut now) = (Ejections::default(), Instant::now());
        for seconds in [30, 60, 120, 200, 200] {
            let until = ejections.eject(&terms(), now);
            assert_eq!(until - now, seconds * SECOND);
            now = until;
        }
    }

    #[test]
    fn times_halve_after_each_time_without_an_ejection_counted_from_its_end() {
        let now = Instant::now();
        for (quiet, seconds) in [(0, 200), (119, 200), (120, 100), (239, 100), (240, 50), (360, 30)]
        {
            let mut ejections = Ejections { last: Some(Last { until: now, time: 120 * SECOND }) };
            let begins = now + quiet * SECOND;
            assert_eq!(ejections.eject(&terms(), begins) - begins, seconds * SECOND, "{quiet}");
        }
        let mut ejections = Ejections { last: Some(Last { until: now, time: 120 * SECOND }) };
        let begins = now + 1_000_000 * SECOND;
        assert_eq!(ejections.eject(&terms(), begins) - begins, 30 * SECOND);
    }

    #[test]
    fn times_of_zero_or_above_the_longest_are_kept() {
        let now = Instant::now();
        let zero = Ejection { time: Duration::ZERO, ..terms() };
        let above = Ejection { time: 300 * SECOND, ..terms() };
        for terms in [zero, above] {
            let mut ejections = Ejections::default();
            for _ in 0..3 {
                assert_eq!(ejections.eject(&terms, now) - now, terms.time);
            }
        }
    }

    #[test]
    fn a_share_is_rounded_down_but_one_of_several_may_always_go() {
        for (endpoints, share, allowed) in [
            (1, 100, 0),
            (2, 0, 1),
            (2, 50, 1),
            (2, 100, 2),
            (3, 50, 1),
            (4, 50, 2),
            (10, 5, 1),
            (10, 39, 3),
        ] {
            let out = (0..endpoints).take_while(|out| may_eject(endpoints, *out, share)).count();
            assert_eq!(out, allowed, "{share}% of {endpoints}");
        }
    }
}
