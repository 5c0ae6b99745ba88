//! How many checks succeeded and failed.

use hashbrown::HashMap;
use std::{
    collections::{BTreeMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Counts by the backend's name: successes and failures.
#[derive(Debug, Default)]
pub(crate) struct CheckCounts(Mutex<HashMap<String, [u64; 2]>>);

impl CheckCounts {
    /// A check of a backend's endpoint has ended.
    pub(super) fn count(&self, backend: &str, succeeded: bool) {
        let mut counts = self.lock();
        let own = counts.entry_ref(backend).or_default();
        own[usize::from(!succeeded)] += 1;
    }

    /// Forgets all other backends.
    pub(super) fn retain(&self, backends: &HashSet<&str>) {
        self.lock().retain(|backend, _| backends.contains(backend.as_str()));
    }

    /// All counts, in the order of the backends' names.
    pub(crate) fn all(&self) -> BTreeMap<String, [u64; 2]> {
        self.lock().iter().map(|(backend, counts)| (backend.clone(), *counts)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, [u64; 2]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
