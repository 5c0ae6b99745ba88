//! All files together.

use super::decode::{Contents, FileProblem, Object};
use crate::{
    diagnostic::{ConditionType, Kind, ObjectRef, Problem, Reason, Severity},
    objects::Snapshot,
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
        self.origins.get(&(own_kind(object.kind), object.name.clone()))
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
                insert(&mut self.snapshot, object);
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
                insert(&mut self.snapshot, object);
            }
            btree_map::Entry::Occupied(first) => {
                let first = first.get().clone();
                self.second(&first, here, object);
            }
        }
    }

    /// One of ours that stands twice is refused as a whole; of a core object the first counts.
    fn second(&mut self, first: &Origin, here: Origin, object: &Object) {
        let duplicate = |kind, name: &ObjectName| Problem {
            object: ObjectRef { kind, name: name.clone() },
            severity: Severity::Error,
            condition: ConditionType::Accepted,
            field: "metadata.name".to_owned(),
            reason: Reason::DuplicateObject,
            message: format!("stands in {first} and in {here}: keep one of them"),
        };
        match object {
            Object::FrontDoor(name, _) => {
                if let Some(entry) = self.snapshot.front_doors.get_mut(name) {
                    entry.problems.push(duplicate(Kind::FrontDoor, name));
                }
            }
            Object::Route(name, _) => {
                if let Some(entry) = self.snapshot.routes.get_mut(name) {
                    entry.problems.push(duplicate(Kind::Route, name));
                }
            }
            Object::Service(..)
            | Object::EndpointSlice(..)
            | Object::Secret(..)
            | Object::Namespace(..) => {
                let (kind, name) = identity(object);
                let message = format!("{kind} {name} is not used: it stands in {first} too");
                self.complain(here.path, Some(here.document), message);
            }
        }
    }
}

fn identity(object: &Object) -> Identity {
    match object {
        Object::FrontDoor(name, _) => (own_kind(Kind::FrontDoor), name.clone()),
        Object::Route(name, _) => (own_kind(Kind::Route), name.clone()),
        Object::Service(name, _) => ("Service", name.clone()),
        Object::EndpointSlice(name, _) => ("EndpointSlice", name.clone()),
        Object::Secret(name, _) => ("Secret", name.clone()),
        Object::Namespace(name, _) => ("Namespace", ObjectName::new("", name.as_str())),
    }
}

fn own_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::FrontDoor => "FrontDoor",
        Kind::Route => "Route",
    }
}

fn insert(snapshot: &mut Snapshot, object: &Object) {
    match object.clone() {
        Object::FrontDoor(name, entry) => drop(snapshot.front_doors.insert(name, entry)),
        Object::Route(name, entry) => drop(snapshot.routes.insert(name, entry)),
        Object::Service(name, service) => drop(snapshot.services.insert(name, service)),
        Object::EndpointSlice(name, slice) => drop(snapshot.endpoint_slices.insert(name, slice)),
        Object::Secret(name, secret) => drop(snapshot.secrets.insert(name, secret)),
        Object::Namespace(name, namespace) => drop(snapshot.namespaces.insert(name, namespace)),
    }
}
