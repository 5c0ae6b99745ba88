//! Merges the contents of all files.

use super::{
    decode::{Contents, FileProblem, Origin, display_name},
    texts::Texts,
    unused::Unused,
};
use crate::{
    diagnostic::{ConditionType, Kind, ObjectRef, Problem, Reason, Severity},
    objects::{CustomKind, Entry, Object, Snapshot},
};
use portico_dataplane::table::ObjectName;
use std::{
    collections::{BTreeMap, BTreeSet, btree_map},
    fmt,
    path::Path,
    sync::Arc,
};

/// The merged contents of all files.
#[derive(Debug, Default)]
pub struct Merged {
    /// The objects.
    pub snapshot: Snapshot,
    /// What is wrong with files, other than the problems of Portico's own objects, by path.
    pub problems: BTreeMap<Arc<Path>, Vec<FileProblem>>,
    /// How many files were read and parsed.
    pub files: usize,
    /// How many files and folders can't be read or parsed.
    pub broken: usize,
    /// The documents that are not used, by path.
    pub unused: BTreeMap<Arc<Path>, Unused>,
    /// The texts of the files, if they are kept.
    pub texts: Texts,
    locations: Locations,
    /// Where objects were defined before.
    before: Locations,
    /// The problems of objects that are defined more than once.
    duplicates: Vec<Problem>,
    /// Whether any object is defined more than once.
    pub(super) has_duplicates: bool,
}

/// Kind, namespace and name.
pub(super) type Identity = (&'static str, ObjectName);

/// Where each object is defined.
pub(super) type Locations = BTreeMap<Identity, Location>;

/// Where an object is defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub path: Arc<Path>,
    /// Where in the file the object begins, and in which item of a list.
    pub(crate) origin: Origin,
}

impl Location {
    fn new(path: &Arc<Path>, origin: &Origin) -> Self {
        Self { path: path.clone(), origin: *origin }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.path.display(), self.origin.source.first_line)
    }
}

impl Merged {
    /// Nothing yet. Of an object that is defined more than once, the definition counts that did in
    /// `before`, otherwise the first.
    pub(super) fn new(before: Locations) -> Self {
        Self { before, ..Self::default() }
    }

    /// What has been merged before, in which every object is defined once.
    pub(super) fn after(snapshot: Snapshot, locations: Locations) -> Self {
        Self { snapshot, locations, ..Self::default() }
    }

    /// Replaces the objects of a file, all of which it still has, and each of which is defined there
    /// alone. It may have new ones.
    pub(super) fn replace(&mut self, path: &Path, contents: &Contents) {
        let path: Arc<Path> = Arc::from(path);
        for (origin, object) in &contents.objects {
            self.locations.insert(identity(object), Location::new(&path, origin));
            object.clone().insert(&mut self.snapshot);
            if let Some(kind) = Kind::named(object.kind()) {
                let object = ObjectRef { kind, name: object.name().clone() };
                if let Some((_, file)) = self.snapshot.read_mut(&object) {
                    *file = Some(path.clone());
                }
            }
        }
    }

    /// Where one of Portico's own objects is defined; the first place, if there are several.
    pub fn location(&self, object: &ObjectRef) -> Option<&Location> {
        self.locations.get(&(object.kind.name(), object.name.clone()))
    }

    /// Adds the content of a file.
    pub(super) fn add(&mut self, path: &Path, contents: &Contents) {
        let path: Arc<Path> = Arc::from(path);
        self.note(&path, contents);
        for (origin, object) in &contents.objects {
            self.object(Location::new(&path, origin), object);
        }
    }

    /// Adds what a file has besides objects.
    pub(super) fn note(&mut self, path: &Arc<Path>, contents: &Contents) {
        if contents.unused.count() > 0 {
            self.unused.insert(path.clone(), contents.unused.clone());
        }
        if !contents.problems.is_empty() {
            let problems = self.problems.entry(path.clone()).or_default();
            problems.extend(contents.problems.iter().cloned());
        }
    }

