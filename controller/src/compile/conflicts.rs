//! Routes that want the same requests: the older serves.

use super::{
    hosts::{FrontDoors, HostSet},
    matches::{SortKey, sort_key},
    report::Field,
    routes::Draft,
};
use crate::problem::Reason;
use http::Method;
use portico_dataplane::{router::Predicates, table::RouteMatch};
use std::{borrow::Cow, collections::HashMap};

/// Refuses every Route that has a rule in common with an older one that is served. `drafts` are
/// the oldest first.
pub(super) fn refuse(drafts: &mut [Draft<'_>], doors: &FrontDoors<'_>) {
    for Conflict { draft, rule, host, winner } in find(drafts) {
        let Some(draft) = drafts.get_mut(draft) else { continue };
        let door = draft.door.and_then(|door| doors.all.get(door));
        let host = door.and_then(|door| door.hosts.get(host)?.as_ref());
        let at = Field::Spec.key("matches");
        let host = host.map(|host| format!(" on host '{host}'")).unwrap_or_default();
        let message =
            format!("Route {winner}, has the same match{host}: change or remove one of them");
        draft.report.refuse(&at.index(rule), Reason::Conflicted, message);
        draft.rules.clear();
    }
}

struct Conflict {
    /// The loser.
    draft: usize,
    /// Its match.
    rule: usize,
    /// The first host that both want.
    host: usize,
    /// Its name, and why it wins.
    winner: String,
}

/// Decided in order of age, so that a Route which is refused takes nothing from younger ones.
fn find(drafts: &[Draft<'_>]) -> Vec<Conflict> {
    let mut taken: HashMap<Key<'_>, Vec<(HostSet, &Draft<'_>)>> = HashMap::new();
    let mut conflicts = Vec::new();
    for (index, draft) in drafts.iter().enumerate() {
        let before = conflicts.len();
        for (rule, key) in keys(draft) {
            let holders = taken.get(&key).map(Vec::as_slice).unwrap_or_default();
            let common = holders
                .iter()
                .find_map(|(hosts, holder)| Some((hosts.and(draft.hosts).first()?, holder)));
            if let Some((host, holder)) = common {
                let winner = format!("{}, {}", holder.age.name(), holder.age.wins_over(&draft.age));
                conflicts.push(Conflict { draft: index, rule, host, winner });
            }
        }
        if conflicts.len() == before {
            for (_, key) in keys(draft) {
                taken.entry(key).or_default().push((draft.hosts, draft));
            }
        }
    }
    conflicts
}

fn keys<'d>(draft: &'d Draft<'_>) -> impl Iterator<Item = (usize, Key<'d>)> {
    draft.rules.iter().map(|(index, rule)| (*index, Key::new(draft.door, rule)))
}

/// Equal where two rules want the same requests.
#[derive(PartialEq, Eq, Hash)]
struct Key<'d> {
    door: Option<usize>,
    shape: Cow<'d, str>,
    methods: &'d [Method],
    /// Of headers, cookies and query.
    predicates: [Vec<SortKey<'d>>; 3],
}

impl<'d> Key<'d> {
    fn new(door: Option<usize>, RouteMatch { path, predicates, .. }: &'d RouteMatch) -> Self {
        let Predicates { methods, headers, cookies, query } = predicates;
        let predicates = [headers, cookies, query].map(|list| list.iter().map(sort_key).collect());
        Self { door, shape: path.shape(), methods, predicates }
    }
}
