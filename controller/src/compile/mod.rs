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

pub use front_doors::requested_matches;
pub use options::{HostClaims, Options};
pub use status::{ComputedCondition, Status, Version};

use crate::{
    diagnostic::ObjectRef,
    objects::{LastGood, Snapshot, Verdict},
};
use expressions::{ExpressionCache, Expressions};
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

/// Compiles a snapshot on its own.
pub fn compile(snapshot: &Snapshot, options: &Options) -> Compiled {
    compile_with(snapshot, &LastGood::default(), options, &mut ExpressionCache::default())
}

/// What one compile leaves for the next.
#[derive(Debug, Default)]
pub struct Memory {
    /// Objects as they were when they were accepted.
    pub last_good: LastGood,
    expressions: ExpressionCache,
}

/// Compiles a snapshot after others. An object that is invalid, or refers to something that has not
/// been read, is served in its last accepted version, compiled against everything else as it is now.
/// Regular expressions that were in the last snapshot too are not compiled again.
pub fn compile_after(snapshot: &Snapshot, memory: &mut Memory, options: &Options) -> Compiled {
    let Memory { last_good, expressions } = memory;
    let compiled = compile_with(snapshot, last_good, options, expressions);
    last_good.update(snapshot, |object| match compiled.statuses.get(object) {
        None => Verdict::NotOurs,
        Some(status) if status.last_good.is_some() || status.is_invalid() => Verdict::Yields,
        Some(status) if status.is_accepted() => Verdict::Accepted,
        Some(_) => Verdict::Refused,
    });
    compiled
}

fn compile_with(
    snapshot: &Snapshot,
    last_good: &LastGood,
    options: &Options,
    cache: &mut ExpressionCache,
) -> Compiled {
    let mut expressions = Expressions::new(cache);
    let (hosts, statuses) = front_doors::compile(snapshot, last_good, options, &mut expressions);
    cache.forget_unused();
    Compiled { table: Table { generation: 0, hosts }, statuses }
}