    /// Adds what a file gave before, except for objects that are also defined elsewhere: they may
    /// have moved.
    pub(super) fn fill<'o>(
        &mut self,
        path: &Path,
        objects: impl IntoIterator<Item = &'o (Origin, Object)>,
    ) {
        let path: Arc<Path> = Arc::from(path);
        for (origin, object) in objects {
            if let btree_map::Entry::Vacant(vacant) = self.locations.entry(identity(object)) {
                vacant.insert(Location::new(&path, origin));
                object.clone().insert(&mut self.snapshot);
            }
        }
    }

    /// Adds a file or folder that can't be read or parsed.
    pub(super) fn broken(&mut self, path: &Path, problem: FileProblem) {
        self.broken += 1;
        self.problems.entry(Arc::from(path)).or_default().push(problem);
    }

    /// The objects that Portico reads for the sake of its own: kind and name, and where they are.
    pub fn read_for_others(&self) -> impl Iterator<Item = (String, &Location)> {
        let others = self.locations.iter().filter(|((kind, _), _)| Kind::named(kind).is_none());
        others.map(|((kind, name), location)| (format!("{kind} {}", display_name(name)), location))
    }

    /// How many documents are not used.
    pub fn unused_count(&self) -> usize {
        self.unused.values().map(Unused::count).sum()
    }

    /// Files that have documents, none of which is used.
    pub(super) fn useless(&self) -> impl Iterator<Item = (&Arc<Path>, &Unused)> {
        let unused = self.unused.keys().map(|path| &**path);
        let mut useless: BTreeSet<&Path> = unused.collect();
        if !useless.is_empty() {
            for at in self.locations.values() {
                useless.remove(&*at.path);
            }
        }
        self.unused.iter().filter(move |(path, _)| useless.contains(&***path))
    }

    /// Tells Portico's own objects where they were read, and which are defined more than once.
    pub(super) fn finish(mut self) -> Self {
        let Self { snapshot, locations, .. } = &mut self;
        tell(&mut snapshot.front_doors, locations);
        tell(&mut snapshot.routes, locations);
        for problem in std::mem::take(&mut self.duplicates) {
            if let Some((problems, _)) = self.snapshot.read_mut(&problem.object) {
                problems.push(problem);
            }
        }
        self
    }

    /// The objects, and where each is defined.
    pub(super) fn into_parts(self) -> (Snapshot, Locations) {
        (self.snapshot, self.locations)
    }

    fn object(&mut self, here: Location, object: &Object) {
        match self.locations.entry(identity(object)) {
            btree_map::Entry::Vacant(vacant) => {
                vacant.insert(here);
                object.clone().insert(&mut self.snapshot);
            }
            btree_map::Entry::Occupied(mut first) => {
                let same = object.is_in(&self.snapshot);
                let mut other = here;
                let counted = |at: &Location| {
                    self.before.get(first.key()).is_some_and(|before| before.path == at.path)
                };
                if counted(&other) && !counted(first.get()) {
                    std::mem::swap(first.get_mut(), &mut other);
                    object.clone().insert(&mut self.snapshot);
                }
                let first = first.get().clone();
                self.second(&first, other, object, same);
            }
        }
    }

    /// Handles a second definition. Two that are the same are one. Otherwise, one of Portico's own
    /// objects is rejected, and of other objects, the first definition counts.
    fn second(&mut self, first: &Location, other: Location, object: &Object, same: bool) {
        self.has_duplicates = true;
        let severity = if same { Severity::Warning } else { Severity::Error };
        let content = if same { "the same content" } else { "different content" };
        if let Some(kind) = Kind::named(object.kind()) {
            self.duplicates.push(Problem {
                object: ObjectRef { kind, name: object.name().clone() },
                severity,
                condition: ConditionType::Accepted,
                field: "metadata.name".to_owned(),
                reason: Reason::DuplicateObject,
                message: format!(
                    "is defined in {first} and, with {content}, in {other}: keep one of them"
                ),
            });
        } else {
            let (kind, name) = (object.kind(), display_name(object.name()));
            let message = format!(
                "{kind} {name} is ignored: it is already defined, with {content}, in {first}"
            );
            let (origin, field) = (Some(other.origin), "metadata.name".to_owned());
            let problem = FileProblem { origin, field, position: None, severity, message };
            self.problems.entry(other.path).or_default().push(problem);
        }
    }
}

/// Tells the objects of a kind where they were read. Both maps are sorted by name.
fn tell<K: CustomKind>(entries: &mut BTreeMap<ObjectName, Entry<K>>, locations: &Locations) {
    let of_kind = locations.iter().filter(|((kind, _), _)| *kind == K::NAME);
    for (entry, (_, location)) in entries.values_mut().zip(of_kind) {
        entry.file = Some(location.path.clone());
    }
}

/// What identifies an object.
pub(super) fn identity(object: &Object) -> Identity {
    (object.kind(), object.name().clone())
}
