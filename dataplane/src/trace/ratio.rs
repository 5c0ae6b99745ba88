//! The share of traces that are sampled.

/// How many values the random part of a trace id has.
const VALUES: u64 = 1 << 56;

/// A share of all traces, from none to all. Which traces are in it follows from their ids, as
/// OpenTelemetry's consistent probability sampling has it: whoever samples a larger share has those
/// of a smaller one too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleRatio {
    /// The least random part that is sampled.
    threshold: u64,
}

impl SampleRatio {
    /// A share from 0 to 1; `None` for any other number.
    pub fn new(share: f64) -> Option<Self> {
        let is_share = (0.0..=1.0).contains(&share);
        // Both factors are exact, so that 0 and 1 are too.
        is_share.then_some(Self { threshold: ((1.0 - share) * VALUES as f64) as u64 })
    }

    /// Whether a trace whose id has this random part is among those that are sampled.
    pub(super) fn samples(self, random_part: u64) -> bool {
        random_part >= self.threshold
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::random::random;

    #[test]
    fn none_and_all_are_exact_and_a_share_is_about_that() {
        let sampled = |share| {
            let ratio = SampleRatio::new(share).unwrap();
            (0..20_000).filter(|_| ratio.samples(random() % VALUES)).count()
        };
        assert_eq!((sampled(0.0), sampled(1.0)), (0, 20_000));
        // More than ten standard deviations to each side.
        let quarter = sampled(0.25);
        assert!((4_300..5_700).contains(&quarter), "{quarter}");
        assert!(!SampleRatio::new(0.0).unwrap().samples(VALUES - 1));
        assert!(SampleRatio::new(1.0).unwrap().samples(0));
    }

    #[test]
    fn only_shares_are_ratios() {
        for share in [-0.1, 1.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(SampleRatio::new(share), None, "{share}");
        }
    }
}
