//! The loop that all sources of objects share: change → snapshot → compile → publish. It has its
//! own thread, so that compiling never delays a request.

mod counts;
mod debounce;
mod metrics;

pub use debounce::{Debouncer, Trigger, debouncer};

use crate::{
    compile::{self, Compiled, Memory, Options, Status, Version},
    diagnostic::{ObjectRef, Problem, Subject, WrittenAt},
    differences::differences,
    objects::{LastGood, Snapshot},
};
use counts::Counts;
use k8s_openapi::jiff::Timestamp;
use metrics::Metrics;
use portico_dataplane::table::Table;
use prometheus_client::registry::Registry;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{self, Path},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::sync::watch;
use tracing::field::{DisplayValue, display};

/// How often to check whether a table can be freed.
const FREE_INTERVAL: Duration = Duration::from_secs(1);
/// Longest wait for a date, because the clock may be set meanwhile.
const MAX_WAIT_FOR_DATE: Duration = Duration::from_hours(1);

/// A source of objects.
pub trait Source: Send {
    /// The current objects, and what the versions in `last_good` refer to; `None` if nothing has
    /// changed since the last call, or if not all of them are known yet.
    fn snapshot(&mut self, last_good: &LastGood) -> Option<Arc<Snapshot>>;

    /// Longest wait before [`Source::snapshot`] is called anyway.
    fn poll_interval(&self) -> Duration;

    /// Where fields of the objects are written, one for each. It is not known of objects in a
    /// cluster.
    fn written_at(&self, subjects: &[Subject<'_>]) -> Vec<WrittenAt> {
        vec![WrittenAt::default(); subjects.len()]
    }
}

/// The statuses of all objects at one moment.
#[derive(Debug, Default)]
pub struct StatusUpdate {
    /// The generation of the table compiled from the same objects; 0 before the first.
    pub generation: u64,
    /// The status of every object.
    pub statuses: BTreeMap<ObjectRef, Arc<Status>>,
    /// The objects themselves, and those that they refer to.
    pub objects: Arc<Snapshot>,
}

/// Compiles and publishes what a source provides.
#[derive(Debug)]
pub struct Publisher<S> {
    source: S,
    options: Options,
    memory: Memory,
    tables: watch::Sender<Arc<Table>>,
    status_updates: watch::Sender<Arc<StatusUpdate>>,
    counts: Counts,
    metrics: Metrics,
    /// Tables that workers may still hold. Freeing a large table takes milliseconds, so this thread
    /// drops the last reference.
    retired: Vec<Arc<Table>>,
    /// When the statuses of these objects change, although the objects do not.
    dated: Option<(Timestamp, Arc<Snapshot>)>,
    clock: fn() -> Timestamp,
}

impl<S: Source> Publisher<S> {
    /// Starts with an empty table of generation 0, until the first [`Publisher::publish`].
    pub fn new(source: S, options: Options, registry: &mut Registry) -> Self {
        let (tables, _) = watch::channel(Arc::default());
        let (status_updates, _) = watch::channel(Arc::default());
        let metrics = Metrics::register(registry);
        Self {
            source,
            options,
            tables,
            status_updates,
            memory: Memory::default(),
            counts: Counts::default(),
            metrics,
            retired: Vec::new(),
            dated: None,
            clock: Timestamp::now,
        }
    }

    /// The newest table.
    pub fn tables(&self) -> watch::Receiver<Arc<Table>> {
        self.tables.subscribe()
    }

    /// The latest statuses. A table of their generation has been published before them.
    pub fn status_updates(&self) -> watch::Receiver<Arc<StatusUpdate>> {
        self.status_updates.subscribe()
    }

    /// Takes a snapshot, and publishes what has changed. Without a new one, the last counts again
    /// once the date has come at which its statuses change.
    pub fn publish(&mut self) {
        let now = (self.clock)();
        let new = self.source.snapshot(&self.memory.last_good);
        let is_due = |(date, _): &mut (Timestamp, Arc<Snapshot>)| *date <= now;
        let snapshot = new.or_else(|| self.dated.take_if(is_due).map(|(_, snapshot)| snapshot));
        let Some(snapshot) = snapshot else { return };
        self.options.now = Some(now);
        let begin = Instant::now();
        let Compiled { table, statuses, next_date } =
            compile::compile_after(&snapshot, &mut self.memory, &self.options);
        let took = begin.elapsed();
        self.dated = next_date.map(|date| (date, snapshot.clone()));
        let before = self.status_updates.borrow().clone();
        let news = News::of(&before.statuses, &statuses, &mut self.counts);
        self.metrics.compiled(took, &self.counts);
        self.log(&news);
        let generation = self.publish_table(table, took);
        let update = StatusUpdate { generation, statuses, objects: snapshot };
        self.status_updates.send_replace(Arc::new(update));
    }

