//! Random numbers that no security depends on.

use std::hash::{BuildHasher, RandomState};

/// A random number. Each `RandomState` of the standard library has its own keys, the first of which
/// come from the system's randomness.
pub fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// A random number from 0 to 1: what spreads things over time.
pub fn fraction() -> f64 {
    f64::from(random() as u32) / f64::from(u32::MAX)
}
