//! All endpoints that the newest table names.

use super::{
    backends::{BackendSet, Missing, SetKey, SetShared},
    check::CheckState,
    names::{NameFailure, Names, Resolution},
    retry_budget::RetryBudget,
    shown::{Now, ShownBackend},
    sockets::Reclaim,
    state::{Endpoint, EndpointKey, Member},
};
use crate::table::{Backend, Forward, HealthCheck, ObjectName, Route, Table, Target};
use hashbrown::{HashMap, HashSet};
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::{Instant, SystemTime},
};
use tokio::sync::Notify;

/// All endpoints, shared by all workers. Workers keep what they get from it while the
/// [`version`](Self::version) stays.
#[derive(Debug)]
pub(crate) struct Registry {
    epoch: Instant,
    /// The addresses of external hosts.
    names: Names,
    version: AtomicU64,
    /// Tells the checker that the version has changed.
    changed: Notify,
    known: Mutex<Known>,
    reclaim: Arc<Reclaim>,
    ejecting: Arc<Mutex<()>>,
}

#[derive(Debug, Default)]
struct Known {
    table: Arc<Table>,
    endpoints: HashMap<EndpointKey, Arc<Endpoint>>,
    checks: HashMap<(EndpointKey, Arc<HealthCheck>), Arc<CheckState>>,
    sets: HashMap<SetKey, Arc<BackendSet>>,
    /// The retry budgets of Routes that have been used.
    budgets: HashMap<ObjectName, Weak<RetryBudget>>,
}

/// An endpoint that is actively checked.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) block: Arc<HealthCheck>,
    /// Where the results go.
    pub(crate) state: Arc<CheckState>,
    /// The backend that it is checked as, where several have it.
    pub(crate) backend: Backend,
}

impl Registry {
    /// Without endpoints yet; external hosts have the addresses that `names` knows.
    pub(crate) fn new(names: Names) -> Self {
        Self {
            epoch: Instant::now(),
            names,
            version: AtomicU64::new(0),
            changed: Notify::new(),
            known: Mutex::default(),
            reclaim: Arc::default(),
            ejecting: Arc::default(),
        }
    }

    /// Starts to look up external hosts, by `name_servers` or without any by those of the system.
    ///
    /// # Errors If a thread can't be started.
    pub(crate) fn look_up_names(
        self: &Arc<Self>,
        name_servers: Arc<[SocketAddr]>,
    ) -> io::Result<()> {
        let registry = Arc::downgrade(self);
        self.names.start(name_servers, move || {
            if let Some(registry) = registry.upgrade() {
                registry.refresh(&mut registry.lock());
            }
        })
    }

    /// Waits until the name of an external host has been looked up, and its endpoints are known: those
    /// of an older `version` are not.
    pub(crate) async fn looked_up(&self, host: &str, version: u64) {
        self.names.looked_up(host, || self.version() != version).await;
    }

    /// Changes whenever the endpoints of a backend may have.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Waits until it changes, or has changed since the last call. For one caller: the checker.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The endpoints of a backend of a Route with this `health`. Takes a lock.
    pub(crate) fn set(
        &self,
        backend: &Backend,
        health: Option<&Arc<HealthCheck>>,
    ) -> Arc<BackendSet> {
        self.set_of(&mut self.lock(), backend, health)
    }

    /// What is known of a Route's requests and retries. Takes a lock.
    pub(crate) fn retry_budget(&self, route: &ObjectName) -> Arc<RetryBudget> {
        let budgets = &mut self.lock().budgets;
        if let Some(budget) = budgets.get(route).and_then(Weak::upgrade) {
            return budget;
        }
        let budget = Arc::<RetryBudget>::default();
        budgets.insert(route.clone(), Arc::downgrade(&budget));
        budget
    }

    /// What tells all workers that an idle connection of theirs is needed.
    pub(crate) fn reclaim(&self) -> &Arc<Reclaim> {
        &self.reclaim
    }

