//! When checks begin. Pure.

use std::time::Duration;

/// How far apart the first checks of endpoints begin that are new at the same time.
const APART: Duration = Duration::from_millis(1);

/// How far an interval is from the given one at most, at random.
const JITTER: f64 = 0.1;

/// When the check of the endpoint at `index` of `count` new ones begins, and how long after it the
/// second one: these are spread evenly over an interval, so that further ones are too.
pub(super) fn first(index: usize, count: usize, interval: Duration) -> (Duration, Duration) {
    let place = (index as f64 + 0.5) / count.max(1) as f64;
    let begins = APART.saturating_mul(u32::try_from(index).unwrap_or(u32::MAX));
    (begins.min(interval), interval.mul_f64(0.5 + place))
}

/// How long after the start of a check that of the next one is; `random` is from 0 to 1.
pub(super) fn next(interval: Duration, random: f64) -> Duration {
    interval.mul_f64(1.0 - JITTER + 2.0 * JITTER * random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_single_endpoint_is_checked_at_once_and_then_at_its_interval() {
        assert_eq!(first(0, 1, SECOND * 10), (Duration::ZERO, SECOND * 10));
        for (random, after) in [(0.0, 900), (0.5, 1000), (1.0, 1100)] {
            assert_eq!(next(SECOND, random).as_millis(), after);
        }
    }

    #[test]
    fn many_never_begin_in_a_burst() {
        let mut begun = [0; 30];
        for index in 0..1000 {
            let (begins, second) = first(index, 1000, SECOND);
            let further = (0..10).map(|time| begins + second + SECOND * time);
            for at in [begins].into_iter().chain(further) {
                if let Some(count) = begun.get_mut(at.as_millis() as usize / 100) {
                    *count += 1;
                }
            }
        }
        // While the second ones begin beside the last of the first there are twice as many.
        assert!(begun.iter().all(|count| *count <= 210), "{begun:?}");
        assert!(begun[20..].iter().all(|count| *count <= 105), "{begun:?}");
    }
}
