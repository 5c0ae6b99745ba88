//! Which paths of a front door are taken.

use super::patterns::{self, overlap};

/// The paths of a front door that are taken, and by whom.
pub(super) struct Taken {
    /// The page's origin.
    pub(super) page: String,
    /// The shapes of its own paths.
    pub(super) own: Vec<String>,
    /// Patterns, and the origins that have them.
    pub(super) others: Vec<(String, String)>,
}

impl Taken {
    /// Whose paths a pattern would take.
    pub(super) fn by(&self, pattern: &str) -> Option<&str> {
        if self.own.iter().any(|shape| patterns::takes(pattern, shape)) {
            return Some(&self.page);
        }
        let other = self.others.iter().find(|(other, _)| overlap(other, pattern));
        other.map(|(_, origin)| origin.as_str())
    }

    /// Whether a path begins with this segment.
    pub(super) fn begins_with(&self, segment: &str) -> bool {
        let others = self.others.iter().map(|(other, _)| other);
        self.own.iter().chain(others).any(|path| path.split('/').nth(1) == Some(segment))
    }
}
