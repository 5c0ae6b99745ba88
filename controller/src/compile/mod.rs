//! The compiler: a [`Snapshot`] in, a [`Table`] and every object's status out. Pure and total: no
//! clock, no I/O, no logs, and it never fails; what is wrong becomes [`Problem`]s.

mod action;
mod addresses;
mod attach;
mod authority;
mod backends;
mod claims;
mod conflicts;
mod cors;
mod durations;
mod expressions;
mod headers;
mod hosts;
mod matches;
mod report;
mod routes;
mod services;
mod virtual_hosts;

use crate::{
    problem::{ObjectRef, Problem},
    snapshot::Snapshot,
};
use hosts::FrontDoors;
use portico_dataplane::{guard::AddressGuard, table::Table};
pub use routes::requested_matches;
use routes::{CandidateRoute, Routes};
use services::Services;
use std::collections::{BTreeMap, BTreeSet};

/// What differs between the ways in which Portico runs.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The class that is served; `None` serves every class (files).
    pub class: Option<String>,
    /// Whether Services may have loopback endpoints (files: a developer's machine). Link-local and
    /// metadata addresses are refused all the same.
    pub loopback_endpoints: bool,
    /// The namespaces whose Secrets are read; `None`: all.
    pub secret_namespaces: Option<BTreeSet<String>>,
    /// What `external` backends may point at, to warn early; the dataplane checks when it dials.
    pub guard: AddressGuard,
}

impl Options {
    /// Whether Secrets of this namespace are read.
    fn reads_secrets_of(&self, namespace: &str) -> bool {
        self.secret_namespaces.as_ref().is_none_or(|read| read.contains(namespace))
    }

    /// Whether no Secret is read at all.
    fn reads_no_secrets(&self) -> bool {
        self.secret_namespaces.as_ref().is_some_and(BTreeSet::is_empty)
    }

    /// Whether this install speaks for objects of which nobody can tell whose they are.
    fn is_default_install(&self) -> bool {
        self.class.as_deref().is_none_or(|class| class == portico_crds::CLASS_DEFAULT)
    }
}

/// What a snapshot compiles to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compiled {
    /// The table, generation 0.
    pub table: Table,
    /// The status of every FrontDoor and Route that concerns this install.
    pub statuses: BTreeMap<ObjectRef, Status>,
}

/// What is said of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// `metadata.uid`, if any: what tells an object from a later one of the same name.
    pub uid: Option<String>,
    /// `metadata.generation`, if any.
    pub generation: Option<i64>,
    /// `Accepted`, then `ResolvedRefs`.
    pub conditions: Vec<ComputedCondition>,
    /// Everything found, errors first.
    pub problems: Vec<Problem>,
    /// FrontDoors: how many accepted Routes are attached.
    pub attached_routes: usize,
}

impl Status {
    /// Whether the object is served: no condition says that it is not accepted.
    pub fn is_accepted(&self) -> bool {
        self.conditions.iter().all(|condition| condition.r#type != "Accepted" || condition.status)
    }
}

/// A condition without its time, which only the writer of a status knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComputedCondition {
    /// `Accepted` or `ResolvedRefs`.
    pub r#type: &'static str,
    /// True or false.
    pub status: bool,
    /// One word: the condition's own type where true, else the first error's reason.
    pub reason: String,
    /// All errors in one text.
    pub message: String,
}

/// Compiles a snapshot.
pub fn compile(snapshot: &Snapshot, options: &Options) -> Compiled {
    let mut front_doors = FrontDoors::compile(snapshot, options);
    let services = Services::new(snapshot, options);
    let mut routes =
        Routes { snapshot, options, front_doors: &mut front_doors, services }.compile();
    conflicts::refuse(&mut routes, &front_doors);
    let hosts = virtual_hosts::assemble(&front_doors, &routes);
    Compiled { table: Table { generation: 0, hosts }, statuses: statuses(front_doors, routes) }
}

fn statuses(
    front_doors: FrontDoors<'_>,
    routes: Vec<CandidateRoute<'_>>,
) -> BTreeMap<ObjectRef, Status> {
    let mut attached = vec![0; front_doors.all.len()];
    for candidate in routes.iter().filter(|candidate| candidate.report.accepted()) {
        if let Some(count) = candidate.front_door.and_then(|index| attached.get_mut(index)) {
            *count += 1;
        }
    }
    let front_doors = front_doors.all.into_iter().zip(attached);
    let front_doors =
        front_doors.map(|(front_door, attached)| front_door.report.into_status(attached));
    front_doors.chain(routes.into_iter().map(|candidate| candidate.report.into_status(0))).collect()
}
