//! Manifest files as a source of objects: watched, and polled.

use super::{
    cache::{Cache, REMOVAL_DELAY},
    decode::FileProblem,
    merge::Merged,
    unused::Unused,
    walk,
    watch::Watch,
    written,
};
use crate::{
    diagnostic::{Severity, Subject, WrittenAt},
    objects::{LastGood, Snapshot},
    publish::{Source, Trigger},
};
use prometheus_client::{
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

/// How long a file may be open for writing before its content counts.
const WRITE_TIMEOUT: Duration = Duration::from_millis(500);

/// Manifest files: their current content, and a trigger when that may have changed.
#[derive(Debug)]
pub struct Files {
    paths: Vec<PathBuf>,
    pub(super) cache: Cache,
    pub(super) watch: Watch,
    /// The problems logged last; `None` before the first snapshot.
    problems: Option<BTreeSet<(Arc<Path>, FileProblem)>>,
    /// Whether a file has been read and parsed, or there was none.
    known: bool,
    /// How long the last snapshot took.
    took: Duration,
    counts: Family<[(&'static str, &'static str); 1], Gauge>,
}

impl Files {
    /// Starts to watch with the first snapshot. `trigger` fires when something may have changed.
    pub fn new(paths: Vec<PathBuf>, trigger: Trigger, registry: &mut Registry) -> Self {
        let counts = Family::default();
        let help = "Manifest files, by state; the last valid content of a broken one stays in use";
        registry.register("portico_files", help, Family::clone(&counts));
        Self {
            paths,
            cache: Cache::default(),
            watch: Watch::new(trigger, WRITE_TIMEOUT),
            problems: None,
            known: false,
            took: Duration::ZERO,
            counts,
        }
    }

    /// Logs new problems and resolved ones, each once.
    fn report(&mut self, merged: &Merged) {
        for (state, count) in [("read", merged.files), ("broken", merged.broken)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.counts.get_or_create(&[("state", state)]).set(count);
        }
        let problems = merged.problems.iter().flat_map(|(path, problems)| {
            problems.iter().map(|problem| (path.clone(), problem.clone()))
        });
        let useless = merged.useless().map(|(path, unused)| (path.clone(), nothing_of(unused)));
        let problems: BTreeSet<_> = problems.chain(useless).collect();
        let known = self.problems.replace(problems.clone()).unwrap_or_default();
        let new: Vec<_> = problems.difference(&known).collect();
        let places = written::of_files(&self.cache, &new);
        for ((path, problem), WrittenAt { line, column, .. }) in new.into_iter().zip(places) {
            let keeps = match (problem.severity, problem.document()) {
                (Severity::Error, None) => "; its last valid content, if any, stays in use",
                (Severity::Error, Some(_)) | (Severity::Warning, _) => "",
            };
            tracing::warn!(file = %path.display(), line, column, "{}{keeps}", problem.message);
        }
        for (path, _) in known.difference(&problems) {
            if !merged.problems.contains_key(path) {
                tracing::info!(file = %path.display(), "no longer a problem");
            }
        }
    }
}

/// What a file has of which nothing is used.
fn nothing_of(unused: &Unused) -> FileProblem {
    let more = unused.count().saturating_sub(unused.named().len());
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    FileProblem {
        severity: Severity::Warning,
        ..FileProblem::of_file(format!(
            "has nothing that Portico uses, only {}{more}; it is not read",
            unused.named().join(", ")
        ))
    }
}

impl Source for Files {
    fn snapshot(&mut self, _: &LastGood) -> Option<Arc<Snapshot>> {
        let begin = Instant::now();
        let Self { watch, cache, paths, .. } = self;
        let walk = walk::walk(paths, &mut |folder| watch.folder(folder));
        let changed = cache.refresh(walk, &|file| watch.writing().contains(file), REMOVAL_DELAY);
        self.took = begin.elapsed();
        if !changed && self.problems.is_some() {
            return None;
        }
        let merged = self.cache.merge();
        self.report(&merged);
        // Files of which none can be read yet don't mean that there are no objects.
        self.known |= merged.files > 0 || (merged.broken == 0 && !self.cache.waits());
        let snapshot = self.cache.remember(merged);
        self.known.then_some(snapshot)
    }

    fn written_at(&self, subjects: &[Subject<'_>]) -> Vec<WrittenAt> {
        written::of_objects(&self.cache, subjects)
    }

    /// Network mounts report no changes, and event queues overflow. Polling costs at most a
    /// thousandth of a core.
    fn poll_interval(&self) -> Duration {
        if self.cache.lingers() {
            return REMOVAL_DELAY;
        }
        (self.took * 1000).clamp(Duration::from_secs(1), Duration::from_mins(1))
    }
}
