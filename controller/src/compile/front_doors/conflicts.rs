//! Routes that want the same requests: the older one wins.

use super::{
    hosts::{FrontDoors, HostSet},
    routes::CandidateRoute,
};
use crate::{
    compile::matches::{SortKey, sort_key},
    diagnostic::{FieldPath, Reason},
};
use http::Method;
use portico_dataplane::{router::Predicates, table::RouteMatch};
use std::{borrow::Cow, collections::HashMap};

/// Rejects every Route that has a match in common with an older Route that is served. `candidates`
/// are sorted by precedence.
pub(super) fn refuse(candidates: &mut [CandidateRoute<'_>], front_doors: &FrontDoors<'_>) {
    for Conflict { candidate, rule, host, winner } in find(candidates) {
        let Some(candidate) = candidates.get_mut(candidate) else { continue };
        let front_door = candidate.front_door.and_then(|index| front_doors.all.get(index));
        let host = front_door.and_then(|it| it.hosts.get(host)?.as_ref());
        let at = FieldPath::SPEC.child("matches");
        let host = host.map(|host| format!(" on host '{host}'")).unwrap_or_default();
        let message =
            format!("Route {winner}, has the same match{host}: change or remove one of them");
        candidate.report.refuse(&at.index(rule), Reason::Conflicted, message);
        candidate.matches.clear();
        candidate.report.withdraw();
    }
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

/// Goes by precedence, so that a rejected Route takes nothing away from younger ones.
fn find(candidates: &[CandidateRoute<'_>]) -> Vec<Conflict> {
    let mut taken: HashMap<Key<'_>, Vec<(HostSet, &CandidateRoute<'_>)>> = HashMap::new();
    let mut conflicts = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        let before = conflicts.len();
        for (rule, key) in keys(candidate) {
            let holders = taken.get(&key).map(Vec::as_slice).unwrap_or_default();
            let common = holders
                .iter()
                .find_map(|(hosts, holder)| Some((hosts.and(candidate.hosts).first()?, holder)));
            if let Some((host, holder)) = common {
                let winner = format!(
                    "{}, {}",
                    holder.precedence.name(),
                    holder.precedence.wins_over(&candidate.precedence)
                );
                conflicts.push(Conflict { candidate: index, rule, host, winner });
            }
        }
        if conflicts.len() == before {
            for (_, key) in keys(candidate) {
                taken.entry(key).or_default().push((candidate.hosts, candidate));
            }
        }
    }
    conflicts
}

/// The keys of the matches that a Route serves, each with its index in `spec.matches`.
pub(super) fn keys<'d>(
    candidate: &'d CandidateRoute<'_>,
) -> impl Iterator<Item = (usize, Key<'d>)> {
    candidate
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
