//! FrontDoors and the Routes attached to them: the hosts of the table, and statuses.

mod attach;
mod candidate;
mod claims;
mod conflicts;
mod drafts;
mod held;
mod host_set;
mod hosts;
mod kept;
mod lower;
mod owners;
mod places;
mod proxies;
mod routes;
mod shared;
mod tls;

pub(super) use kept::Kept;
pub use routes::requested_matches;

use super::{
    certificates::Certificates, expressions::Expressions, options::Options, services::Services,
    status::Status,
};
use crate::{
    diagnostic::ObjectRef,
    objects::{LastGood, Snapshot},
};
use candidate::Candidate;
use drafts::{End, Slot};
use hosts::FrontDoors;
use kept::{KeptFrontDoor, Moved};
use lower::Attached;
use portico_dataplane::table::{Hosts, ObjectName};
use routes::Routes;
use std::{collections::BTreeMap, mem, sync::Arc};

/// What FrontDoors and Routes compile to.
pub(super) struct Outcome {
    pub(super) hosts: Hosts,
    pub(super) statuses: BTreeMap<ObjectRef, Arc<Status>>,
    /// The Routes whose version or status is not that of the last compile, and those that are gone.
    pub(super) changed: Vec<ObjectName>,
}

/// Compiles all FrontDoors and Routes that this install is responsible for. `kept` is what the
/// compile of the snapshot `before` has left.
pub(super) fn compile<'c, 's>(
    before: &'s Snapshot,
    snapshot: &'s Snapshot,
    last_good: &'s LastGood,
    options: &Options,
    expressions: &mut Expressions<'c>,
    certificates: &mut Certificates<'c, 's>,
    kept: &mut Kept,
) -> Outcome {
    let mut front_doors =
        FrontDoors::compile(snapshot, last_good, options, expressions, certificates);
    let moved = Moved::new(&kept.front_doors, &front_doors, before, snapshot);
    let (left, gone) = kept::left(before, mem::take(&mut kept.routes), snapshot);
    kept.services.forget_changed(before, snapshot);
    let routes = Routes {
        snapshot,
        last_good,
        options,
        front_doors: &mut front_doors,
        services: Services::new(snapshot, options, &mut kept.services),
        expressions,
        certificates,
        reads_secrets: false,
    };
    let slots = drafts::all(routes, left, &moved);
    let kept_of_gone = gone.iter().filter_map(|(_, kept)| kept.as_ref());
    let stale = drafts::stale(&front_doors, &slots, kept_of_gone, &moved);

    let (indices, mut competing) = competing(&slots, &stale);
    conflicts::refuse(&mut competing, &front_doors);
    let places = places::find(&mut competing);
    let ends = ends(&slots, &indices, &competing);
    let attached = Attached::to_each(front_doors.all.len(), &competing, &places);
    let then = mem::take(&mut kept.front_doors);
    let all = front_doors.all.into_iter().zip(&attached).zip(stale).enumerate();
    kept.front_doors = all
        .map(|(index, ((front_door, attached), is_stale))| {
            let then = moved.same(index).and_then(|index| then.get(index));
            KeptFrontDoor::new(front_door, attached, then, is_stale)
        })
        .collect();

    let mut changed: Vec<_> = gone.into_iter().map(|(name, _)| name.clone()).collect();
    let slots = slots.into_iter().zip(ends);
    kept.routes = slots
        .map(|(slot, end)| {
            if slot.has_changed(end.as_ref()) {
                changed.push(slot.left.name.clone());
            }
            slot.keep(end?)
        })
        .collect();
    Outcome { hosts: kept.hosts(), statuses: kept.statuses(), changed }
}

/// The Routes of the stale FrontDoors, and those without any, by precedence; with the index of the
/// slot of each.
fn competing(slots: &[Slot<'_>], stale: &[bool]) -> (Vec<usize>, Vec<Candidate>) {
    let candidates = slots.iter().enumerate();
    let candidates =
        candidates.filter_map(|(index, slot)| Some((index, &slot.drafted.as_ref()?.candidate)));
    let competes = |(_, candidate): &(usize, &Candidate)| {
        candidate.front_door.is_none_or(|index| stale.get(index) == Some(&true))
    };
    let mut all: Vec<_> = candidates.filter(competes).collect();
    all.sort_by_key(|(_, candidate)| candidate.draft.precedence());
    all.into_iter().map(|(index, candidate)| (index, candidate.clone())).unzip()
}

/// What becomes of each Route: of `competing`, with the index of the slot of each, or what became of
/// it at the last compile.
fn ends(slots: &[Slot<'_>], indices: &[usize], competing: &[Candidate]) -> Vec<Option<End>> {
    let mut all: Vec<_> = slots.iter().map(Slot::end_then).collect();
    for (index, candidate) in indices.iter().zip(competing) {
        if let (Some(slot), Some(end)) = (slots.get(*index), all.get_mut(*index)) {
            *end = Some(slot.end(candidate));
        }
    }
    all
}
