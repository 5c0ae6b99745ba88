//! All endpoints that the newest table names.

use super::{
    backends::{BackendSet, Missing, SetKey, SetShared},
    backoff::LOG_INTERVAL,
    check::CheckState,
    shown::{Now, ShownBackend},
    state::{Endpoint, EndpointKey, Member},
};
use crate::{
    address_guard::AddressGuard,
    table::{Action, Backend, HealthCheck, ObjectName, Route, Table, Target, Timeouts},
};
use hashbrown::{HashMap, HashSet};
use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Instant, SystemTime},
};

/// How many backends without addresses are remembered to have been logged.
const MAX_LOGGED: usize = 4096;

/// All endpoints, shared by all workers. Workers keep what they get from it while the
/// [`version`](Self::version) stays.
#[derive(Debug)]
pub(crate) struct Registry {
    epoch: Instant,
    guard: AddressGuard,
    version: AtomicU64,
    known: Mutex<Known>,
    ejecting: Arc<Mutex<()>>,
    /// When backends without addresses were last logged.
    without_addresses: Mutex<HashMap<Box<str>, Instant>>,
}

#[derive(Debug, Default)]
struct Known {
    table: Arc<Table>,
    endpoints: HashMap<EndpointKey, Arc<Endpoint>>,
    checks: HashMap<(EndpointKey, Arc<HealthCheck>), Arc<CheckState>>,
    sets: HashMap<SetKey, Arc<BackendSet>>,
    /// The addresses of external hosts.
    names: HashMap<Box<str>, Arc<[IpAddr]>>,
}

/// An endpoint that is actively checked.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub(crate) member: Member,
    pub(crate) backend: Backend,
    pub(crate) block: Arc<HealthCheck>,
    /// Those of one of the Routes.
    pub(crate) timeouts: Timeouts,
}

impl Registry {
    /// Without endpoints yet; external hosts have addresses that `guard` allows.
    pub(crate) fn new(guard: AddressGuard) -> Self {
        Self {
            epoch: Instant::now(),
            guard,
            version: AtomicU64::new(0),
            known: Mutex::default(),
            ejecting: Arc::default(),
            without_addresses: Mutex::default(),
        }
    }

    /// Changes whenever the endpoints of a backend may have.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The endpoints of a backend of a Route with this `health`. Takes a lock.
    pub(crate) fn set(
        &self,
        backend: &Backend,
        health: Option<&Arc<HealthCheck>>,
    ) -> Arc<BackendSet> {
        self.set_of(&mut self.lock(), backend, health)
    }

    /// Every endpoint that the Routes of a table check, once for each `health` block.
    pub(crate) fn checks(&self, table: &Table) -> Vec<Checked> {
        let (mut seen, mut checked) = (HashSet::new(), Vec::new());
        let mut known = self.lock();
        for (route, backend) in backends(table) {
            let Some(block) = &route.selection.health else { continue };
            for member in &*self.set_of(&mut known, backend, Some(block)).members {
                if seen.insert((member.endpoint.key().clone(), block.clone())) {
                    checked.push(Checked {
                        member: member.clone(),
                        backend: backend.clone(),
                        block: block.clone(),
                        timeouts: route.timeouts,
                    });
                }
            }
        }
        checked
    }

    /// Forgets what the newest table no longer names. Every worker may call this with it.
    pub(crate) fn table_changed(&self, table: &Arc<Table>) {
        let mut known = self.lock();
        if Arc::ptr_eq(&known.table, table) || table.generation < known.table.generation {
            return;
        }
        known.table = table.clone();
        self.refresh(&mut known);
    }

    /// The addresses of an external host, as they were resolved.
    pub(crate) fn resolved(&self, host: &str, addresses: &[IpAddr]) {
        let mut known = self.lock();
        if known.names.get(host).is_none_or(|known| **known != *addresses) {
            known.names.insert(host.into(), addresses.into());
            self.refresh(&mut known);
        }
    }

    /// The external hosts whose addresses are known.
    pub(crate) fn hosts(&self) -> Vec<Box<str>> {
        self.lock().names.keys().cloned().collect()
    }

    /// What operators see of all backends of the newest table, in the order of their names.
    pub(crate) fn shown(&self) -> Vec<ShownBackend> {
        let now = Now(Instant::now(), SystemTime::now());
        let mut known = self.lock();
        let table = known.table.clone();
        let mut places = HashMap::new();
        let mut sets: Vec<(Arc<BackendSet>, Vec<ObjectName>)> = Vec::new();
        for (route, backend) in backends(&table) {
            let set = self.set_of(&mut known, backend, route.selection.health.as_ref());
            let place = *places.entry(Arc::as_ptr(&set)).or_insert(sets.len());
            match sets.get_mut(place) {
                Some((_, routes)) if routes.last() == Some(&route.name) => {}
                Some((_, routes)) => routes.push(route.name.clone()),
                None => sets.push((set, vec![route.name.clone()])),
            }
        }
        drop(known);
        let shown = sets.into_iter().map(|(set, routes)| set.shown(routes, now));
        let mut shown: Vec<_> = shown.collect();
        shown.sort_by(|one, other| one.name.cmp(&other.name));
        shown
    }

