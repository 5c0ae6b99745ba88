//! Lowers accepted Routes into the hosts of the table.

use super::{
    hosts::{FrontDoor, FrontDoors, HostSet},
    routes::CandidateRoute,
};
use portico_dataplane::{
    router::RouteTree,
    table::{Hosts, Route, VirtualHost},
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// The hosts of all FrontDoors. `candidates` are sorted by precedence, and so are the matches in a
/// tree.
pub(super) fn hosts(front_doors: &FrontDoors<'_>, candidates: &[CandidateRoute<'_>]) -> Hosts {
    let mut attached: Vec<Vec<&CandidateRoute<'_>>> = vec![Vec::new(); front_doors.all.len()];
    for candidate in candidates.iter().filter(|candidate| candidate.report.accepted()) {
        if let Some(attached) = candidate.front_door.and_then(|index| attached.get_mut(index)) {
            attached.push(candidate);
        }
    }
    front_doors
        .all
        .iter()
        .zip(&attached)
        .flat_map(|(front_door, candidates)| virtual_hosts(front_door, candidates))
        .collect()
}

/// The hosts of one FrontDoor. Hosts with the same Routes share a tree.
fn virtual_hosts(
    front_door: &FrontDoor<'_>,
    candidates: &[&CandidateRoute<'_>],
) -> Vec<VirtualHost> {
    let sets: BTreeSet<HostSet> = candidates.iter().map(|candidate| candidate.hosts).collect();
    let mut trees: HashMap<Vec<bool>, Arc<RouteTree<Arc<Route>>>> = HashMap::new();
    let hosts = front_door.hosts.iter().enumerate();
    hosts
        .filter(|(index, _)| front_door.owned.contains(*index))
        .filter_map(|(index, host)| {
            let served_by: Vec<bool> = sets.iter().map(|set| set.contains(index)).collect();
            let routes =
                trees.entry(served_by).or_insert_with(|| Arc::new(tree(index, candidates)));
            Some(VirtualHost {
                host: host.clone()?,
                front_door: front_door.name().clone(),
                trusted_proxies: front_door.trusted_proxies.clone(),
                slashes: front_door.slashes,
                trusted_headers: front_door.trusted_headers,
                cors: front_door.cors.policy().cloned(),
                routes: routes.clone(),
            })
        })
        .collect()
}

fn tree(host: usize, candidates: &[&CandidateRoute<'_>]) -> RouteTree<Arc<Route>> {
    let here = candidates.iter().filter(|candidate| candidate.hosts.contains(host));
    RouteTree::new(
        here.flat_map(|candidate| &candidate.matches).map(|(_, matched)| matched.clone()).collect(),
    )
}
