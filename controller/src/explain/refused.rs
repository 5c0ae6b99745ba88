//! Objects that are not served, but that the user may be looking for.

use super::Served;
use crate::{
    compile,
    diagnostic::{ConditionType, Kind, ObjectRef, Problem, Reason, Severity},
};
use portico_crds as crds;
use portico_dataplane::{
    explain::{Refused, Target},
    path::Slashes,
    router::RouteTree,
    table::{HostPattern, Hosts, ObjectName, TrustedHeaders, VirtualHost},
};
use std::{collections::BTreeSet, sync::Arc};

/// How many hosts a message lists.
const MAX_HOSTS_SHOWN: usize = 10;

/// The Routes that would be served at a host if they were accepted, as far as they decode. Those that
/// hold their places there are in the table.
pub(super) fn routes(served: &Served<'_>, host: &VirtualHost) -> Vec<Refused> {
    let held: BTreeSet<_> = host.routes.matches().iter().map(|m| &m.target.name).collect();
    let refused = refusals(served, Kind::Route).filter(|(name, _)| !held.contains(name));
    let refused = refused.filter_map(|(name, problem)| {
        let object = served.objects.routes.get(name)?.decoded_except_for_cors();
        let matches = match object {
            None => Vec::new(),
            Some(route) => {
                let (front_door, matches) = compile::requested_matches(name, &route.spec);
                if !is_for(&route.spec, &front_door, problem, host) {
                    return None;
                }
                matches
            }
        };
        Some(Refused { route: name.clone(), matches, why: why(problem) })
    });
    refused.collect()
}

/// Whether a Route was meant to be served at a host; if its reference is wrong, it may have been.
fn is_for(
    spec: &crds::RouteSpec,
    front_door: &ObjectName,
    problem: &Problem,
    host: &VirtualHost,
) -> bool {
    let is_host = |name: &String| name.parse() == Ok(host.host.clone());
    let named = spec.hosts.is_empty() || spec.hosts.iter().any(is_host);
    (named || problem.reason == Reason::HostNotFound)
        && (*front_door == host.front_door || problem.reason == Reason::FrontDoorNotFound)
}

/// Why no FrontDoor has a host: one that has it is not accepted, or there are only other hosts.
pub(super) fn hosts(served: &Served<'_>, target: &Target) -> Vec<String> {
    let refused: Vec<_> = refusals(served, Kind::FrontDoor).collect();
    let wanted = refused.iter().flat_map(|(name, _)| {
        let object = served.objects.front_doors.get(name).and_then(|entry| entry.object.as_deref());
        let hosts = object.map(|front_door| front_door.spec.hosts.as_slice()).unwrap_or_default();
        hosts.iter().filter_map(|host| host.name.parse().ok()).map(|host| empty(host, name))
    });
    let wanted: Hosts = wanted.collect();
    if let Some(host) = target.find_in(&wanted)
        && let Some((name, problem)) = refused.iter().find(|(name, _)| **name == host.front_door)
    {
        return vec![format!("FrontDoor {name} has this host, but is {}", why(problem))];
    }
    let served = served.table.hosts.iter().filter(|host| host.not_accepted.is_none());
    let mut known: Vec<_> = served.map(|host| host.host.to_string()).collect();
    if known.is_empty() {
        return vec!["no FrontDoor is accepted: 'portico check' says why".to_owned()];
    }
    let more = known.len().saturating_sub(MAX_HOSTS_SHOWN);
    known.truncate(MAX_HOSTS_SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    vec![format!("the hosts that are served: {}{more}", known.join(", "))]
}

fn empty(host: HostPattern, front_door: &ObjectName) -> VirtualHost {
    VirtualHost {
        host,
        front_door: front_door.clone(),
        tls: None,
        trusted_proxies: Arc::new([]),
        slashes: Slashes::Keep,
        trusted_headers: TrustedHeaders::default(),
        cors: None,
        rules: Arc::default(),
        unavailable: None,
        not_accepted: None,
        routes: Arc::new(RouteTree::default()),
        uid: Arc::from(""),
        affinity_cookies: Arc::default(),
        shared_cookies: Arc::default(),
        has_separate_cookies: false,
    }
}

/// The objects of a kind that are not accepted, each with its first error.
fn refusals<'s>(
    served: &Served<'s>,
    kind: Kind,
) -> impl Iterator<Item = (&'s ObjectName, &'s Problem)> {
    let of_kind = served.statuses.iter().filter(move |(object, _)| object.kind == kind);
    of_kind.filter_map(|(ObjectRef { name, .. }, status)| {
        let refuses = |problem: &&Problem| {
            problem.severity == Severity::Error && problem.condition == ConditionType::Accepted
        };
        Some((name, status.problems.iter().find(refuses)?))
    })
}

fn why(problem: &Problem) -> String {
    format!("not accepted: {} ({}): {}", problem.field, problem.reason, problem.message)
}
