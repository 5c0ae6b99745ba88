//! How far the watches of FrontDoors and Routes have come.
//!
//! A position is a `metadata.resourceVersion` as a number. Kubernetes promises since 1.35 that the
//! versions of one resource can be compared so, and all objects of a cluster have shared one
//! sequence all along. That makes positions mean the same to every replica, unlike the generations
//! of tables, which each replica counts for itself.

use crate::diagnostic::Kind;
use std::collections::BTreeMap;

/// How far one watch has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The highest version received, whatever it changed.
    pub seen: u64,
    /// The highest version that brought a new object or a new generation of one, rather than a new
    /// status.
    pub newest: u64,
}

/// How far every watch has come, by kind and namespace. The namespace is empty if one watch is for
/// all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions(BTreeMap<(Kind, String), Position>);

/// A `metadata.resourceVersion` as a number. One that is none counts as known to everybody.
pub(crate) fn position_of(version: &str) -> u64 {
    version.parse().unwrap_or(0)
}

impl Position {
    /// Takes note of an object of this version, whose present generation came with version `since`.
    pub(crate) fn advance(&mut self, version: u64, since: u64) {
        self.seen = self.seen.max(version);
        self.newest = self.newest.max(since);
    }
}

impl Positions {
    /// Adds the position of a watch; `None` stands for all namespaces.
    pub fn insert(&mut self, kind: Kind, namespace: Option<&str>, position: Position) {
        self.0.insert((kind, namespace.unwrap_or_default().to_owned()), position);
    }

    /// Every watch's kind, namespace and position.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, &str, Position)> {
        self.0.iter().map(|((kind, namespace), position)| (*kind, namespace.as_str(), *position))
    }

    /// What these positions amount to, given the present ones: what was received since, and is
    /// neither a new object nor a new generation, changes nothing of what is served.
    #[must_use]
    pub fn advanced_to(&self, now: &Self) -> Self {
        let advanced = self.0.iter().map(|(watch, position)| {
            let now = now.0.get(watch).filter(|now| now.newest <= position.seen);
            (watch.clone(), *now.unwrap_or(position))
        });
        Self(advanced.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(web: (u64, u64), sales: (u64, u64)) -> Positions {
        let mut positions = Positions::default();
        for (namespace, (seen, newest)) in [("web", web), ("sales", sales)] {
            positions.insert(Kind::Route, Some(namespace), Position { seen, newest });
        }
        positions
    }

    #[test]
    fn only_statuses_advance_what_is_served() {
        let served = positions((10, 8), (12, 12));
        let statuses = positions((15, 8), (12, 12));
        assert_eq!(served.advanced_to(&statuses), statuses);
        let another_object = positions((15, 14), (20, 12));
        assert_eq!(served.advanced_to(&another_object), positions((10, 8), (20, 12)));
        assert_eq!(served.advanced_to(&Positions::default()), served);
    }

    #[test]
    fn a_version_that_is_no_number_is_known_to_everybody() {
        assert_eq!(position_of("184467"), 184_467);
        assert_eq!(["", "a1", "-1"].map(position_of), [0; 3]);
    }
}
