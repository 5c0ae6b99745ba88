//! Routes that want the same requests: the older one wins.

use super::{
    candidate::{Candidate, Draft},
    hosts::FrontDoors,
};
use crate::{
    compile::predicates::{SortKey, sort_key},
    diagnostic::{FieldPath, Reason},
};
use http::Method;
use portico_dataplane::{router::Predicates, table::RouteMatch};
use std::{borrow::Cow, collections::HashMap};

/// Rejects every Route that has a match in common with an older Route that is served. One whose
/// current version is accepted is never rejected for the earlier version that stands in for it: the
/// current one takes its place. `candidates` are sorted by precedence.
pub(super) fn refuse(candidates: &mut [Candidate], front_doors: &FrontDoors<'_>) {
    let Found { superseded, conflicts } = find(candidates);
    for index in superseded {
        let Some(candidate) = candidates.get_mut(index) else { continue };
        if let Some(current) = candidate.current.take() {
            *candidate = *current;
        }
    }
    for Conflict { candidate, rule, host, winner } in conflicts {
        let Some(candidate) = candidates.get_mut(candidate) else { continue };
        let front_door = candidate.front_door.and_then(|index| front_doors.all.get(index));
        let host = front_door.and_then(|it| it.hosts.get(host)?.as_ref());
        let at = FieldPath::SPEC.child("matches");
        let host = host.map(|host| format!(" on host '{host}'")).unwrap_or_default();
        let message =
            format!("Route {winner}, has the same match{host}: change or remove one of them");
        let draft = candidate.draft_mut();
        draft.report.refuse(&at.index(rule), Reason::Conflicted, message);
        draft.matches.clear();
        draft.report.withdraw();
    }
}

#[derive(Default)]
struct Found {
    /// The Routes whose current version takes the place of the earlier one.
    superseded: Vec<usize>,
    conflicts: Vec<Conflict>,
}

struct Conflict {
    /// The Route that loses.
    candidate: usize,
    /// Its match, by index.
    rule: usize,
    /// The first host that both want.
    host: usize,
    /// The winner's name, and why it wins.
    winner: String,
}

/// The Routes that have each match.
type Taken<'c> = HashMap<Key<'c>, Vec<&'c Draft>>;

/// Goes by precedence, so that a rejected Route takes nothing away from younger ones.
fn find(candidates: &[Candidate]) -> Found {
    let mut taken = Taken::new();
    let mut found = Found::default();
    for (index, candidate) in candidates.iter().enumerate() {
        let mut served = candidate;
        let mut conflicts = of(index, served, &taken);
        if let Some(current) = candidate.current.as_deref().filter(|_| !conflicts.is_empty()) {
            found.superseded.push(index);
            served = current;
            conflicts = of(index, served, &taken);
        }
        if conflicts.is_empty() {
            for (_, key) in keys(served) {
                taken.entry(key).or_default().push(&served.draft);
            }
        }
        found.conflicts.extend(conflicts);
    }
    found
}

/// The conflicts of one version of a Route with older Routes.
fn of(index: usize, candidate: &Candidate, taken: &Taken<'_>) -> Vec<Conflict> {
    let conflict = |(rule, key)| {
        let mut holders = taken.get(&key)?.iter();
        let (host, holder) = holders
            .find_map(|holder| Some((holder.hosts.and(candidate.draft.hosts).first()?, holder)))?;
        let holder = holder.precedence();
        let reason = holder.wins_over(&candidate.draft.precedence());
        let winner = format!("{}, {reason}", holder.name());
        Some(Conflict { candidate: index, rule, host, winner })
    };
    keys(candidate).filter_map(conflict).collect()
}

/// The keys of the matches that a Route serves, each with its index in `spec.matches`.
pub(super) fn keys(candidate: &Candidate) -> impl Iterator<Item = (usize, Key<'_>)> {
    candidate
        .draft
        .matches
        .iter()
        .map(|(index, matched)| (*index, Key::new(candidate.front_door, matched)))
}

/// Equal if two matches want the same requests.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Key<'d> {
    front_door: Option<usize>,
    shape: Cow<'d, str>,
    methods: &'d [Method],
    /// Those of headers, cookies and query.
    predicates: [Vec<SortKey<'d>>; 3],
}

impl<'d> Key<'d> {
    pub(super) fn new(
        front_door: Option<usize>,
        RouteMatch { path, predicates, .. }: &'d RouteMatch,
    ) -> Self {
        let Predicates { methods, headers, cookies, query } = predicates;
        let predicates = [headers, cookies, query].map(|list| list.iter().map(sort_key).collect());
        Self { front_door, shape: path.shape(), methods, predicates }
    }
}
