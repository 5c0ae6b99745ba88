//! The compiler: a [`Snapshot`] in, a [`Table`] and every object's status out. Pure and total: no
//! clock, no I/O, no logs, and it never fails; what is wrong becomes [`Problem`]s.

use crate::{
    problem::{ObjectRef, Problem, Reason},
    snapshot::Snapshot,
};
use portico_dataplane::{guard::AddressGuard, table::Table};
use std::collections::BTreeMap;

/// What differs between the ways in which Portico runs.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The class that is served; `None` serves every class (files).
    pub class: Option<String>,
    /// Whether Services may have loopback endpoints (files: a developer's machine). Link-local and
    /// metadata addresses are refused all the same.
    pub loopback_endpoints: bool,
    /// What `external` backends may point at, to warn early; the dataplane checks when it dials.
    pub guard: AddressGuard,
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
    /// `metadata.generation`, if any.
    pub generation: Option<i64>,
    /// `Accepted`, then `ResolvedRefs`.
    pub conditions: Vec<ConditionVerdict>,
    /// Everything found, errors first.
    pub problems: Vec<Problem>,
    /// FrontDoors: how many accepted Routes are attached.
    pub attached_routes: usize,
}

/// A condition without its time, which only the writer of a status knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionVerdict {
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
pub fn compile(_snapshot: &Snapshot, _options: &Options) -> Compiled {
    let _ = Reason::Invalid;
    Compiled::default()
}
