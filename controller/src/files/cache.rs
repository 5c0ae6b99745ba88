//! What each file last contained.

use super::{
    decode::{self, Contents, FileProblem, Origin},
    merge::{Location, Locations, Merged, identity},
    text,
    walk::{Found, Stamp, Walk},
};
use crate::{
    diagnostic::ObjectRef,
    objects::{Object, Snapshot},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// How long the content of a removed file, and an object that was removed from a file, still count:
/// many editors remove a file before they write the new version, and what moves from one file to
/// another must not disappear in between.
pub(super) const REMOVAL_DELAY: Duration = Duration::from_millis(200);

/// What each file last contained.
#[derive(Debug, Default)]
pub(super) struct Cache {
    files: BTreeMap<PathBuf, Cached>,
    unreadable: BTreeMap<PathBuf, String>,
    /// Whether there are files that have not been read yet because they are just being written.
    waits: bool,
    /// Where each object was defined at the last merge.
    locations: Locations,
    /// What the last merge came to, if it was plain: every file was there and could be read, and
    /// every object was defined once.
    base: Option<Arc<Snapshot>>,
    /// The files whose contents have changed since.
    changed: BTreeSet<PathBuf>,
}

#[derive(Debug, Default)]
struct Cached {
    /// `None` if another change might leave the stamp as it is.
    stamp: Option<Stamp>,
    /// Hash of the text that was last read.
    hash: Option<u64>,
    contents: Contents,
    /// Objects that `contents` no longer has.
    former: Vec<Former>,
    /// Why the file can't be read or parsed. `contents` is then from before.
    broken: Option<FileProblem>,
    /// Since when the file has been gone.
    gone: Option<Instant>,
}

/// An object that a file no longer has.
#[derive(Debug)]
struct Former {
    object: (Origin, Object),
    /// The errors that the file had while it still had the object.
    errors: Arc<[String]>,
    /// Since when it has been gone; `None` while a document that can't be read may be the object.
    gone: Option<Instant>,
}

impl Cache {
    /// Reads what has changed. `hold` tells which files, by their real paths, are just being
    /// written; those stay as they are. Files and objects that have been gone for `linger` are
    /// forgotten. Returns whether anything is different.
    pub(super) fn refresh(
        &mut self,
        walk: Walk,
        hold: &dyn Fn(&Path) -> bool,
        linger: Duration,
    ) -> bool {
        let mut changed = self.unreadable != walk.unreadable;
        let mut forgotten = false;
        self.unreadable = walk.unreadable;
        let unreadable = &self.unreadable;
        self.files.retain(|path, file| {
            let there = walk.files.contains_key(path)
                || path.ancestors().any(|above| unreadable.contains_key(above));
            // Whether an object has duplicates may depend on this file.
            changed |= file.gone.is_some() == there;
            file.gone = if there { None } else { file.gone.or_else(|| Some(Instant::now())) };
            let keep = file.gone.is_none_or(|since| since.elapsed() < linger);
            forgotten |= !keep;
            keep
        });
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        self.waits = false;
        for (path, found) in walk.files {
            let known = self.files.get(&path).is_some_and(|file| file.stamp == Some(found.stamp));
            if !known && !hold(&found.real) {
                let file = self.files.entry(path.clone()).or_default();
                if file.read(&path, &found, now) {
                    changed = true;
                    self.changed.insert(path.clone());
                }
            }
            self.waits |= !self.files.contains_key(&path);
        }
        for file in self.files.values_mut() {
            forgotten |= file.forget(linger);
        }
        if forgotten {
            self.base = None;
        }
        changed || forgotten
    }

    /// Whether there are files that have never been read because they are just being written.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    /// Whether something that was removed still counts, but not for long.
    pub(super) fn lingers(&self) -> bool {
        let lingers = |file: &Cached| {
            file.gone.is_some() || file.former.iter().any(|former| former.gone.is_some())
        };
        self.files.values().any(lingers)
    }

    /// Remembers where objects are defined, so that those definitions count as long as they exist.
    /// Returns the objects.
    pub(super) fn remember(&mut self, merged: Merged) -> Arc<Snapshot> {
        let is_plain = self.is_plain() && !merged.has_duplicates;
        let (snapshot, locations) = merged.into_parts();
        let snapshot = Arc::new(snapshot);
        self.locations = locations;
        self.base = is_plain.then(|| snapshot.clone());
        self.changed.clear();
        snapshot
    }

    /// Whether every file is there and can be read, and no object lingers that a file no longer has.
    fn is_plain(&self) -> bool {
        self.unreadable.is_empty() && self.files.values().all(Cached::is_plain)
    }

    /// Where one of Portico's own objects was defined at the last merge.
    pub(super) fn location(&self, object: &ObjectRef) -> Option<&Location> {
        self.locations.get(&(object.kind.name(), object.name.clone()))
    }

    /// Whether it is there that a file has this object now, and not where it had it before.
    pub(super) fn has(&self, Location { path, origin }: &Location, object: &ObjectRef) -> bool {
        let objects = self.files.get(&**path).map(|file| &*file.contents.objects);
        let objects = objects.unwrap_or_default();
        // They are in the order of the file.
        let found = objects.binary_search_by_key(origin, |(origin, _)| *origin);
        found.is_ok_and(|at| {
            let (kind, name) = identity(&objects[at].1);
            kind == object.kind.name() && name == object.name
        })
    }

    /// The text that a file's contents are from, if the file still has it.
    pub(super) fn text(&self, path: &Path) -> Option<String> {
        let file = self.files.get(path).filter(|file| file.broken.is_none())?;
        text::read(path).ok().filter(|text| file.hash == Some(hash(text)))
    }

    /// Merges all files. The result has to be [remembered](Self::remember).
    pub(super) fn merge(&mut self) -> Merged {
        self.patched().unwrap_or_else(|| self.merged())
    }

    /// The last merge with the files that have changed since, if it and they are plain.
    fn patched(&mut self) -> Option<Merged> {
        let base = self.base.take().filter(|_| self.is_plain())?;
        let changed = self.changed.iter();
        let changed = changed.filter_map(|path| Some((&**path, &self.files.get(path)?.contents)));
        let changed: Vec<_> = changed.collect();
        let mut objects = changed.iter().flat_map(|(path, contents)| {
            contents.objects.iter().map(|(_, object)| (*path, identity(object)))
        });
        let mut met = HashSet::new();
        let are_defined_once = objects.all(|(path, identity)| {
            self.locations.get(&identity).is_none_or(|at| *at.path == *path) && met.insert(identity)
        });
        if !are_defined_once {
            return None;
        }
        let locations = std::mem::take(&mut self.locations);
        let mut merged = Merged::after(Snapshot::clone(&base), locations);
        for (path, contents) in changed {
            merged.replace(path, contents);
        }
        for (path, file) in &self.files {
            merged.note(&Arc::from(path.as_path()), &file.contents);
            merged.files += 1;
        }
        Some(merged)
    }

    /// Merges all files from nothing.
    fn merged(&mut self) -> Merged {
        let mut merged = Merged::new(std::mem::take(&mut self.locations));
        for (path, message) in &self.unreadable {
            merged.broken(path, FileProblem::of_file(message.clone()));
        }
        let (there, gone): (Vec<_>, Vec<_>) =
            self.files.iter().partition(|(_, file)| file.gone.is_none());
        for (path, file) in there {
            merged.add(path, &file.contents);
            match &file.broken {
                Some(problem) => merged.broken(path, problem.clone()),
                None => merged.files += 1,
            }
        }
        for (path, file) in gone {
            merged.fill(path, &file.contents.objects);
        }
        for (path, file) in &self.files {
            merged.fill(path, file.former.iter().map(|former| &former.object));
        }
        merged.finish()
    }
}

impl Cached {
    fn is_plain(&self) -> bool {
        self.gone.is_none() && self.former.is_empty() && self.broken.is_none()
    }

    fn read(&mut self, path: &Path, found: &Found, now: i64) -> bool {
        self.stamp = (!found.stamp.is_young(now)).then_some(found.stamp);
        let text = match text::read(path) {
            Ok(text) => text,
            Err(error) => return self.failed(&error),
        };
        let hash = hash(&text);
        if self.hash.replace(hash) == Some(hash) {
            return false;
        }
        match decode::decode(&text) {
            Ok(contents) => {
                self.broken = None;
                self.replace(contents);
            }
            Err(problem) => self.broken = Some(*problem),
        }
        true
    }

    /// Takes new contents. What they no longer have is kept for a moment; or while there is a
    /// document that can't be read and was not there before.
    fn replace(&mut self, mut contents: Contents) {
        keep_equal(&self.contents, &mut contents);
        let before = std::mem::replace(&mut self.contents, contents);
        let errors: Arc<[String]> = before.errors().map(str::to_owned).collect();
        let lost = |object| Former { object, errors: errors.clone(), gone: None };
        self.former.extend(before.objects.into_iter().map(lost));
        let has: HashSet<_> =
            self.contents.objects.iter().map(|(_, object)| identity(object)).collect();
        self.former.retain(|former| !has.contains(&identity(&former.object.1)));
        let now = Instant::now();
        for former in &mut self.former {
            if !self.contents.has_errors_beside(&former.errors) {
                former.gone.get_or_insert(now);
            }
        }
    }

    /// Forgets objects that have been gone for `linger`. Returns whether there were any.
    fn forget(&mut self, linger: Duration) -> bool {
        let before = self.former.len();
        self.former.retain(|former| former.gone.is_none_or(|since| since.elapsed() < linger));
        self.former.len() < before
    }

    fn failed(&mut self, error: &io::Error) -> bool {
        if !matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::FileTooLarge) {
            self.stamp = None; // Another try may do, with the file as it is.
        }
        if error.kind() == io::ErrorKind::NotFound {
            return false; // Removed since it was found; the next look finds it gone.
        }
        self.hash = None;
        let problem = FileProblem::of_file(format!("can't be read: {error}"));
        self.broken.replace(problem.clone()) != Some(problem)
    }
}

/// Of an object that is equal to the one `before`, that one is kept: it is the same.
fn keep_equal(before: &Contents, now: &mut Contents) {
    let before: HashMap<_, _> =
        before.objects.iter().map(|(_, object)| (identity(object), object)).collect();
    for (_, object) in &mut now.objects {
        if let Some(kept) = before.get(&identity(object)).filter(|kept| **kept == object) {
            *object = Object::clone(kept);
        }
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
