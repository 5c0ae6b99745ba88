//! The table: each host with the Routes that are served there.

use super::{
    hosts::{FrontDoor, FrontDoors, HostSet},
    routes::Draft,
};
use portico_dataplane::{
    router::RouteTree,
    table::{Hosts, Route, VirtualHost},
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// The hosts of all FrontDoors. `drafts` are the oldest first, and so are the rules of a tree.
pub(super) fn assemble(doors: &FrontDoors<'_>, drafts: &[Draft<'_>]) -> Hosts {
    let mut attached: Vec<Vec<&Draft<'_>>> = vec![Vec::new(); doors.all.len()];
    for draft in drafts.iter().filter(|draft| draft.report.accepted()) {
        if let Some(attached) = draft.door.and_then(|door| attached.get_mut(door)) {
            attached.push(draft);
        }
    }
    doors.all.iter().zip(&attached).flat_map(|(door, drafts)| virtual_hosts(door, drafts)).collect()
}

/// The hosts of one FrontDoor. Hosts at which the same Routes are served share one tree.
fn virtual_hosts(door: &FrontDoor<'_>, drafts: &[&Draft<'_>]) -> Vec<VirtualHost> {
    let sets: BTreeSet<HostSet> = drafts.iter().map(|draft| draft.hosts).collect();
    let mut trees: HashMap<Vec<bool>, Arc<RouteTree<Arc<Route>>>> = HashMap::new();
    let owned = door.hosts.iter().enumerate().filter(|(index, _)| door.owned.contains(*index));
    owned
        .filter_map(|(index, host)| {
            let served_by: Vec<bool> = sets.iter().map(|set| set.contains(index)).collect();
            let routes = trees.entry(served_by).or_insert_with(|| Arc::new(tree(index, drafts)));
            Some(VirtualHost {
                host: host.clone()?,
                front_door: door.name().clone(),
                trusted_proxies: door.trusted_proxies.clone(),
                cors: door.cors.policy().cloned(),
                routes: routes.clone(),
            })
        })
        .collect()
}

fn tree(host: usize, drafts: &[&Draft<'_>]) -> RouteTree<Arc<Route>> {
    let here = drafts.iter().filter(|draft| draft.hosts.contains(host));
    RouteTree::new(here.flat_map(|draft| &draft.rules).map(|(_, rule)| rule.clone()).collect())
}
