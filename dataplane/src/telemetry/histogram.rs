//! A histogram of durations.

use std::time::Duration;

/// Upper bounds of the buckets, in microseconds; the last bucket is unbounded.
const BOUNDS: [u64; 16] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
];

/// Counts of durations by bucket, and their sum.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    buckets: [u64; BOUNDS.len() + 1],
    sum: Duration,
}

impl Histogram {
    /// Records one duration.
    pub(super) fn observe(&mut self, duration: Duration) {
        let micros = duration.as_micros();
        let bucket = BOUNDS.partition_point(|bound| u128::from(*bound) < micros);
        self.buckets[bucket] += 1;
        self.sum += duration;
    }

    /// Adds another's counts.
    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(other.buckets) {
            *mine += theirs;
        }
        self.sum += other.sum;
    }

    /// Each bucket's upper bound in seconds and cumulative count; infinity last.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let bounds = BOUNDS.iter().map(|micros| *micros as f64 / 1e6).chain([f64::INFINITY]);
        bounds.zip(self.buckets.iter().scan(0, |total, count| {
            *total += count;
            Some(*total)
        }))
    }

    /// What was recorded after `earlier`, a copy of this histogram at another time.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let mut later = self.clone();
        for (mine, theirs) in later.buckets.iter_mut().zip(earlier.buckets) {
            *mine = mine.saturating_sub(theirs);
        }
        later.sum = later.sum.saturating_sub(earlier.sum);
        later
    }

    /// Below how many seconds this share of the durations is, as Prometheus' `histogram_quantile`
    /// estimates it: durations count as spread evenly over their bucket, and those of the last one
    /// as its lower bound. `None` without durations.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let total: u64 = self.buckets.iter().sum();
        let wanted = share.clamp(0.0, 1.0) * total as f64;
        let (mut lower, mut below) = (0.0, 0);
        for (bound, up_to) in self.cumulative().filter(|_| total > 0) {
            if up_to as f64 >= wanted && up_to > below {
                let part = (wanted - below as f64) / (up_to - below) as f64;
                let upper = if bound.is_finite() { bound } else { lower };
                return Some(lower + (upper - lower) * part.max(0.0));
            }
            (lower, below) = (bound, up_to);
        }
        None
    }

    /// The sum of all durations.
    pub(super) fn sum(&self) -> Duration {
        self.sum
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(millis: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        millis.into_iter().for_each(|one| histogram.observe(Duration::from_millis(one)));
        histogram
    }

    #[test]
    fn quantiles_are_where_their_bucket_is() {
        assert_eq!(Histogram::default().quantile(0.5), None);
        // All between 5 and 10 ms.
        let even = of([7; 100]);
        assert!((even.quantile(0.5).unwrap() - 0.0075).abs() < 1e-9);
        assert!((even.quantile(1.0).unwrap() - 0.01).abs() < 1e-9);
        // One in ten is slow.
        let tail = of([[2; 9].as_slice(), &[800]].concat());
        assert!(tail.quantile(0.5).unwrap() < 0.0025);
        assert!((0.5..=1.0).contains(&tail.quantile(0.99).unwrap()));
        // Beyond the last bound.
        assert_eq!(of([90_000]).quantile(0.99), Some(60.0));
    }

    #[test]
    fn a_difference_is_what_came_later() {
        let earlier = of([1, 2_000]);
        let mut later = earlier.clone();
        later.merge(&of([300, 400]));
        let quantile = later.since(&earlier).quantile(0.5).unwrap();
        assert!((0.25..0.5).contains(&quantile), "{quantile}");
        assert_eq!(later.since(&earlier).sum(), Duration::from_millis(700));
        assert_eq!(later.since(&later).quantile(0.5), None);
    }
}
