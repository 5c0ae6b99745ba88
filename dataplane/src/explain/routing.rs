//! Which Route gets a request, and why the others do not.

use super::simulation::DryRun;
use crate::{
    path::PathPattern,
    router::{self, NearMiss, Predicates, Request},
    table::{HostPattern, ObjectName, RouteMatch, Table, VirtualHost},
};
use serde::Serialize;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The maximum number of losers listed.
const MAX_LISTED: usize = 100;

/// The Route that gets a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Winner {
    /// Its name.
    pub route: ObjectName,
    /// The FrontDoor that it is attached to.
    pub front_door: ObjectName,
    /// The path of its winning match.
    pub path: PathPattern,
    /// The other predicates of that match.
    #[serde(flatten)]
    pub predicates: Predicates,
    /// What the path captured, by name; the rest is under `*`.
    pub captures: BTreeMap<String, String>,
    /// Why it wins.
    pub why: String,
}

/// A Route that does not get the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loser {
    /// Its name.
    pub route: ObjectName,
    /// The path of its match; `None` if the Route's matches are unreadable.
    pub path: Option<PathPattern>,
    /// Why it does not get the request.
    pub why: String,
    /// How close it comes.
    #[serde(skip)]
    closeness: Closeness,
}

/// How close a Route comes to a request, the closest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Closeness {
    /// It would match, or might, but is not served.
    NotServed,
    /// Its path matches.
    Path,
    /// Its path almost matches.
    Almost,
    /// Its path shares this many leading segments with the request's.
    Segments(Reverse<usize>),
}

/// A Route of the host that is not in the table.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Its name.
    pub route: ObjectName,
    /// Its matches; empty if they are unreadable.
    pub matches: Vec<(PathPattern, Predicates)>,
    /// Why it is not served.
    pub why: String,
}

impl Winner {
    pub(super) fn of(run: &DryRun<'_>, request: &Request<'_>) -> Option<Self> {
        let matched = run.arrived.matched?;
        let host = run.arrived.destination.as_ref()?.virtual_host;
        let runners_up = runners_up(host, request, Some(matched));
        let mut near_misses = runners_up.map(|(_, near_miss)| near_miss);
        let why = near_misses.find_map(|near_miss| match near_miss {
            NearMiss::LessSpecific(_) => Some("its path is the most specific that matches"),
            NearMiss::FewerPredicates { .. } => {
                Some("of the matches with its path, its predicates rank highest")
            }
            NearMiss::LowerPrecedence => Some("it is older than Routes that match equally well (or, if equally old, first by name)"),
            NearMiss::Path(_) | NearMiss::Unmet(_) => None,
        });
        Some(Self {
            route: matched.target.name.clone(),
            front_door: matched.target.front_door.clone(),
            path: matched.path.clone(),
            predicates: matched.predicates.clone(),
            captures: run.captures().into_iter().collect(),
            why: why.unwrap_or("no other Route matches").to_owned(),
        })
    }
}

/// The other Routes of the host, the closest first, and how many are omitted.
pub(super) fn losers(
    run: &DryRun<'_>,
    request: &Request<'_>,
    refused: &[Refused],
) -> (Vec<Loser>, usize) {
    let host = run.arrived.destination.as_ref().map(|destination| destination.virtual_host);
    let served = host.into_iter().flat_map(|host| runners_up(host, request, run.arrived.matched));
    let mut losers: Vec<_> = refused
        .iter()
        .filter_map(|route| not_served(route, request))
        .chain(served.map(|(matched, near_miss)| served_loser(matched, &near_miss, request)))
        .collect();
    losers.sort_by_key(|loser| loser.closeness);
    let omitted = losers.len().saturating_sub(MAX_LISTED);
    losers.truncate(MAX_LISTED);
    (losers, omitted)
}

/// The matches of Routes other than the winner's, in the order in which they are tried, and why
/// each loses.
fn runners_up<'t>(
    host: &'t VirtualHost,
    request: &Request<'_>,
    winner: Option<&'t RouteMatch>,
) -> impl Iterator<Item = (&'t RouteMatch, NearMiss<'t>)> {
    host.routes.runners_up(request, winner, move |candidate| {
        winner.is_some_and(|winner| Arc::ptr_eq(&winner.target, &candidate.target))
    })
}

fn served_loser(matched: &RouteMatch, near_miss: &NearMiss<'_>, request: &Request<'_>) -> Loser {
    let closeness = match near_miss {
        NearMiss::Path(None) => {
            Closeness::Segments(Reverse(common_segments(&matched.path, request.path)))
        }
        NearMiss::Path(Some(_)) => Closeness::Almost,
        NearMiss::Unmet(_)
        | NearMiss::LessSpecific(_)
        | NearMiss::FewerPredicates { .. }
        | NearMiss::LowerPrecedence => Closeness::Path,
    };
    Loser {
        route: matched.target.name.clone(),
        path: Some(matched.path.clone()),
        why: near_miss.to_string(),
        closeness,
    }
}

/// A Route that would match the request if it were served.
fn not_served(refused: &Refused, request: &Request<'_>) -> Option<Loser> {
    let matches_request = |(path, predicates): &&(PathPattern, Predicates)| {
        router::mismatch(path, predicates, request).is_none()
    };
    let path = match refused.matches.iter().find(matches_request) {
        Some((path, _)) => Some(path.clone()),
        None if refused.matches.is_empty() => None,
        None => return None,
    };
    let (route, why) = (refused.route.clone(), refused.why.clone());
    Some(Loser { route, path, why, closeness: Closeness::NotServed })
}

/// How many leading segments a pattern's literals and a path have in common.
fn common_segments(pattern: &PathPattern, path: &str) -> usize {
    let pattern = pattern.to_string();
    let both = pattern.split('/').zip(path.split('/')).skip(1);
    both.take_while(|(ours, theirs)| ours == theirs).count()
}

/// Which FrontDoor has the host, and which Routes are therefore not considered.
pub(super) fn note(table: &Table, run: &DryRun<'_>, name: &str) -> Option<String> {
    let host = run.arrived.destination.as_ref()?.virtual_host;
    let routes = |host: &'_ VirtualHost| -> BTreeSet<ObjectName> {
        host.routes.matches().iter().map(|matched| matched.target.name.clone()).collect()
    };
    let all: BTreeSet<_> = table.hosts.iter().flat_map(routes).collect();
    let is = if host.not_accepted.is_some() { "held" } else { "served" };
    let mut note = format!("host {name} is {is} by FrontDoor {}", host.front_door);
    match &host.host {
        HostPattern::Exact(_) => {}
        pattern @ (HostPattern::Suffix(_) | HostPattern::Any) => {
            note.push_str(&format!(", which lists it as {pattern}"));
        }
    }
    if host.not_accepted.is_some() {
        note.push_str(", which is not accepted");
    }
    match all.difference(&routes(host)).count() {
        0 => {}
        1 => note.push_str("; 1 Route of other hosts is not considered"),
        count => note.push_str(&format!("; {count} Routes of other hosts are not considered")),
    }
    Some(note)
}
