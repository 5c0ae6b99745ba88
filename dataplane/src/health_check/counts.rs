//! How many checks succeeded and failed.

use crate::telemetry::Escaped;
use hashbrown::HashMap;
use std::{
    collections::{BTreeMap, HashSet},
    fmt::{self, Write},
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

    /// Writes them in the Prometheus text format.
    pub(crate) fn encode(&self, out: &mut String) -> fmt::Result {
        let name = "portico_backend_health_checks_total";
        writeln!(out, "# HELP {name} Active checks of a backend's endpoints, by result.")?;
        writeln!(out, "# TYPE {name} counter")?;
        let counts = self.lock();
        for (backend, [succeeded, failed]) in counts.iter().collect::<BTreeMap<_, _>>() {
            for (result, count) in [("success", succeeded), ("failure", failed)] {
                let backend = Escaped(backend);
                writeln!(out, "{name}{{backend=\"{backend}\",result=\"{result}\"}} {count}")?;
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, [u64; 2]>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
