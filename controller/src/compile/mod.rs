//! The compiler turns a [`Snapshot`] into a [`Table`] and a status for every object. It is pure and
//! total: no clock, no I/O, no logging. It never fails; whatever is wrong becomes a [`Problem`].
//!
//! [`Problem`]: crate::diagnostic::Problem

mod action;
mod addresses;
mod authority;
mod backend_tls;
mod backends;
mod certificates;
mod cors;
mod durations;
mod expressions;
mod front_doors;
mod headers;
mod isolation;
mod literals;
mod matches;
mod names;
mod options;
mod predicates;
mod report;
mod rules;
mod secrets;
mod selection;
mod services;
mod status;

pub(crate) use addresses::dialable;
pub use front_doors::requested_matches;
pub(crate) use matches::MAX_MATCHES;
pub(crate) use options::network;
pub use options::{HostClaims, Options};
pub use status::{ComputedCondition, Status, Version};

use crate::{
    diagnostic::ObjectRef,
    objects::{LastGood, Snapshot, Verdict},
};
use certificates::{CertificateCache, Certificates};
use expressions::{ExpressionCache, Expressions};
use k8s_openapi::jiff::Timestamp;
use portico_dataplane::table::Table;
use std::collections::BTreeMap;

/// The result of compiling a snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compiled {
    /// The table, with generation 0.
    pub table: Table,
    /// The status of every FrontDoor and Route that this install is responsible for.
    pub statuses: BTreeMap<ObjectRef, Status>,
    /// When a status changes because a certificate comes close to its end, or to its beginning,
    /// although no object changes. `None` if the compile knew no time.
    pub next_date: Option<Timestamp>,
}

/// Compiles a snapshot on its own.
pub fn compile(snapshot: &Snapshot, options: &Options) -> Compiled {
    compile_with(snapshot, &LastGood::default(), options, &mut Caches::default())
}

/// What one compile leaves for the next.
#[derive(Debug, Default)]
pub struct Memory {
    /// Objects as they were when they were accepted.
    pub last_good: LastGood,
    caches: Caches,
}

/// What need not be read again if it has not changed.
#[derive(Debug, Default)]
struct Caches {
    expressions: ExpressionCache,
    certificates: CertificateCache,
}

/// Compiles a snapshot after others. An object that is invalid, or refers to something that has not
/// been read, is served in its last accepted version, compiled against everything else as it is
/// now. A host whose Secret has no valid certificate any more keeps the last one. Regular
/// expressions and certificates that were in the last snapshot too are not read again.
pub fn compile_after(snapshot: &Snapshot, memory: &mut Memory, options: &Options) -> Compiled {
    let Memory { last_good, caches } = memory;
    let compiled = compile_with(snapshot, last_good, options, caches);
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
    caches: &mut Caches,
) -> Compiled {
    let mut expressions = Expressions::new(&mut caches.expressions);
    let mut certificates = Certificates::new(&mut caches.certificates, snapshot, options);
    let (hosts, statuses) =
        front_doors::compile(snapshot, last_good, options, &mut expressions, &mut certificates);
    let next_date = certificates.next_date();
    caches.expressions.forget_unused();
    caches.certificates.forget_unused();
    Compiled { table: Table { generation: 0, hosts }, statuses, next_date }
}
