//! The front doors that a recording asks for: which paths go where, and what to do where two hosts
//! use the same.

use super::{
    calls::Calls,
    kinds::Kind,
    names::{label, short_name, truncated, unique},
    note::{self, Review},
    patterns,
    taken::Taken,
    target::Authority,
};
use crate::compile;
use portico_dataplane::{address_guard, table::HostPattern};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// How many pages get a front door.
const MAX_DOORS: usize = 16;

/// How many hosts a front door unites.
const MAX_HOSTS: usize = 64;

/// How many overlaps of two hosts, and how many calls to change, are listed.
const MAX_LISTED: usize = 100;

/// A Service in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTarget {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// A port's number or name.
    pub port: String,
}

/// The Services that are behind hosts, by host or host and port, in lower case.
pub type Services = BTreeMap<String, ServiceTarget>;

/// Paths that several hosts use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// A pattern of the paths.
    pub path: String,
    /// The hosts' origins; the one that keeps the path comes first.
    pub hosts: Vec<String>,
    /// What the plan does about it.
    pub solution: String,
}

/// A front door for one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// The page's origin.
    pub page: String,
    /// The page's host.
    pub host: String,
    /// The FrontDoor's namespace and name.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The Routes; the first is the page's own.
    pub routes: Vec<DoorRoute>,
}

/// Where some of a front door's paths go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DoorRoute {
    /// The origin of the host that serves them.
    pub origin: String,
    /// The Route's namespace.
    pub namespace: String,
    /// The Route's name.
    pub name: String,
    /// Path patterns.
    pub paths: Vec<String>,
    /// The prefix that the host's paths get, such as `/api`, if any.
    pub prefix: Option<String>,
    /// Who answers.
    pub backend: BackendTarget,
    /// The calls to change in the page because of the prefix: method, path and new path.
    pub changed: Vec<(String, String, String)>,
    /// How many calls it would have got in the recording.
    pub calls: usize,
}

/// Who answers the requests of a Route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendTarget {
    /// A Service in the cluster.
    Service(ServiceTarget),
    /// A host outside of it, by its origin.
    External(String),
    /// An address that only a Service may have: this machine's, or a private one.
    Address {
        /// The address.
        address: IpAddr,
        /// The port.
        port: u16,
        /// Whether it speaks TLS.
        is_https: bool,
    },
}

/// Front doors, and what to know of them.
#[derive(Default)]
pub(super) struct Planned {
    pub(super) doors: Vec<Door>,
    pub(super) conflicts: Vec<Conflict>,
    pub(super) review: Vec<Review>,
}

/// What a page calls: how often each method and shape, by host.
type Usage = BTreeMap<u32, BTreeMap<(u32, u32), usize>>;

/// Plans a front door for each page that calls hosts of its own.
pub(super) fn plan(calls: &Calls<'_>, services: &Services) -> Planned {
    let mut usage: BTreeMap<u32, Usage> = BTreeMap::new();
    let mut crossing: BTreeMap<u32, usize> = BTreeMap::new();
    for call in &calls.calls {
        let (Some(page), Some(record)) = (call.page, calls.record(call)) else { continue };
        let moves = calls.would_move(call);
        if Calls::is_lone(call) || record.kind == Kind::Preflight || !moves && page != record.origin
        {
            continue;
        }
        *crossing.entry(page).or_default() += usize::from(moves);
        let shapes = usage.entry(page).or_default().entry(record.origin).or_default();
        *shapes.entry((record.method, record.shape)).or_default() += 1;
    }
    let mut pages: Vec<_> = crossing.into_iter().filter(|(_, count)| *count > 0).collect();
    pages.sort_by_key(|(page, count)| (std::cmp::Reverse(*count), *page));

    let mut planned = Planned::default();
    let mut taken = BTreeSet::new();
    for (page, _) in pages {
        let origin = calls.origin(page);
        let Some(authority) = Authority::of(origin) else { continue };
        let mut left_out = |why: &str| planned.review.push(Review::new("page", origin, why));
        if planned.doors.len() >= MAX_DOORS {
            left_out(
                "there are more pages than front doors can be planned at once: record it by itself",
            );
        } else if authority.host.parse::<HostPattern>().is_err() {
            left_out("no front door can have this host: its name is not a DNS name");
        } else if !taken.insert(authority.host.clone()) {
            left_out(
                "another page has the same host, with another scheme or port: give it a host of its own",
            );
        } else if let Some(usage) = usage.get(&page) {
            Planner { calls, services, planned: &mut planned }.door(page, &authority, usage);
        }
    }
    unused_services(calls, services, &mut planned.review);
    planned
}

