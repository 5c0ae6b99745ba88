//! File system events: when files may have changed.

use crate::publish::Trigger;
use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode, CreateKind, ModifyKind},
};
use std::{
    collections::{HashMap, HashSet},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Whether the system reports when a writer closes a file.
const TELLS_CLOSE: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Watches folders, not recursively, and fires the trigger when something in one of them changes.
#[derive(Debug)]
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    writing: Writing,
    failed: HashSet<PathBuf>,
}

impl Watch {
    /// Watches nothing yet. If the system can't watch, changes are found by polling. The content of
    /// a file that stays open for writing counts after `write_timeout`.
    pub(super) fn new(trigger: Trigger, write_timeout: Duration) -> Self {
        let writing = Writing { files: Arc::default(), longest: write_timeout };
        let handler = {
            let writing = writing.clone();
            move |event: notify::Result<Event>| {
                if event.is_ok_and(|event| writing.is_quiet(&event)) {
                    return;
                }
                trigger.fire();
            }
        };
        let watcher = notify::recommended_watcher(handler)
            .inspect_err(|error| {
                tracing::warn!("cannot watch files; falling back to polling: {error}")
            })
            .ok();
        Self { watcher, writing, failed: HashSet::new() }
    }

    /// Watches a folder from now on. Watching it again is harmless, and necessary if another folder
    /// has taken its place.
    pub(super) fn folder(&mut self, path: &Path) {
        let Some(watcher) = &mut self.watcher else { return };
        match watcher.watch(path, RecursiveMode::NonRecursive) {
            Ok(()) => drop(self.failed.remove(path)),
            Err(error) => {
                if self.failed.insert(path.to_owned()) {
                    tracing::warn!("cannot watch a folder; falling back to polling: {error}");
                }
            }
        }
    }

    /// The files that are just being written.
    pub(super) fn writing(&self) -> &Writing {
        &self.writing
    }
}

/// Files that have been changed but not closed yet, and since when. A file that is rewritten in
/// place is empty for a moment, which must not withdraw its objects.
#[derive(Clone, Debug)]
pub(super) struct Writing {
    files: Arc<Mutex<HashMap<PathBuf, Instant>>>,
    longest: Duration,
}

impl Writing {
    fn files(&self) -> MutexGuard<'_, HashMap<PathBuf, Instant>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a file, given by its real path, is just being written.
    pub(super) fn contains(&self, path: &Path) -> bool {
        self.files().get(path).is_some_and(|since| since.elapsed() < self.longest)
    }

    /// Handles an event. Returns true if nothing has changed (reading a file causes events too), or
    /// if a better event will follow.
    fn is_quiet(&self, event: &Event) -> bool {
        match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => {
                let mut files = self.files();
                files.retain(|path, since| {
                    !event.paths.contains(path) && since.elapsed() < self.longest
                });
                false
            }
            EventKind::Access(_) => true,
            // A new file is empty at first, unless it is a link.
            EventKind::Create(CreateKind::File)
                if !event.paths.iter().all(|path| is_plain(path)) =>
            {
                false
            }
            EventKind::Create(CreateKind::File) | EventKind::Modify(ModifyKind::Data(_))
                if TELLS_CLOSE =>
            {
                let mut files = self.files();
                for path in &event.paths {
                    files.entry(path.clone()).or_insert_with(Instant::now);
                }
                true
            }
            _ => false,
        }
    }
}

/// Whether a file is neither a symbolic link nor hard-linked.
fn is_plain(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_file() && metadata.nlink() == 1)
}

#[cfg(test)]
mod tests;
