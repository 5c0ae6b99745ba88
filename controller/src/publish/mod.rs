//! The loop that every source of objects shares: a sign of a change → snapshot → compile → publish.
//! It has a thread of its own, so that no request waits for a compiler.

mod debounce;
mod metrics;

pub use debounce::{Debouncer, Trigger, debouncer};

use crate::{
    compile::{self, Compiled, Options, Status},
    diagnostic::{ObjectRef, Problem},
    objects::Snapshot,
};
use metrics::Metrics;
use portico_dataplane::table::Table;
use prometheus_client::registry::Registry;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// How soon to look whether a table can be freed.
const FREE_INTERVAL: Duration = Duration::from_secs(1);

/// Where objects come from.
pub trait Source: Send {
    /// The objects as they are now; `None` where they are as they were the last time, or where not
    /// all of them are known yet.
    fn snapshot(&mut self) -> Option<Snapshot>;

    /// How long no sign of a change may come before [`Source::snapshot`] is asked all the same.
    fn poll_interval(&self) -> Duration;
}

/// What is said of all objects at one moment.
#[derive(Debug, Default)]
pub struct StatusUpdate {
    /// The generation of the table that came of the same objects; 0 before the first.
    pub generation: u64,
    /// The status of every object.
    pub statuses: BTreeMap<ObjectRef, Status>,
}

/// Compiles what a source gives and publishes it.
#[derive(Debug)]
pub struct Publisher<S> {
    source: S,
    options: Options,
    tables: watch::Sender<Arc<Table>>,
    status_updates: watch::Sender<Arc<StatusUpdate>>,
    problems: BTreeSet<Problem>,
    metrics: Metrics,
    /// Tables that workers may still hold. The last one to let go of a table frees it, which takes
    /// milliseconds where there are many Routes: that shall be this thread.
    retired: Vec<Arc<Table>>,
}

impl<S: Source> Publisher<S> {
    /// Publishes nothing yet: until the first [`Publisher::publish`] there is an empty table of
    /// generation 0.
    pub fn new(source: S, options: Options, registry: &mut Registry) -> Self {
        let (tables, _) = watch::channel(Arc::default());
        let (status_updates, _) = watch::channel(Arc::default());
        let metrics = Metrics::register(registry);
        let (problems, retired) = (BTreeSet::new(), Vec::new());
        Self { source, options, tables, status_updates, problems, metrics, retired }
    }

    /// The newest table.
    pub fn tables(&self) -> watch::Receiver<Arc<Table>> {
        self.tables.subscribe()
    }

    /// What was said of all objects last; a table of that generation was published before.
    pub fn status_updates(&self) -> watch::Receiver<Arc<StatusUpdate>> {
        self.status_updates.subscribe()
    }

    /// Asks the source, and publishes what is different.
    pub fn publish(&mut self) {
        let Some(snapshot) = self.source.snapshot() else { return };
        let begin = Instant::now();
        let Compiled { table, statuses } = compile::compile(&snapshot, &self.options);
        let took = begin.elapsed();
        self.metrics.compiled(took, &statuses);
        self.report(&statuses);
        let generation = self.publish_table(table, &statuses, took);
        if self.status_updates.receiver_count() > 0 {
            self.status_updates.send_replace(Arc::new(StatusUpdate { generation, statuses }));
        }
    }

    /// Publishes a table that differs from the current one. The generation that is current then.
    fn publish_table(
        &mut self,
        mut table: Table,
        statuses: &BTreeMap<ObjectRef, Status>,
        took: Duration,
    ) -> u64 {
        let current = self.tables.borrow().clone();
        table.generation = current.generation;
        if current.generation > 0 && *current == table {
            return current.generation;
        }
        table.generation += 1;
        let (generation, hosts) = (table.generation, table.hosts.iter().count());
        let routes = self.metrics.published(generation, hosts, statuses);
        self.retired.push(current);
        self.tables.send_replace(Arc::new(table));
        let compile_ms = took.as_micros() as f64 / 1e3;
        tracing::info!(generation, routes, hosts, compile_ms, "table published");
        if hosts == 0 {
            tracing::warn!("no FrontDoor is accepted: every request gets 404");
        }
        generation
    }

    /// Publishes at every sign of a change, until all wakers are gone.
    pub fn run(mut self, mut debouncer: Debouncer) {
        let _end = LogPanic;
        loop {
            self.retired.retain(|table| Arc::strong_count(table) > 1);
            let max_wait = self.source.poll_interval();
            let max_wait =
                if self.retired.is_empty() { max_wait } else { max_wait.min(FREE_INTERVAL) };
            if !debouncer.next(max_wait) {
                return;
            }
            self.publish();
        }
    }

    /// Logs problems that are new, and those that are gone, once.
    fn report(&mut self, statuses: &BTreeMap<ObjectRef, Status>) {
        let problems: BTreeSet<_> =
            statuses.values().flat_map(|status| &status.problems).cloned().collect();
        for Problem { object, severity, field, reason, message, .. } in
            problems.difference(&self.problems)
        {
            let object = object.to_string();
            tracing::warn!(object, ?severity, field, %reason, "{message}");
        }
        for Problem { object, field, reason, .. } in self.problems.difference(&problems) {
            let object = object.to_string();
            tracing::info!(object, field, %reason, "no longer a problem");
        }
        self.problems = problems;
    }
}

/// Logs that the loop ended by a panic: from then on changes are not seen any more. That all wakers
/// are gone is the usual end of the process, and nothing to report.
struct LogPanic;

impl Drop for LogPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!(
                "changes are no longer taken up; the last table is still served: restart"
            );
        }
    }
}

#[cfg(test)]
mod tests;
