//! Which Route has a request, and why the others do not.

use crate::{
    path::PathPattern,
    proxy::rehearsal::{Arrival, Course},
    router::{self, Loss, Predicates, Request, Rule},
    table::{HostPattern, ObjectName, Table, VirtualHost},
};
use serde::Serialize;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// How many losers are listed at most.
const LISTED: usize = 100;

/// The Route that has a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Winner {
    /// Its name.
    pub route: ObjectName,
    /// The FrontDoor that it is attached to.
    pub front_door: ObjectName,
    /// The path of the match that fits.
    pub path: PathPattern,
    /// What else that match asks.
    #[serde(flatten)]
    pub predicates: Predicates,
    /// What the path captured, by name; the rest is `*`.
    pub captures: BTreeMap<String, String>,
    /// Why it wins.
    pub why: String,
}

/// A Route that does not have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loser {
    /// Its name.
    pub route: ObjectName,
    /// The path of its match; `None` where the Route can't be read.
    pub path: Option<PathPattern>,
    /// Why it loses.
    pub why: String,
    /// How close it comes.
    #[serde(skip)]
    closeness: Closeness,
}

/// How close a Route comes to a request: the closest is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Closeness {
    /// It would match, or might, but it is not served.
    NotServed,
    /// Its path matches.
    Path,
    /// Its path almost matches.
    Almost,
    /// Its path begins with as many segments of the request's.
    Segments(Reverse<usize>),
}

/// A Route of the host that the table does not have.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Its name.
    pub route: ObjectName,
    /// Its matches; none where they can't be read.
    pub matches: Vec<(PathPattern, Predicates)>,
    /// Why it is not served.
    pub why: String,
}

impl Winner {
    pub(super) fn of(
        course: &Course<'_>,
        request: &Request<'_>,
        host: &VirtualHost,
    ) -> Option<Self> {
        let (rule, captures) = course.found.as_ref()?;
        let mut losses = host.routes.runners_up(request, Some(*rule)).map(|(_, loss)| loss);
        let why = losses.find_map(|loss| match loss {
            Loss::LessSpecific(_) => Some("its path is the most specific that matches"),
            Loss::AsksLess { .. } => Some("of those with its path that fit, it asks most"),
            Loss::Younger => Some("it goes first by age, or of one age by name"),
            Loss::Path(_) | Loss::Unmet(_) => None,
        });
        Some(Self {
            route: rule.route.name.clone(),
            front_door: rule.route.front_door.clone(),
            path: rule.path.clone(),
            predicates: rule.predicates.clone(),
            captures: captures.iter().cloned().collect(),
            why: why.unwrap_or("no other Route fits").to_owned(),
        })
    }
}

/// Every other Route of the host, the closest first, and how many are left out.
pub(super) fn losers(
    arrival: &Arrival<'_>,
    request: &Request<'_>,
    course: &Course<'_>,
    refused: &[Refused],
) -> (Vec<Loser>, usize) {
    let winner = course.found.as_ref().map(|(rule, _)| *rule);
    let served = arrival.host.routes.runners_up(request, winner);
    let mut losers: Vec<_> = refused
        .iter()
        .filter_map(|route| not_served(route, request))
        .chain(served.map(|(rule, loss)| served_loser(rule, &loss, request)))
        .collect();
    losers.sort_by_key(|loser| loser.closeness);
    let omitted = losers.len().saturating_sub(LISTED);
    losers.truncate(LISTED);
    (losers, omitted)
}

fn served_loser(rule: &Rule, loss: &Loss<'_>, request: &Request<'_>) -> Loser {
    let closeness = match loss {
        Loss::Path(None) => Closeness::Segments(Reverse(common_segments(&rule.path, request.path))),
        Loss::Path(Some(_)) => Closeness::Almost,
        Loss::Unmet(_) | Loss::LessSpecific(_) | Loss::AsksLess { .. } | Loss::Younger => {
            Closeness::Path
        }
    };
    Loser {
        route: rule.route.name.clone(),
        path: Some(rule.path.clone()),
        why: loss.to_string(),
        closeness,
    }
}

/// A Route that would have a match for the request if it were served.
fn not_served(refused: &Refused, request: &Request<'_>) -> Option<Loser> {
    let fits = |(path, predicates): &&(PathPattern, Predicates)| {
        router::unfit(path, predicates, request).is_none()
    };
    let path = match refused.matches.iter().find(fits) {
        Some((path, _)) => Some(path.clone()),
        None if refused.matches.is_empty() => None,
        None => return None,
    };
    let (route, why) = (refused.route.clone(), refused.why.clone());
    Some(Loser { route, path, why, closeness: Closeness::NotServed })
}

/// How many segments a pattern's literals and a path begin with in common.
fn common_segments(pattern: &PathPattern, path: &str) -> usize {
    let pattern = pattern.to_string();
    let both = pattern.split('/').zip(path.split('/')).skip(1);
    both.take_while(|(ours, theirs)| ours == theirs).count()
}

/// Whose host it is, and what is not looked at.
pub(super) fn note(table: &Table, host: &VirtualHost, name: &str) -> String {
    let routes = |host: &'_ VirtualHost| -> BTreeSet<ObjectName> {
        host.routes.rules().iter().map(|rule| rule.route.name.clone()).collect()
    };
    let all: BTreeSet<_> = table.hosts.iter().flat_map(routes).collect();
    let mut note = format!("host {name} is served by FrontDoor {}", host.front_door);
    match &host.host {
        HostPattern::Exact(_) => {}
        pattern @ (HostPattern::Suffix(_) | HostPattern::Any) => {
            note.push_str(&format!(", which has it as {pattern}"));
        }
    }
    match all.difference(&routes(host)).count() {
        0 => {}
        1 => note.push_str("; 1 Route of other hosts is not considered"),
        count => note.push_str(&format!("; {count} Routes of other hosts are not considered")),
    }
    note
}
