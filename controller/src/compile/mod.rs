//! The compiler turns a [`Snapshot`] into a [`Table`] and a status for every object. It is pure and
//! total: no clock, no I/O, no logging. It never fails; whatever is wrong becomes a [`Problem`].
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

pub use expressions::ExpressionCache;
pub use front_doors::requested_matches;
pub use options::{HostClaims, Options};
pub use status::{ComputedCondition, Status};

use crate::{diagnostic::ObjectRef, objects::Snapshot};
use expressions::Expressions;
use portico_dataplane::table::Table;
use std::collections::BTreeMap;

/// The result of compiling a snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compiled {
    /// The table, with generation 0.
    pub table: Table,
    /// The status of every FrontDoor and Route that this install is responsible for.
    pub statuses: BTreeMap<ObjectRef, Status>,
}

/// Compiles a snapshot.
pub fn compile(snapshot: &Snapshot, options: &Options) -> Compiled {
    compile_again(snapshot, options, &mut ExpressionCache::default())
}

/// Compiles a snapshot, except for regular expressions that were in the last one too. The result is
/// that of [`compile`].
pub fn compile_again(
    snapshot: &Snapshot,
    options: &Options,
    cache: &mut ExpressionCache,
) -> Compiled {
    let mut expressions = Expressions::new(cache);
    let (hosts, statuses) = front_doors::compile(snapshot, options, &mut expressions);
    cache.forget_unused();
    Compiled { table: Table { generation: 0, hosts }, statuses }
}
