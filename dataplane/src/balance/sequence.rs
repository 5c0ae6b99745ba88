//! Low-discrepancy sequences: points that spread evenly in any run.

use std::cell::Cell;

/// A sequence of points in [0, 1), scaled to the whole range of `u64`. Each point follows the last
/// by a fixed irrational step, so that a run of any length is spread as evenly as possible (the
/// three-distance theorem). No randomness, no shared state.
#[derive(Debug)]
pub(crate) struct Sequence {
    step: u64,
    last: Cell<u64>,
}

impl Sequence {
    /// For the backends of a Route: steps by the golden ratio. `seed` is the starting point, so
    /// that workers do not move in lockstep.
    pub(crate) const fn of_backends(seed: u64) -> Self {
        Self { step: 0x9e37_79b9_7f4a_7c15, last: Cell::new(seed) }
    }

    /// For the endpoints of a backend: steps by the fractional part of √2, so that they do not
    /// correlate with those that pick the backend.
    pub(crate) const fn of_endpoints() -> Self {
        Self { step: 0x6a09_e667_f3bc_c909, last: Cell::new(0) }
    }

    /// The next point.
    pub(crate) fn next(&self) -> u64 {
        let point = self.last.get().wrapping_add(self.step);
        self.last.set(point);
        point
    }
}

/// Maps `point` to an index below `len`.
pub(super) fn index(point: u64, len: usize) -> usize {
    // The product is less than `len` after the shift, so it fits.
    ((u128::from(point) * len as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_run_is_spread_evenly(seed: u64, len in 1usize..20, skipped in 0usize..500) {
            for sequence in [Sequence::of_backends(seed), Sequence::of_endpoints()] {
                for _ in 0..skipped {
                    sequence.next();
                }
                let mut counts = vec![0u32; len];
                for _ in 0..100 * len {
                    counts[index(sequence.next(), len)] += 1;
                }
                prop_assert!(counts.iter().all(|count| (95..=105).contains(count)), "{counts:?}");
            }
        }
    }
}
