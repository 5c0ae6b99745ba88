//! Merges the contents of all files.

use super::decode::{Contents, FileProblem, display_name};
use crate::{
    diagnostic::{ConditionType, Kind, ObjectRef, Problem, Reason, Severity},
    objects::{Object, Snapshot},
};
use portico_dataplane::table::ObjectName;
use std::{
    collections::{BTreeMap, btree_map},
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
    /// How many documents are of kinds that Portico does not read.
    pub ignored: usize,
    locations: BTreeMap<Identity, Location>,
}

/// Kind, namespace and name.
type Identity = (&'static str, ObjectName);

/// Where an object is defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub path: Arc<Path>,
    /// The document in the file, from 1.
    pub document: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (document {})", self.path.display(), self.document)
    }
}

impl Merged {
    /// Where one of Portico's own objects is defined; the first place, if there are several.
    pub fn location(&self, object: &ObjectRef) -> Option<&Location> {
        self.locations.get(&(object.kind.name(), object.name.clone()))
    }

    /// Adds the content of a file.
    pub(super) fn add(&mut self, path: &Path, contents: &Contents) {
        let path: Arc<Path> = Arc::from(path);
        self.ignored += contents.ignored;
        if !contents.problems.is_empty() {
            let problems = self.problems.entry(path.clone()).or_default();
            problems.extend(contents.problems.iter().cloned());
        }
        for (document, object) in &contents.objects {
            self.object(Location { path: path.clone(), document: *document }, object);
        }
    }

    /// Adds the content of a removed file, except for objects that are also defined elsewhere: they
    /// may have moved.
    pub(super) fn fill(&mut self, path: &Path, contents: &Contents) {
        let path: Arc<Path> = Arc::from(path);
        for (document, object) in &contents.objects {
            if let btree_map::Entry::Vacant(vacant) = self.locations.entry(identity(object)) {
                vacant.insert(Location { path: path.clone(), document: *document });
                object.clone().insert(&mut self.snapshot);
            }
        }
    }

    /// Adds a file or folder that can't be read or parsed.
    pub(super) fn broken(&mut self, path: &Path, message: &str) {
        self.broken += 1;
        self.complain(Arc::from(path), None, Severity::Error, message.to_owned());
    }

    fn complain(
        &mut self,
        path: Arc<Path>,
        document: Option<usize>,
        severity: Severity,
        message: String,
    ) {
        self.problems.entry(path).or_default().push(FileProblem { document, severity, message });
    }

    fn object(&mut self, here: Location, object: &Object) {
        match self.locations.entry(identity(object)) {
            btree_map::Entry::Vacant(vacant) => {
                vacant.insert(here);
                object.clone().insert(&mut self.snapshot);
            }
            btree_map::Entry::Occupied(first) => {
                let first = first.get().clone();
                self.second(&first, here, object);
            }
        }
    }

    /// Handles a second definition. One of Portico's own objects is rejected; of other objects, the
    /// first definition counts.
    fn second(&mut self, first: &Location, here: Location, object: &Object) {
        let entry =
            Kind::named(object.kind()).map(|kind| ObjectRef { kind, name: object.name().clone() });
        if let Some(entry) = entry {
            let problem = Problem {
                object: entry.clone(),
                severity: Severity::Error,
                condition: ConditionType::Accepted,
                field: "metadata.name".to_owned(),
                reason: Reason::DuplicateObject,
                message: format!("is defined in {first} and in {here}: keep one of them"),
            };
            if let Some(problems) = self.snapshot.problems_mut(&entry) {
                problems.push(problem);
            }
        } else {
            let (kind, name) = (object.kind(), display_name(object.name()));
            let message = format!("{kind} {name} is ignored: it is already defined in {first}");
            self.complain(here.path, Some(here.document), Severity::Error, message);
        }
    }
}

fn identity(object: &Object) -> Identity {
    (object.kind(), object.name().clone())
}
