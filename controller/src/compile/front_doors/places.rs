//! The places of Routes that are not accepted and never were: their requests get 503, so that they
//! don't go to the next best Route. Nothing is held against a Route that is served.

use super::{
    candidate::Candidate,
    conflicts::{Key, keys},
    host_set::HostSet,
};
use crate::compile::report::Precedence;
use portico_dataplane::table::RouteMatch;
use std::collections::HashMap;

/// A match that is held.
#[derive(Debug)]
pub(super) struct Place {
    /// The Route, by its index.
    candidate: usize,
    /// The index of its FrontDoor.
    pub(super) front_door: usize,
    /// The FrontDoor's hosts at which it is held.
    pub(super) hosts: HostSet,
    pub(super) matched: RouteMatch,
}

/// The places that are held. `candidates` are sorted by precedence, and have been searched for
/// conflicts.
pub(super) fn find(candidates: &mut [Candidate]) -> Vec<Place> {
    if candidates.iter().all(|candidate| candidate.draft.held.is_empty()) {
        return Vec::new();
    }
    let places = free(candidates);
    for place in &places {
        if let Some(candidate) = candidates.get_mut(place.candidate) {
            candidate.draft_mut().report.hold_place();
        }
    }
    places
}

fn free(candidates: &[Candidate]) -> Vec<Place> {
    let mut taken: HashMap<Key<'_>, Vec<(HostSet, Option<Precedence<'_>>)>> = HashMap::new();
    for candidate in candidates {
        for (_, key) in keys(candidate) {
            taken
                .entry(key)
                .or_default()
                .push((candidate.draft.hosts, Some(candidate.draft.precedence())));
        }
    }
    let mut places = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        let Some(front_door) = candidate.front_door else { continue };
        let draft = &candidate.draft;
        let holders =
            |matched| taken.get(&Key::new(Some(front_door), matched)).into_iter().flatten();
        // It would lose a conflict even if it were valid.
        let loses = draft.held.iter().flat_map(holders).any(|(hosts, winner)| {
            winner.is_some_and(|winner| winner < draft.precedence())
                && !hosts.and(draft.hosts).is_empty()
        });
        if loses {
            continue;
        }
        for matched in &draft.held {
            let holders = taken.entry(Key::new(Some(front_door), matched)).or_default();
            let others = holders.iter().fold(HostSet::default(), |all, (hosts, _)| all.or(*hosts));
            let hosts = draft.hosts.minus(others);
            if !hosts.is_empty() {
                holders.push((hosts, None));
                let matched = matched.clone();
                places.push(Place { candidate: index, front_door, hosts, matched });
            }
        }
    }
    places
}