    /// Forgets failures to connect after which nobody has tried for a while. Called periodically.
    pub(crate) fn forget_stale(&self) {
        let now = Instant::now();
        self.lock().endpoints.values().for_each(|endpoint| endpoint.backoff.forget_stale(now));
    }

    /// Whether it is to be logged that no address of a backend can be dialled.
    pub(crate) fn logs_no_address(&self, backend: &str, now: Instant) -> bool {
        let mut logged = self.without_addresses.lock().unwrap_or_else(PoisonError::into_inner);
        logged.retain(|_, at| now.saturating_duration_since(*at) < LOG_INTERVAL);
        if logged.contains_key(backend) || logged.len() >= MAX_LOGGED {
            return false;
        }
        logged.insert(backend.into(), now);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the sets in line with the newest table and addresses, and forgets what it does not
    /// name.
    fn refresh(&self, known: &mut Known) {
        let table = known.table.clone();
        let (mut named, mut hosts) = (HashSet::new(), HashSet::new());
        for (route, backend) in backends(&table) {
            if let Target::External { host, .. } = &backend.target {
                hosts.insert(host.as_str());
            }
            let key = key(backend, route.selection.health.as_ref());
            if known.sets.contains_key(&key) && named.insert(key) {
                self.set_of(known, backend, route.selection.health.as_ref());
            }
        }
        known.names.retain(|host, _| hosts.contains(&**host));
        known.sets.retain(|key, _| named.contains(key));
        let (mut endpoints, mut checks) = (HashSet::new(), HashSet::new());
        for set in known.sets.values() {
            for member in &*set.members {
                endpoints.insert(Arc::as_ptr(&member.endpoint));
                checks.extend(member.check.as_ref().map(Arc::as_ptr));
            }
        }
        known.endpoints.retain(|_, endpoint| endpoints.contains(&Arc::as_ptr(endpoint)));
        known.checks.retain(|_, check| checks.contains(&Arc::as_ptr(check)));
        self.version.fetch_add(1, Ordering::Release);
    }

    fn set_of(
        &self,
        known: &mut Known,
        backend: &Backend,
        health: Option<&Arc<HealthCheck>>,
    ) -> Arc<BackendSet> {
        let addresses = self.addresses(known, &backend.target);
        let key = key(backend, health);
        let previous = known.sets.get(&key);
        if let Some(set) = previous
            && set.has(addresses.as_deref().map_err(|missing| *missing))
        {
            return set.clone();
        }
        let fresh = || Arc::new(SetShared::new(self.ejecting.clone()));
        let shared = previous.map_or_else(fresh, |set| set.shared.clone());
        let members = addresses.map(|addresses| {
            let members = addresses.iter().map(|address| {
                let protocol = backend.protocol.clone();
                self.member(known, EndpointKey { address: *address, protocol }, health)
            });
            members.collect()
        });
        let set = Arc::new(BackendSet::new(key.clone(), members, shared, self.epoch));
        known.sets.insert(key, set.clone());
        set
    }

    fn member(
        &self,
        known: &mut Known,
        key: EndpointKey,
        health: Option<&Arc<HealthCheck>>,
    ) -> Member {
        let now = Instant::now();
        let check = health.map(|block| {
            let check = known.checks.entry((key.clone(), block.clone()));
            check.or_insert_with(|| Arc::new(CheckState::new(self.epoch, now))).clone()
        });
        let endpoint = known.endpoints.entry(key.clone());
        let fresh = || Arc::new(Endpoint::new(key, self.epoch, now));
        Member { endpoint: endpoint.or_insert_with(fresh).clone(), check }
    }

    fn addresses(&self, known: &Known, target: &Target) -> Result<Arc<[SocketAddr]>, Missing> {
        let (host, port) = match target {
            Target::Endpoints(endpoints) if endpoints.is_empty() => {
                return Err(Missing::NoEndpoint);
            }
            Target::Endpoints(endpoints) => return Ok(endpoints.clone()),
            Target::External { host, port } => (host, *port),
        };
        let literal = host.parse().ok().map(|address: IpAddr| Arc::from([address]));
        let resolved = literal.or_else(|| known.names.get(host.as_str()).cloned());
        let allowed: Arc<[_]> = resolved
            .ok_or(Missing::Unresolved)?
            .iter()
            .filter(|address| self.guard.allows(host, **address))
            .map(|address| SocketAddr::new(*address, port))
            .collect();
        if allowed.is_empty() { Err(Missing::NotAllowed) } else { Ok(allowed) }
    }
}

fn key(backend: &Backend, health: Option<&Arc<HealthCheck>>) -> SetKey {
    SetKey {
        backend: backend.name.clone(),
        protocol: backend.protocol.clone(),
        health: health.cloned(),
    }
}

/// All backends of a table, with their Routes. Routes that several hosts have come several times.
fn backends(table: &Table) -> impl Iterator<Item = (&Route, &Backend)> {
    let routes = table.hosts.iter().flat_map(|host| host.routes.matches());
    let mut seen = HashSet::new();
    let routes = routes.map(|matched| &matched.target);
    let distinct = routes.filter(move |route| seen.insert(Arc::as_ptr(route)));
    distinct.flat_map(|route| {
        let backends = match &route.action {
            Action::Forward(forward) => forward.backends(),
            Action::Redirect(_) | Action::Respond(_) | Action::NotAccepted(_) => &[],
        };
        backends.iter().map(|backend| (&**route, backend))
    })
}
