//! Randomness that spreads things over time.

use std::hash::{BuildHasher, RandomState};

/// A number from 0 to 1.
pub(crate) fn random() -> f64 {
    f64::from(RandomState::new().hash_one(0) as u32) / f64::from(u32::MAX)
}