/// Says which of the Services stand for no recorded host.
fn unused_services(calls: &Calls<'_>, services: &Services, review: &mut Vec<Review>) {
    let known: Vec<_> = calls
        .recordings
        .origins
        .values()
        .iter()
        .filter_map(|origin| Authority::of(origin))
        .collect();
    for host in services.keys().filter(|host| !known.iter().any(|it| is_named(it, host))) {
        review.push(Review::new(
            "service",
            host,
            "--service names it, but no call to it was recorded",
        ));
    }
}

/// Whether this key of [`Services`] means an origin.
fn is_named(authority: &Authority, key: &str) -> bool {
    key == authority.host || key == format!("{}:{}", authority.host, authority.port)
}

struct Planner<'p, 'r> {
    calls: &'p Calls<'r>,
    services: &'p Services,
    planned: &'p mut Planned,
}

impl Planner<'_, '_> {
    fn door(&mut self, page: u32, authority: &Authority, usage: &Usage) {
        let origin = self.calls.origin(page);
        let mut names = BTreeSet::from(["page", "front-door"].map(str::to_owned));
        let mut hosts: Vec<_> = usage.iter().filter(|(host, _)| **host != page).collect();
        hosts.sort_by_key(|(host, shapes)| {
            (std::cmp::Reverse(shapes.values().sum::<usize>()), **host)
        });

        let mut routes = Vec::new();
        let own = usage.get(&page).map(|shapes| self.shapes(shapes)).unwrap_or_default();
        let own = own.into_iter().map(str::to_owned).collect();
        let mut taken = Taken { page: origin.to_owned(), own, others: Vec::new() };
        let backend = self.backend(origin, authority);
        if let Some(backend) = &backend {
            let calls = usage.get(&page).map_or(0, |shapes| shapes.values().sum());
            let paths = vec!["/*".to_owned()];
            routes.push(DoorRoute {
                origin: origin.to_owned(),
                namespace: String::new(),
                name: "page".to_owned(),
                paths,
                prefix: None,
                backend: backend.clone(),
                changed: Vec::new(),
                calls,
            });
        }
        for (at, (host, shapes)) in hosts.into_iter().enumerate() {
            let origin = self.calls.origin(*host);
            if at >= MAX_HOSTS {
                let why = "left out: there are more hosts than one front door should unite";
                self.planned.review.push(Review::new("host", origin, why));
                continue;
            }
            if let Some(route) = self.route(origin, shapes, &mut names, &mut taken) {
                routes.push(route);
            }
        }
        if routes.iter().all(|route| route.name == "page") {
            return;
        }
        self.finish(origin, authority, routes);
    }

    /// Gives the objects their namespaces.
    fn finish(&mut self, origin: &str, authority: &Authority, mut routes: Vec<DoorRoute>) {
        let given = routes.iter().find_map(|route| match &route.backend {
            BackendTarget::Service(service) => Some(service.namespace.clone()),
            BackendTarget::External(_) | BackendTarget::Address { .. } => None,
        });
        let namespace = given.unwrap_or_else(|| "default".to_owned());
        for route in &mut routes {
            route.namespace = match &route.backend {
                BackendTarget::Service(service) => service.namespace.clone(),
                BackendTarget::External(_) | BackendTarget::Address { .. } => namespace.clone(),
            };
        }
        let used: BTreeSet<_> = self.planned.doors.iter().map(|door| door.name.clone()).collect();
        let name = unique(&label(&authority.host), |name| !used.contains(name));
        // Objects of two doors may share a namespace.
        if !used.is_empty() {
            for route in &mut routes {
                route.name = truncated(&format!("{name}-{}", route.name));
            }
        }
        let host = authority.host.clone();
        self.planned.doors.push(Door { page: origin.to_owned(), host, namespace, name, routes });
    }

    fn shapes<'s>(&'s self, shapes: &'s BTreeMap<(u32, u32), usize>) -> Vec<&'s str> {
        let shapes =
            shapes.keys().filter_map(|(_, shape)| self.calls.recordings.shapes.get(*shape));
        shapes.map(String::as_str).collect()
    }

