//! Points that spread evenly over whatever they are mapped to, in any run of them.

use std::cell::Cell;

/// A sequence of points in [0, 1), scaled to the whole range of `u64`: each follows the last by a
/// fixed irrational step, so that any run of them, whatever its length, is spread as evenly as can
/// be (the three-distance theorem). No randomness, no shared state.
#[derive(Debug)]
pub(crate) struct Sequence {
    step: u64,
    last: Cell<u64>,
}

impl Sequence {
    /// For the backends of a Route: steps of the golden ratio. `seed` is where it begins, so that
    /// workers do not walk in step.
    pub(crate) const fn of_backends(seed: u64) -> Self {
        Self { step: 0x9e37_79b9_7f4a_7c15, last: Cell::new(seed) }
    }

    /// For the endpoints of a backend: steps of the fractional part of √2, which do not keep step
    /// with those by which the backend itself is picked.
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

/// Indices below `len` in the order in which they are tried: from the one at `point`, each once.
pub(crate) fn order(point: u64, len: usize) -> impl Iterator<Item = usize> {
    let first = index(point, len);
    (first..len).chain(0..first)
}

/// The index at `point` among `len`.
fn index(point: u64, len: usize) -> usize {
    // Less than `len`, so it fits.
    ((u128::from(point) * len as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_index_comes_once(point: u64, len in 0usize..50) {
            let mut tried: Vec<_> = order(point, len).collect();
            tried.sort_unstable();
            prop_assert_eq!(tried, (0..len).collect::<Vec<_>>());
        }

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
