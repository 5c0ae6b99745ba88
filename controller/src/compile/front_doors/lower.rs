//! Lowers accepted Routes into the hosts of the table.

use super::{
    host_set::HostSet,
    hosts::{FrontDoor, FrontDoors},
    places::Place,
    routes::CandidateRoute,
};
use portico_dataplane::{
    router::RouteTree,
    table::{Hosts, Route, RouteMatch, VirtualHost},
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// A match, and its FrontDoor's hosts at which it counts.
type Attached<'c> = (HostSet, &'c RouteMatch);

/// The hosts of all FrontDoors. `candidates` are sorted by precedence, and so are the matches in a
/// tree; those of `places` come last.
pub(super) fn hosts(
    front_doors: &FrontDoors<'_>,
    candidates: &[CandidateRoute<'_>],
    places: &[Place],
) -> Hosts {
    let mut attached: Vec<Vec<Attached<'_>>> = vec![Vec::new(); front_doors.all.len()];
    for candidate in candidates {
        if let Some(attached) = candidate.front_door.and_then(|index| attached.get_mut(index)) {
            let matches = candidate.matches.iter();
            attached.extend(matches.map(|(_, matched)| (candidate.hosts, matched)));
        }
    }
    for place in places {
        if let Some(attached) = attached.get_mut(place.front_door) {
            attached.push((place.hosts, &place.matched));
        }
    }
    front_doors
        .all
        .iter()
        .zip(&attached)
        .flat_map(|(front_door, attached)| virtual_hosts(front_door, attached))
        .collect()
}

/// The hosts of one FrontDoor. Hosts with the same Routes share a tree.
fn virtual_hosts(front_door: &FrontDoor<'_>, attached: &[Attached<'_>]) -> Vec<VirtualHost> {
    let not_accepted = front_door.only_holds();
    let served = not_accepted.is_none().then_some(front_door);
    let rules = served.map(|served| served.rules.clone()).unwrap_or_default();
    let unavailable = served.and_then(|served| served.unavailable.clone());
    let sets: BTreeSet<HostSet> = attached.iter().map(|(hosts, _)| *hosts).collect();
    let mut trees: HashMap<Vec<bool>, Arc<RouteTree<Arc<Route>>>> = HashMap::new();
    let hosts = front_door.hosts.iter().enumerate();
    hosts
        .filter(|(index, _)| front_door.owned.contains(*index))
        .filter_map(|(index, host)| {
            let served_by: Vec<bool> = sets.iter().map(|set| set.contains(index)).collect();
            let routes = trees.entry(served_by).or_insert_with(|| Arc::new(tree(index, attached)));
            Some(VirtualHost {
                host: host.clone()?,
                front_door: front_door.name().clone(),
                tls: front_door.tls.get(index).cloned().flatten(),
                trusted_proxies: front_door.trusted_proxies.clone(),
                slashes: front_door.slashes,
                trusted_headers: front_door.trusted_headers,
                cors: front_door.cors.policy().cloned(),
                rules: rules.clone(),
                unavailable: unavailable.clone(),
                not_accepted: not_accepted.clone(),
                routes: routes.clone(),
                uid: front_door.uid.clone(),
                affinity_cookies: Arc::default(),
                shared_cookies: front_door.isolation.shared_cookies.clone(),
                has_separate_cookies: false,
            })
        })
        .collect()
}

fn tree(host: usize, attached: &[Attached<'_>]) -> RouteTree<Arc<Route>> {
    let here = attached.iter().filter(|(hosts, _)| hosts.contains(host));
    RouteTree::new(here.map(|(_, matched)| (*matched).clone()).collect())
}