    /// Who answers for an origin; `None`, and why, if nothing can.
    fn backend(&mut self, origin: &str, authority: &Authority) -> Option<BackendTarget> {
        let mut services = self.services.iter();
        if let Some((_, service)) = services.find(|(key, _)| is_named(authority, key)) {
            return Some(BackendTarget::Service(service.clone()));
        }
        let why = match authority.address {
            Some(address) if address_guard::is_public(address) => {
                return Some(BackendTarget::External(origin.to_owned()));
            }
            Some(address) => match compile::dialable(&address.to_string(), true) {
                Ok(address) => {
                    let (port, is_https) = (authority.port, authority.is_https);
                    return Some(BackendTarget::Address { address, port, is_https });
                }
                Err(what) => {
                    format!("not routed: its address is {what}, which Portico never dials")
                }
            },
            None if authority.host.parse::<HostPattern>().is_ok() => {
                return Some(BackendTarget::External(origin.to_owned()));
            }
            None => "not routed: its name is not a DNS name".to_owned(),
        };
        self.planned.review.push(Review::new("host", origin, &why));
        None
    }

    fn route(
        &mut self,
        origin: &str,
        shapes: &BTreeMap<(u32, u32), usize>,
        names: &mut BTreeSet<String>,
        taken: &mut Taken,
    ) -> Option<DoorRoute> {
        let authority = Authority::of(origin)?;
        let backend = self.backend(origin, &authority)?;
        let made = patterns::of(self.shapes(shapes));
        let overlaps: Vec<_> = made
            .patterns
            .iter()
            .filter_map(|path| Some((path.clone(), taken.by(path)?.to_owned())))
            .collect();
        let is_free = |name: &str| !names.contains(name) && !taken.begins_with(name);
        let name = unique(&short_name(&authority), is_free);
        names.insert(name.clone());
        let calls = shapes.values().sum();
        if made.patterns.is_empty() {
            let why = "not routed: none of its paths can be a pattern";
            self.planned.review.push(Review::new("host", origin, why));
            return None;
        }
        let prefix = format!("/{name}");
        let why_prefix = patterns::why_prefix(&made.patterns);
        if overlaps.is_empty() && why_prefix.is_none() {
            self.planned.review.extend(note::widened(origin, &made.widened));
            let patterns = made.patterns.iter().map(|path| (path.clone(), origin.to_owned()));
            taken.others.extend(patterns);
            let (namespace, changed, paths) = (String::new(), Vec::new(), made.patterns);
            let origin = origin.to_owned();
            return Some(DoorRoute {
                origin,
                namespace,
                name,
                paths,
                prefix: None,
                backend,
                changed,
                calls,
            });
        }
        let solution = format!(
            "calls to {origin} go to {prefix}/…, and reach it without {prefix}: change them in the page"
        );
        if let Some(why) = why_prefix {
            let why = format!("{why}, so its paths get the prefix {prefix}");
            self.planned.review.push(Review::new("paths", origin, &why));
        }
        for (path, other) in overlaps.into_iter().take(MAX_LISTED) {
            let (hosts, solution) = (vec![other, origin.to_owned()], solution.clone());
            self.planned.conflicts.push(Conflict { path, hosts, solution });
        }
        let changed = self.changed(shapes, &prefix);
        let paths = vec![format!("{prefix}/*")];
        taken.others.push((paths[0].clone(), origin.to_owned()));
        let (origin, namespace, prefix) = (origin.to_owned(), String::new(), Some(prefix));
        Some(DoorRoute { origin, namespace, name, paths, prefix, backend, changed, calls })
    }

    /// The calls that get a prefix.
    fn changed(
        &self,
        shapes: &BTreeMap<(u32, u32), usize>,
        prefix: &str,
    ) -> Vec<(String, String, String)> {
        let recordings = self.calls.recordings;
        let changed: BTreeSet<_> = shapes
            .keys()
            .filter_map(|(method, shape)| {
                let method = recordings.methods.get(*method)?;
                let shape = recordings.shapes.get(*shape)?.as_str();
                let path = patterns::exact([shape]).into_iter().next()?;
                let moved = format!("{prefix}{path}");
                Some((path, method.clone(), moved))
            })
            .collect();
        let changed = changed.into_iter().take(MAX_LISTED);
        changed.map(|(path, method, moved)| (method, path, moved)).collect()
    }
}
