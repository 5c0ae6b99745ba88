//! Lowers a FrontDoor and its accepted Routes into hosts of the table.

use super::{
    candidate::Candidate, host_set::HostSet, hosts::FrontDoor, places::Place, shared::shared,
};
use portico_dataplane::{
    router::RouteTree,
    table::{Route, RouteMatch, VirtualHost},
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// The Routes of a host.
type Routes = Arc<RouteTree<Arc<Route>>>;

/// The matches of a FrontDoor, each with the hosts at which it counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Attached<'c> {
    matches: Vec<(HostSet, &'c RouteMatch)>,
    /// How many Routes are served.
    pub(super) routes: usize,
}

impl<'c> Attached<'c> {
    /// The matches of each of so many FrontDoors. `candidates` are sorted by precedence, and so are
    /// the matches; those of `places` come last.
    pub(super) fn to_each(
        front_doors: usize,
        candidates: &'c [Candidate],
        places: &'c [Place],
    ) -> Vec<Self> {
        let mut all = vec![Self::default(); front_doors];
        for Candidate { draft, front_door, .. } in candidates {
            if let Some(attached) = front_door.and_then(|index| all.get_mut(index)) {
                let matches = draft.matches.iter();
                attached.matches.extend(matches.map(|(_, matched)| (draft.hosts, matched)));
                attached.routes += usize::from(draft.report.is_served());
            }
        }
        for place in places {
            if let Some(attached) = all.get_mut(place.front_door) {
                attached.matches.push((place.hosts, &place.matched));
            }
        }
        all
    }

    /// The Routes of each host. Hosts with the same Routes share a tree.
    fn trees(&self) -> impl FnMut(usize) -> Routes {
        let sets: BTreeSet<HostSet> = self.matches.iter().map(|(hosts, _)| *hosts).collect();
        let mut trees: HashMap<Vec<bool>, Routes> = HashMap::new();
        move |host| {
            let served_by: Vec<bool> = sets.iter().map(|set| set.contains(host)).collect();
            trees.entry(served_by).or_insert_with(|| Arc::new(self.tree(host))).clone()
        }
    }

    fn tree(&self, host: usize) -> RouteTree<Arc<Route>> {
        let here = self.matches.iter().filter(|(hosts, _)| hosts.contains(host));
        RouteTree::new(here.map(|(_, matched)| (*matched).clone()).collect())
    }
}

/// The hosts of a FrontDoor. One that comes out as it did `then` is shared with it.
pub(super) fn hosts(
    front_door: &FrontDoor<'_>,
    attached: &Attached<'_>,
    then: &[Arc<VirtualHost>],
) -> Vec<Arc<VirtualHost>> {
    let mut trees = attached.trees();
    let hosts = without_routes(front_door).enumerate();
    let hosts = hosts.map(|(position, (index, host))| {
        let host = VirtualHost { routes: trees(index), ..host }.complete();
        shared(host, then.get(position))
    });
    hosts.collect()
}

/// The hosts of a FrontDoor whose Routes are as they were `then`, and so are its hosts' names.
pub(super) fn with_routes_of(
    front_door: &FrontDoor<'_>,
    then: &[Arc<VirtualHost>],
) -> Vec<Arc<VirtualHost>> {
    let hosts = without_routes(front_door).zip(then);
    hosts.map(|((_, host), then)| shared(host.with_routes_of(then), Some(then))).collect()
}

/// The hosts of a FrontDoor, each with its index.
fn without_routes(front_door: &FrontDoor<'_>) -> impl Iterator<Item = (usize, VirtualHost)> {
    let not_accepted = front_door.only_holds();
    let served = not_accepted.is_none().then_some(front_door);
    let rules = served.map(|served| served.rules.clone()).unwrap_or_default();
    let unavailable = served.and_then(|served| served.unavailable.clone());
    let hosts = front_door.hosts.iter().enumerate();
    let owned = hosts.filter(|(index, _)| front_door.owned.contains(*index));
    owned.filter_map(move |(index, host)| {
        let host = VirtualHost {
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
            routes: Arc::default(),
            uid: front_door.uid.clone(),
            affinity_cookies: Arc::default(),
            shared_cookies: front_door.isolation.shared_cookies.clone(),
            has_separate_cookies: false,
        };
        Some((index, host))
    })
}
