//! Counters of connections and requests to backends.

use hashbrown::HashMap;
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashSet},
};

/// The counters of one worker, by the backend's name: names come from the table, and go with it.
#[derive(Debug, Default)]
pub(crate) struct UpstreamStats {
    by_backend: RefCell<HashMap<String, UpstreamCounts>>,
}

/// The counters of a backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct UpstreamCounts {
    pub(crate) connected: u64,
    pub(crate) failed: u64,
    pub(crate) reused: u64,
    pub(crate) retried: u64,
}

/// A snapshot of [`UpstreamStats`].
#[derive(Debug)]
pub(crate) struct UpstreamSnapshot {
    pub(super) by_backend: HashMap<String, UpstreamCounts>,
    /// Connections that are idle, which backends with the same endpoints share.
    pub(super) idle: usize,
}

impl UpstreamStats {
    fn update(&self, backend: &str, change: impl FnOnce(&mut UpstreamCounts)) {
        change(self.by_backend.borrow_mut().entry_ref(backend).or_default());
    }

    /// An attempt to connect to an endpoint of `backend` has succeeded or failed.
    pub(crate) fn connected(&self, backend: &str, succeeded: bool) {
        self.update(backend, |counts| {
            *if succeeded { &mut counts.connected } else { &mut counts.failed } += 1
        });
    }

    /// A request was sent over a pooled connection.
    pub(crate) fn reused(&self, backend: &str) {
        self.update(backend, |counts| counts.reused += 1);
    }

    /// A request was sent again.
    pub(crate) fn retried(&self, backend: &str) {
        self.update(backend, |counts| counts.retried += 1);
    }

    /// The counts of one backend.
    #[cfg(test)]
    pub(crate) fn counts(&self, backend: &str) -> UpstreamCounts {
        self.by_backend.borrow().get(backend).copied().unwrap_or_default()
    }

    /// For how many backends there are counts.
    pub(crate) fn len(&self) -> usize {
        self.by_backend.borrow().len()
    }

    /// Forgets all other backends.
    pub(crate) fn retain(&self, backends: &HashSet<&str>) {
        self.by_backend.borrow_mut().retain(|backend, _| backends.contains(backend.as_str()));
    }

    /// The counts, with the number of idle connections.
    pub(crate) fn snapshot(&self, idle: usize) -> UpstreamSnapshot {
        UpstreamSnapshot { by_backend: self.by_backend.borrow().clone(), idle }
    }
}

impl UpstreamCounts {
    fn merge(&mut self, other: &Self) {
        self.connected += other.connected;
        self.failed += other.failed;
        self.reused += other.reused;
        self.retried += other.retried;
    }
}

/// The sums of all workers, by backend.
pub(super) fn merged<'s>(
    all: impl Iterator<Item = &'s UpstreamSnapshot>,
) -> BTreeMap<&'s str, UpstreamCounts> {
    let mut merged = BTreeMap::<_, UpstreamCounts>::new();
    for (backend, counts) in all.flat_map(|snapshot| &snapshot.by_backend) {
        merged.entry(backend.as_str()).or_default().merge(counts);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_those_of_a_backend_until_it_is_gone() {
        let (one, other) = (UpstreamStats::default(), UpstreamStats::default());
        one.connected("a", true);
        one.connected("a", false);
        one.reused("a");
        one.retried("b");
        other.reused("a");
        let snapshots = [one.snapshot(1), other.snapshot(0)];
        let a = UpstreamCounts { connected: 1, failed: 1, reused: 2, retried: 0 };
        let b = UpstreamCounts { retried: 1, ..UpstreamCounts::default() };
        assert_eq!(merged(snapshots.iter()), BTreeMap::from([("a", a), ("b", b)]));
        one.retain(&HashSet::from(["b"]));
        assert_eq!(merged([one.snapshot(0)].iter()), BTreeMap::from([("b", b)]));
    }
}
