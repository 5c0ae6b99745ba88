//! Random numbers that no security depends on.

use std::hash::{BuildHasher, RandomState};

/// A random number from the standard library's source of hash keys.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0)
}
