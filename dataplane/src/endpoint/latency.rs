//! The moving average of an endpoint's latency.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// After so long without a sample, the next one weighs as much as all before it.
const HALF_LIFE_MS: f32 = 5000.0;

/// A moving average: its last sample's time in milliseconds, which may wrap, and its value in
/// seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Average {
    at: u32,
    seconds: f32,
}

impl Average {
    /// The average after a sample. Its weight follows from the time since the last one.
    fn after(self, at: u32, sample: f32) -> Self {
        let old = (elapsed(self.at, at) as f32 / -HALF_LIFE_MS).exp2();
        Self { at, seconds: sample + (self.seconds - sample) * old }
    }

    fn pack(self) -> u64 {
        u64::from(self.at) << 32 | u64::from(self.seconds.to_bits())
    }

    fn unpack(packed: u64) -> Self {
        Self { at: (packed >> 32) as u32, seconds: f32::from_bits(packed as u32) }
    }
}

/// The milliseconds from one time to another, which may wrap; 0 if the other is earlier, as the
/// clocks of threads that have just begun to differ.
fn elapsed(from: u32, to: u32) -> u32 {
    u32::try_from(to.wrapping_sub(from) as i32).unwrap_or(0)
}

/// The same, shared by threads.
#[derive(Debug)]
pub(super) struct Latency(AtomicU64);

/// What stands for no sample yet: an average that no sample has, -0 s.
const NEVER: u64 = (-0.0_f32).to_bits() as u64;

impl Latency {
    /// Without samples yet.
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(NEVER))
    }

    /// Adds a sample that was taken `now`, in milliseconds. Of those within the same millisecond,
    /// which weigh nothing, only the first is written, and none of a thread whose clock is behind;
    /// one that threads write at once may be lost.
    pub(super) fn add(&self, now: u64, sample: Duration) {
        let (packed, at) = (self.0.load(Ordering::Relaxed), now as u32);
        let sample = sample.as_secs_f32();
        let next = match packed {
            NEVER => Average { at, seconds: sample },
            _ => {
                let average = Average::unpack(packed);
                if elapsed(average.at, at) == 0 {
                    return;
                }
                average.after(at, sample)
            }
        };
        self.0.store(next.pack(), Ordering::Relaxed);
    }

    /// The average; `None` without samples.
    pub(super) fn get(&self) -> Option<Duration> {
        let packed = self.0.load(Ordering::Relaxed);
        let is_known = packed != NEVER;
        is_known.then(|| Duration::from_secs_f32(Average::unpack(packed).seconds.max(0.0)))
    }

    /// How long ago the last sample was taken; `None` without samples.
    pub(super) fn age(&self, now: u64) -> Option<Duration> {
        let packed = self.0.load(Ordering::Relaxed);
        let age = elapsed(Average::unpack(packed).at, now as u32);
        (packed != NEVER).then(|| Duration::from_millis(age.into()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_first_sample_counts_and_half_of_it_is_left_after_the_half_life() {
        let latency = Latency::new();
        assert_eq!((latency.get(), latency.age(0)), (None, None));
        latency.add(0, ms(200));
        assert_eq!(latency.get().unwrap().as_millis(), 200);
        latency.add(5000, ms(0));
        assert_eq!(latency.get().unwrap().as_millis(), 100);
        assert_eq!(latency.age(5100), Some(ms(100)));
    }

    /// Threads take the time at the beginning of a turn.
    #[test]
    fn a_clock_that_is_behind_changes_nothing() {
        let latency = Latency::new();
        latency.add(5000, ms(200));
        latency.add(4999, ms(0));
        assert_eq!(latency.get().unwrap().as_millis(), 200);
        assert_eq!(latency.age(4999), Some(ms(0)));
    }

    #[test]
    fn one_that_turns_slow_by_500_ms_is_100_ms_slower_within_2_s_at_any_rate() {
        for gap in [1, 7, 50, 400] {
            let latency = Latency::new();
            latency.add(0, ms(5));
            for at in (500..=2000).step_by(gap) {
                latency.add(at, ms(505));
            }
            assert!(latency.get().unwrap() > ms(105), "{gap}: {:?}", latency.get());
        }
    }

    proptest! {
        #[test]
        fn an_average_lies_among_its_samples_and_forgets_at_the_half_life(
            samples in proptest::collection::vec((0u64..5000, 0u64..10_000), 1..50),
        ) {
            let latency = Latency::new();
            // Directly from the definition: weights that halve with each half-life.
            let (mut at, mut twin) = (u64::from(u32::MAX) - 20_000, None::<f64>);
            for (gap, sample) in &samples {
                at += gap;
                let sample_s = *sample as f64 / 1e3;
                twin = Some(match twin {
                    Some(before) => {
                        let old = 0.5_f64.powf(*gap as f64 / 5000.0);
                        before * old + sample_s * (1.0 - old)
                    }
                    None => sample_s,
                });
                latency.add(at, ms(*sample));
            }
            let average = latency.get().unwrap().as_secs_f64();
            prop_assert!((average - twin.unwrap()).abs() < 0.01, "{average} {twin:?}");
        }
    }
}