    /// Whole seconds since the registry was made.
    pub(crate) fn second(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.epoch).as_secs()
    }

    /// Every endpoint that the Routes of the newest table check, once for each `health` block.
    pub(crate) fn checks(&self) -> Vec<Checked> {
        let mut known = self.lock();
        let table = known.table.clone();
        let (mut seen, mut all) = (HashSet::new(), Vec::new());
        for (route, backend) in backends(&table) {
            let Some(block) = &route.selection.health else { continue };
            for member in &*self.set_of(&mut known, backend, Some(block)).members {
                let Some(state) = member.check.clone() else { continue };
                if seen.insert(Arc::as_ptr(&state)) {
                    let (endpoint, block) = (member.endpoint.clone(), block.clone());
                    all.push(Checked { endpoint, block, state, backend: backend.clone() });
                }
            }
        }
        all
    }

    /// Forgets what the newest table no longer names. Every worker may call this with it.
    pub(crate) fn table_changed(&self, table: &Arc<Table>) {
        let mut known = self.lock();
        if Arc::ptr_eq(&known.table, table) || table.generation < known.table.generation {
            return;
        }
        known.table = table.clone();
        known.budgets.retain(|_, budget| budget.strong_count() > 0);
        self.refresh(&mut known);
    }

    /// What operators see of all backends of the newest table, in the order of their names.
    pub(crate) fn shown(&self) -> Vec<ShownBackend> {
        let now = Now(Instant::now(), SystemTime::now());
        let mut known = self.lock();
        let table = known.table.clone();
        let (mut places, mut sets) =
            (HashMap::new(), Vec::<(Arc<BackendSet>, &Target, Vec<_>)>::new());
        for (route, backend) in backends(&table) {
            let set = self.set_of(&mut known, backend, route.selection.health.as_ref());
            let place = *places.entry(Arc::as_ptr(&set)).or_insert(sets.len());
            match sets.get_mut(place) {
                // The backends of a Route follow each other.
                Some((.., routes)) if routes.last() == Some(&route.name) => {}
                Some((.., routes)) => routes.push(route.name.clone()),
                None => sets.push((set, &backend.target, vec![route.name.clone()])),
            }
        }
        drop(known);
        let failing_since = |target: &Target| match target {
            Target::External { host, .. } => self.names.failing_since(host),
            Target::Endpoints(_) => None,
        };
        let shown = sets
            .into_iter()
            .map(|(set, target, routes)| set.shown(routes, failing_since(target), now));
        let mut shown: Vec<_> = shown.collect();
        shown.sort_by(|one, other| one.name.cmp(&other.name));
        shown
    }

    /// Gives `read` the names of all backends of the newest table, while they are locked.
    pub(crate) fn with_backends(&self, read: impl FnOnce(&std::collections::HashSet<&str>)) {
        let known = self.lock();
        read(&known.sets.keys().map(|key| key.backend.as_str()).collect());
    }

    /// Forgets failures to connect after which nobody has tried for a while. Called periodically.
    pub(crate) fn forget_stale(&self) {
        let now = Instant::now();
        self.lock().endpoints.values().for_each(|endpoint| endpoint.backoff.forget_stale(now));
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
            let health = route.selection.health.as_ref();
            if named.insert(key(backend, health)) {
                self.set_of(known, backend, health);
            }
        }
        self.names.keep(hosts.into_iter());
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
        self.changed.notify_one();
    }

    fn set_of(
        &self,
        known: &mut Known,
        backend: &Backend,
        health: Option<&Arc<HealthCheck>>,
    ) -> Arc<BackendSet> {
        let addresses = self.addresses(&backend.target);
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

    fn addresses(&self, target: &Target) -> Result<Arc<[SocketAddr]>, Missing> {
        let (host, port) = match target {
            Target::Endpoints(endpoints) if endpoints.is_empty() => {
                return Err(Missing::NoEndpoint);
            }
            Target::Endpoints(endpoints) => return Ok(endpoints.clone()),
            Target::External { host, port } => (host, *port),
        };
        match self.names.addresses(host) {
            Resolution::Known(addresses) => {
                Ok(addresses.iter().map(|address| SocketAddr::new(*address, port)).collect())
            }
            Resolution::Pending => Err(Missing::Pending),
            Resolution::Failed(NameFailure::Unresolved) => Err(Missing::Unresolved),
            Resolution::Failed(NameFailure::NotAllowed) => Err(Missing::NotAllowed),
        }
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
        let backends = route.forwards().flat_map(Forward::backends);
        backends.map(|backend| (&**route, &**backend))
    })
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests;
