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
use front_doors::Outcome;
use k8s_openapi::jiff::Timestamp;
use portico_dataplane::table::{ObjectName, Table};
use std::{collections::BTreeMap, sync::Arc};

/// The result of compiling a snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compiled {
    /// The table, with generation 0.
    pub table: Table,
    /// The status of every FrontDoor and Route that this install is responsible for.
    pub statuses: BTreeMap<ObjectRef, Arc<Status>>,
    /// When a status changes because a certificate comes close to its end, or to its beginning,
    /// although no object changes. `None` if the compile knew no time.
    pub next_date: Option<Timestamp>,
}

/// Compiles a snapshot on its own.
pub fn compile(snapshot: &Snapshot, options: &Options) -> Compiled {
    let mut caches = Caches::default();
    compile_with(&Snapshot::default(), snapshot, &LastGood::default(), options, &mut caches).0
}

/// What one compile leaves for the next.
#[derive(Debug, Default)]
pub struct Memory {
    /// Objects as they were when they were accepted.
    pub last_good: LastGood,
    /// The last snapshot, and with which options it was compiled, apart from the time.
    last: Arc<Snapshot>,
    options: Options,
    caches: Caches,
}

/// What need not be read or compiled again if it has not changed.
#[derive(Debug, Default)]
struct Caches {
    expressions: ExpressionCache,
    certificates: CertificateCache,
    front_doors: front_doors::Kept,
}

/// Compiles a snapshot after others. An object that is invalid, or refers to something that has not
/// been read, is served in its last accepted version, compiled against everything else as it is
/// now. A host whose Secret has no valid certificate any more keeps the last one. Only what is not
/// as it was in the last snapshot is compiled again.
pub fn compile_after(snapshot: &Arc<Snapshot>, memory: &mut Memory, options: &Options) -> Compiled {
    let timeless = Options { now: None, ..options.clone() };
    if memory.options != timeless {
        memory.caches.front_doors = front_doors::Kept::default();
        memory.options = timeless;
    }
    let Memory { last_good, caches, last, .. } = memory;
    let (compiled, changed) = compile_with(last, snapshot, last_good, options, caches);
    let verdict = |object: &ObjectRef| match compiled.statuses.get(object) {
        None => Verdict::NotOurs,
        Some(status) if status.last_good.is_some() || status.is_invalid() => Verdict::Yields,
        Some(status) if status.is_accepted() => Verdict::Accepted,
        Some(_) => Verdict::Refused,
    };
    last_good.update(snapshot, &changed, verdict);
    *last = snapshot.clone();
    compiled
}

/// Also returns the Routes whose version or status is not that of the compile `before`.
fn compile_with(
    before: &Snapshot,
    snapshot: &Snapshot,
    last_good: &LastGood,
    options: &Options,
    caches: &mut Caches,
) -> (Compiled, Vec<ObjectName>) {
    let mut expressions = Expressions::new(&mut caches.expressions);
    let mut certificates = Certificates::new(&mut caches.certificates, snapshot, options);
    let Outcome { hosts, statuses, changed } = front_doors::compile(
        before,
        snapshot,
        last_good,
        options,
        &mut expressions,
        &mut certificates,
        &mut caches.front_doors,
    );
    let next_date = certificates.next_date();
    caches.expressions.forget_unused();
    caches.certificates.forget_unused();
    (Compiled { table: Table { generation: 0, hosts }, statuses, next_date }, changed)
}
