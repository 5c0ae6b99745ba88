//! Counts in little memory.

/// A count in two bytes: eleven bits of it, and how far they are shifted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Compact(u16);

const DIGITS: u32 = 11;

impl Compact {
    /// As near below `count` as two bytes can say.
    pub(super) fn of(count: u64) -> Self {
        let shift = (u64::BITS - count.leading_zeros()).saturating_sub(DIGITS).min(31);
        let digits = (count >> shift).min((1 << DIGITS) - 1);
        // Invariant: five bits of shift and eleven of digits are sixteen.
        Self(u16::try_from(u64::from(shift) << DIGITS | digits).unwrap_or(u16::MAX))
    }

    /// The count.
    pub(super) fn count(self) -> u64 {
        u64::from(self.0 & ((1 << DIGITS) - 1)) << (self.0 >> DIGITS)
    }

    /// The sum.
    pub(super) fn plus(self, other: Self) -> Self {
        Self::of(self.count() + other.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counts_are_right_to_three_digits(count in 0_u64..1 << 42) {
            let shown = Compact::of(count).count();
            prop_assert!(shown <= count && (count - shown) as f64 <= count as f64 / 1000.0);
        }
    }
}
