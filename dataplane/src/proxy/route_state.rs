//! A worker's state for each Route beyond the table, kept when the table changes.

use crate::{
    balance::Sequence,
    table::{ObjectName, Table},
    telemetry::RouteStats,
};
use hashbrown::HashMap;
use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    rc::Rc,
};

/// A worker's state for one Route.
#[derive(Debug)]
pub(crate) struct RouteState {
    /// Its counters.
    pub(crate) stats: Rc<RouteStats>,
    /// Picks the backend for the next request.
    pub(super) backends: Sequence,
}

/// A worker's state for all Routes.
#[derive(Debug)]
pub(crate) struct RouteStates {
    by_name: RefCell<HashMap<ObjectName, Rc<RouteState>>>,
    /// The counters of requests that matched no Route.
    unrouted: Rc<RouteStats>,
    /// Where each Route's sequence begins, so that workers do not move in lockstep.
    seed: u64,
    /// The generation of the table whose Routes were [retained](Self::retain) last, and how many had
    /// a state.
    retained: Cell<(u64, usize)>,
}

impl RouteStates {
    /// Without Routes yet.
    pub(crate) fn new(seed: u64) -> Self {
        let (by_name, unrouted, retained) = Default::default();
        Self { by_name, unrouted, seed, retained }
    }

    /// The state of a Route, created on first use.
    pub(super) fn get(&self, name: &ObjectName) -> Rc<RouteState> {
        if let Some(known) = self.by_name.borrow().get(name) {
            return known.clone();
        }
        let fresh = Rc::new(RouteState {
            stats: Rc::new(RouteStats::of(name.clone())),
            backends: Sequence::of_backends(self.seed),
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
