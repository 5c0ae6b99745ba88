//! The compiler: a [`Snapshot`] in, a [`Table`] and every object's status out. Pure and total: no
//! clock, no I/O, no logs, and it never fails; what is wrong becomes [`Problem`]s.
//!
//! [`Problem`]: crate::diagnostic::Problem

mod action;
mod addresses;
mod authority;
mod backends;
mod cors;
mod durations;
mod expressions;
mod front_doors;
mod headers;
mod matches;
mod options;
mod report;
mod services;
mod status;

pub use front_doors::requested_matches;
pub use options::Options;
pub use status::{ComputedCondition, Status};

use crate::{diagnostic::ObjectRef, objects::Snapshot};
use portico_dataplane::table::Table;
use std::collections::BTreeMap;

/// What a snapshot compiles to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compiled {
    /// The table, generation 0.
    pub table: Table,
    /// The status of every FrontDoor and Route that concerns this install.
    pub statuses: BTreeMap<ObjectRef, Status>,
}

/// Compiles a snapshot.
pub fn compile(snapshot: &Snapshot, options: &Options) -> Compiled {
    let (hosts, statuses) = front_doors::compile(snapshot, options);
    Compiled { table: Table { generation: 0, hosts }, statuses }
}
