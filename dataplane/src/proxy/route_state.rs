//! A worker's state for each Route beyond the table, kept when the table changes.

use super::affinity::Sessions;
use crate::{
    balance::Sequence,
    endpoint::{BackendSet, Registry, RetryShare},
    table::{Ejection, Forward, ObjectName, Route, Table},
    telemetry::{Failures, RouteStats},
};
use hashbrown::HashMap;
use std::{
    cell::{Cell, OnceCell, RefCell},
    collections::HashSet,
    rc::Rc,
    sync::Arc,
};

/// A worker's state for one Route.
#[derive(Debug)]
pub(crate) struct RouteState {
    /// Its counters.
    pub(crate) stats: Rc<RouteStats>,
    /// Picks the backend for the next request.
    pub(super) backends: Sequence,
    /// Those of the Route's own backends, and then of those of its rules.
    sets: RefCell<Vec<Option<Rc<Sets>>>>,
    retries: OnceCell<RetryShare>,
}

/// What all workers know of a Route's backends, in its order.
#[derive(Debug)]
pub(super) struct Sets {
    pub(super) sets: Box<[Arc<BackendSet>]>,
    /// Whose turn it is of the endpoints of each.
    pub(super) turns: Box<[Cell<usize>]>,
    /// The Route, and the version of the registry, for which they hold.
    route: Arc<Route>,
    pub(super) version: u64,
    sessions: OnceCell<Sessions>,
}

impl Sets {
    /// When the Route's endpoints are ejected.
    pub(super) fn ejection(&self) -> &Ejection {
        &self.route.selection.ejection
    }

    /// The endpoints by what the cookie of `affinity` holds for them; `key` is the FrontDoor's uid.
    pub(super) fn sessions(&self, key: &str, forward: &Forward) -> &Sessions {
        self.sessions.get_or_init(|| Sessions::of(key, forward.backends(), &self.sets))
    }
}

impl RouteState {
    /// What this worker knows of its requests and retries.
    pub(super) fn retries(&self, registry: &Registry, route: &Route) -> &RetryShare {
        self.retries.get_or_init(|| RetryShare::of(registry.retry_budget(&route.name)))
    }

    /// What is known of the backends of `forward`, which are `route`'s own or those of one of its
    /// rules. Takes a lock where something has changed.
    pub(super) fn sets(
        &self,
        route: &Arc<Route>,
        forward: &Forward,
        registry: &Registry,
    ) -> Rc<Sets> {
        let version = registry.version();
        let (mut all, ordinal) = (self.sets.borrow_mut(), forward.ordinal());
        if all.len() <= ordinal {
            all.resize(ordinal + 1, None);
        }
        let known = &mut all[ordinal];
        if let Some(sets) = known
            && sets.version == version
            && Arc::ptr_eq(&sets.route, route)
        {
            return sets.clone();
        }
        let health = route.selection.health.as_ref();
        let sets: Box<[_]> =
            forward.backends().iter().map(|backend| registry.set(backend, health)).collect();
        // Workers do not start with the same ones, nor does each change start over.
        let point = self.backends.next();
        let turns = sets.iter().map(|_| Cell::new((point >> 32) as usize)).collect();
        let sessions = OnceCell::new();
        known.insert(Rc::new(Sets { sets, turns, route: route.clone(), version, sessions })).clone()
    }
}

/// A worker's state for all Routes.
#[derive(Debug)]
pub(crate) struct RouteStates {
    by_name: RefCell<HashMap<ObjectName, Rc<RouteState>>>,
    /// The counters of requests that matched no Route.
    unrouted: Rc<RouteStats>,
    /// The last failed requests of all Routes, and of none.
    pub(super) failures: Rc<Failures>,
    /// Where each Route's sequence begins, so that workers do not move in lockstep.
    seed: u64,
    /// The generation of the table whose Routes were [retained](Self::retain) last, and how many had
    /// a state.
    retained: Cell<(u64, usize)>,
}

impl RouteStates {
    /// Without Routes yet.
    pub(crate) fn new(seed: u64) -> Self {
        let failures = Rc::<Failures>::default();
        let unrouted = Rc::new(RouteStats::new(None, failures.clone()));
        let (by_name, retained) = Default::default();
        Self { by_name, unrouted, failures, seed, retained }
    }

    /// The state of a Route, created on first use.
    pub(super) fn get(&self, name: &ObjectName) -> Rc<RouteState> {
        if let Some(known) = self.by_name.borrow().get(name) {
            return known.clone();
        }
        let fresh = Rc::new(RouteState {
            stats: Rc::new(RouteStats::new(Some(name.clone()), self.failures.clone())),
            backends: Sequence::of_backends(self.seed),
            sets: RefCell::default(),
            retries: OnceCell::new(),
        });
        self.by_name.borrow_mut().insert(name.clone(), fresh.clone());
        fresh
    }

    /// The counters of requests that matched no Route.
    pub(super) fn unrouted(&self) -> &Rc<RouteStats> {
        &self.unrouted
    }

    /// Drops Routes that are no longer in the table.
    pub(crate) fn retain(&self, table: &Table) {
        if self.retained.get() == (table.generation, self.by_name.borrow().len()) {
            return;
        }
        let known: HashSet<&ObjectName> = table
            .hosts
            .iter()
            .flat_map(|host| host.routes.matches())
            .map(|matched| &matched.target.name)
            .collect();
        let mut by_name = self.by_name.borrow_mut();
        by_name.retain(|name, _| known.contains(name));
        self.retained.set((table.generation, by_name.len()));
    }

    /// All counters.
    pub(crate) fn stats(&self) -> Vec<Rc<RouteStats>> {
        let by_name = self.by_name.borrow();
        by_name.values().map(|state| &state.stats).chain([&self.unrouted]).cloned().collect()
    }
}
