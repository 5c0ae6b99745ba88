//! The time of day at which a request has ended, from the monotonic clock that is read anyway.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use time::{Date, OffsetDateTime, Time};

/// How long one reading of the system's clock is used: it may be set.
const READING: Duration = Duration::from_millis(100);

/// A reading of both clocks, and the last time that was told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    read: Instant,
    /// Since 1970.
    told: Duration,
    last: Moment,
}

/// A time of day in UTC.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Seconds since 1970.
    seconds: u64,
    pub(super) micros: u32,
    pub(super) date: Date,
    pub(super) time: Time,
}

impl Moment {
    fn of(seconds: u64) -> Self {
        let signed = i64::try_from(seconds).unwrap_or(i64::MAX);
        // Years beyond 9999 are none that a clock tells.
        let utc = OffsetDateTime::from_unix_timestamp(signed).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        Self { seconds, micros: 0, date: utc.date(), time: utc.time() }
    }

    /// The same second, since 1970, computed again only where it is another one.
    fn moved_to(self, since_1970: Duration) -> Self {
        let seconds = since_1970.as_secs();
        let second = if seconds == self.seconds { self } else { Self::of(seconds) };
        Self { micros: since_1970.subsec_micros(), ..second }
    }
}

impl Clock {
    pub(super) fn new() -> Self {
        let (read, told) = (Instant::now(), since_1970());
        Self { read, told, last: Moment::of(told.as_secs()).moved_to(told) }
    }

    /// The time of day at this moment, which is not long ago.
    pub(super) fn at(&mut self, moment: Instant) -> Moment {
        let after = moment.saturating_duration_since(self.read);
        if after > READING {
            (self.read, self.told) = (moment, since_1970());
            self.last = self.last.moved_to(self.told);
        } else {
            self.last = self.last.moved_to(self.told + after);
        }
        self.last
    }
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
impl Moment {
    /// The time after 1970.
    pub(super) fn after_1970(duration: Duration) -> Self {
        Self::of(duration.as_secs()).moved_to(duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_as_the_monotonic_clock_says_and_is_read_anew_now_and_then() {
        let mut clock = Clock::new();
        let (start, told) = (clock.read, clock.told);
        for (after, micros) in [(0, 0), (70_000, 70_000), (30, 30), (100_000, 100_000)] {
            let at = clock.at(start + Duration::from_micros(after));
            let expected = told + Duration::from_micros(micros);
            assert_eq!((at.seconds, at.micros), (expected.as_secs(), expected.subsec_micros()));
        }
        let reading = clock.read;
        clock.at(start + READING * 2);
        assert!(clock.read > reading);
    }
}
