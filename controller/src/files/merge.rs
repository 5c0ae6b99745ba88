//! All files together.

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

/// All files together.
#[derive(Debug, Default)]
pub struct Merged {
    /// The objects.
    pub snapshot: Snapshot,
    /// What is wrong with files beside the problems of our own objects, by path.
    pub problems: BTreeMap<Arc<Path>, Vec<FileProblem>>,
    /// Files that were read well.
    pub files: usize,
    /// Files and folders that can't be read or parsed.
    pub broken: usize,
    /// Documents of kinds that Portico does not use.
    pub ignored: usize,
    origins: BTreeMap<Identity, Origin>,
}

/// Kind, namespace and name.
type Identity = (&'static str, ObjectName);

/// Where an object stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file.
    pub path: Arc<Path>,
    /// The document in it, from 1.
    pub document: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (document {})", self.path.display(), self.document)
    }
}

impl Merged {
    /// Where an object of ours stands; the first place, if there are several.
    pub fn origin(&self, object: &ObjectRef) -> Option<&Origin> {
        self.origins.get(&(object.kind.name(), object.name.clone()))
    }

    /// Takes up what a file holds.
    pub(super) fn add(&mut self, path: &Path, contents: &Contents) {
        let path: Arc<Path> = Arc::from(path);
        self.ignored += contents.ignored;
        if !contents.problems.is_empty() {
            let problems = self.problems.entry(path.clone()).or_default();
            problems.extend(contents.problems.iter().cloned());
        }
        for (document, object) in &contents.objects {
            self.object(Origin { path: path.clone(), document: *document }, object);
        }
    }

    /// Takes up what a file held that is gone, so far as no other file holds it: it may have moved.
    pub(super) fn fill(&mut self, path: &Path, contents: &Contents) {
        let path: Arc<Path> = Arc::from(path);
        for (document, object) in &contents.objects {
            if let btree_map::Entry::Vacant(vacant) = self.origins.entry(identity(object)) {
                vacant.insert(Origin { path: path.clone(), document: *document });
                object.clone().insert(&mut self.snapshot);
            }
        }
    }

    /// Takes up a file or folder that can't be read or parsed.
    pub(super) fn broken(&mut self, path: &Path, message: &str) {
        self.broken += 1;
        self.complain(Arc::from(path), None, message.to_owned());
    }

    fn complain(&mut self, path: Arc<Path>, document: Option<usize>, message: String) {
        self.problems.entry(path).or_default().push(FileProblem { document, message });
    }

    fn object(&mut self, here: Origin, object: &Object) {
        match self.origins.entry(identity(object)) {
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

    /// One of ours that stands twice is refused as a whole; of a core object the first counts.
    fn second(&mut self, first: &Origin, here: Origin, object: &Object) {
        let entry =
            Kind::named(object.kind()).map(|kind| ObjectRef { kind, name: object.name().clone() });
        if let Some(entry) = entry {
            let problem = Problem {
                object: entry.clone(),
                severity: Severity::Error,
                condition: ConditionType::Accepted,
                field: "metadata.name".to_owned(),
                reason: Reason::DuplicateObject,
                message: format!("stands in {first} and in {here}: keep one of them"),
            };
            if let Some(problems) = self.snapshot.problems_mut(&entry) {
                problems.push(problem);
            }
        } else {
            let (kind, name) = (object.kind(), display_name(object.name()));
            let message = format!("{kind} {name} is not used: it stands in {first} too");
            self.complain(here.path, Some(here.document), message);
        }
    }
}

fn identity(object: &Object) -> Identity {
    (object.kind(), object.name().clone())
}