    /// Publishes a table if it differs from the current one. Returns the resulting generation.
    fn publish_table(&mut self, mut table: Table, took: Duration) -> u64 {
        let current = self.tables.borrow().clone();
        table.generation = current.generation;
        if current.generation > 0 && *current == table {
            return current.generation;
        }
        table.generation += 1;
        let (generation, hosts) = (table.generation, table.hosts.count());
        self.metrics.published(generation, hosts, &self.counts);
        self.retired.push(current);
        self.tables.send_replace(Arc::new(table));
        let (routes, compile_ms) = (self.counts.served_routes(), took.as_micros() as f64 / 1e3);
        tracing::info!(generation, routes, hosts, compile_ms, "table published");
        if hosts == 0 {
            tracing::warn!("no FrontDoor is accepted: every request gets 404");
        }
        generation
    }

    /// Logs new problems and resolved ones, and which objects are served in an earlier version from
    /// now on.
    fn log(&self, news: &[News<'_>]) {
        let subjects: Vec<_> = news.iter().map(News::subject).collect();
        for (news, at) in news.iter().zip(self.source.written_at(&subjects)) {
            news.log(&at);
        }
    }

    /// Publishes whenever the debouncer reports a change, until all triggers are gone.
    pub fn run(mut self, mut debouncer: Debouncer) {
        let _end = LogPanic;
        loop {
            self.retired.retain(|table| Arc::strong_count(table) > 1);
            if !debouncer.next(self.max_wait()) {
                return;
            }
            self.publish();
        }
    }

    /// Longest wait before [`Self::publish`] has something to do without a change.
    fn max_wait(&self) -> Duration {
        let free = if self.retired.is_empty() { Duration::MAX } else { FREE_INTERVAL };
        let date = self.dated.as_ref().map_or(Duration::MAX, |(date, _)| {
            let left = Duration::try_from(date.duration_since((self.clock)()));
            left.unwrap_or_default().min(MAX_WAIT_FOR_DATE)
        });
        self.source.poll_interval().min(free).min(date)
    }
}

/// What is new about an object.
enum News<'n> {
    /// It has a problem.
    Found(&'n Problem),
    /// It no longer has a problem.
    Resolved(&'n Problem),
    /// It is served in this earlier version.
    Kept(&'n ObjectRef, &'n Version),
}

impl<'n> News<'n> {
    /// What is new in the statuses `now`, each once; counted by the way.
    fn of(
        before: &'n BTreeMap<ObjectRef, Arc<Status>>,
        now: &'n BTreeMap<ObjectRef, Arc<Status>>,
        counts: &mut Counts,
    ) -> Vec<Self> {
        fn problems(status: Option<&Arc<Status>>) -> &[Problem] {
            status.map(|status| &*status.problems).unwrap_or_default()
        }
        fn last_good(status: Option<&Arc<Status>>) -> Option<&Version> {
            status?.last_good.as_ref()
        }
        let (mut found, mut resolved, mut kept) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
        for (object, before, now) in differences(before, now, Arc::ptr_eq) {
            before.into_iter().for_each(|status| counts.remove(object, status));
            now.into_iter().for_each(|status| counts.add(object, status));
            let (problems_before, problems_now) = (problems(before), problems(now));
            found.extend(problems_now.iter().filter(|it| !problems_before.contains(it)));
            resolved.extend(problems_before.iter().filter(|it| !problems_now.contains(it)));
            let version = last_good(now).filter(|version| last_good(before) != Some(version));
            kept.extend(version.map(|version| Self::Kept(object, version)));
        }
        let found = found.into_iter().map(Self::Found);
        found.chain(resolved.into_iter().map(Self::Resolved)).chain(kept).collect()
    }

    fn subject(&self) -> Subject<'n> {
        match *self {
            Self::Found(problem) | Self::Resolved(problem) => problem.subject(),
            Self::Kept(object, _) => Subject::object(object),
        }
    }

    /// Logs it, with where its subject is written.
    fn log(&self, WrittenAt { file, line, column }: &WrittenAt) {
        let object = self.subject().object.to_string();
        let file = file.as_deref().map(shown);
        match self {
            Self::Found(Problem { severity, field, reason, message, .. }) => {
                tracing::warn!(object, ?severity, field, %reason, file, line, column, "{message}");
            }
            Self::Resolved(Problem { field, reason, .. }) => {
                tracing::info!(object, field, %reason, file, line, column, "no longer a problem");
            }
            Self::Kept(_, version) => {
                tracing::warn!(object, file, line, column, "not accepted: {version}");
            }
        }
    }
}

/// A path as a field of a line.
fn shown(path: &Path) -> DisplayValue<path::Display<'_>> {
    display(path.display())
}

/// Logs an error if the loop panics, since changes are ignored from then on. The loop also ends
/// when all triggers are gone; then the process is ending, and there is nothing to log.
struct LogPanic;

impl Drop for LogPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!(
                "the publisher has stopped; still serving the last table, but ignoring changes: restart Portico"
            );
        }
    }
}

#[cfg(test)]
mod tests;
