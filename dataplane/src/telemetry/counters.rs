//! The counters of one worker, by Route.

use super::{
    cors::{CorsCounts, CorsStats},
    histogram::Histogram,
};
use crate::{
    cors::Verdict,
    table::{ObjectName, Table},
};
use hashbrown::HashMap;
use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    rc::Rc,
    time::Duration,
};

/// A count by status code and reason; the reason is empty for a backend's own answer.
pub(crate) type Outcomes = Vec<((u16, &'static str), u64)>;

/// The counters of one worker.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    routes: RefCell<HashMap<ObjectName, Rc<RouteStats>>>,
    /// Requests that met no Route.
    pub(crate) unrouted: Rc<RouteStats>,
}

/// The counters of one Route on one worker.
#[derive(Debug, Default)]
pub(crate) struct RouteStats {
    /// The Route; `None` where there was none.
    pub(crate) name: Option<ObjectName>,
    /// What is counted of CORS.
    pub(crate) cors: CorsStats,
    outcomes: RefCell<Outcomes>,
    durations: RefCell<Histogram>,
    turn: Cell<u64>,
}

impl RouteStats {
    pub(super) fn count(
        &self,
        status: u16,
        reason: &'static str,
        cors: Option<Verdict>,
        duration: Duration,
    ) {
        let mut outcomes = self.outcomes.borrow_mut();
        match outcomes.iter_mut().find(|(outcome, _)| *outcome == (status, reason)) {
            Some((_, count)) => *count += 1,
            None => outcomes.push(((status, reason), 1)),
        }
        self.durations.borrow_mut().observe(duration);
        if let Some(verdict) = cors {
            self.cors.count(verdict);
        }
    }

    /// The next point at which backends are picked: steps of the golden ratio, so that any run of
    /// requests is spread over the weights as evenly as can be.
    pub(crate) fn next_point(&self) -> u64 {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let point = self.turn.get().wrapping_add(GOLDEN);
        self.turn.set(point);
        point
    }
}

impl Stats {
    /// The counters of a Route; `seed` is where its picks begin.
    pub(crate) fn route(&self, name: &ObjectName, seed: u64) -> Rc<RouteStats> {
        if let Some(known) = self.routes.borrow().get(name) {
            return known.clone();
        }
        let fresh =
            RouteStats { name: Some(name.clone()), turn: Cell::new(seed), ..RouteStats::default() };
        let fresh = Rc::new(fresh);
        self.routes.borrow_mut().insert(name.clone(), fresh.clone());
        fresh
    }

    /// Forgets Routes that are in the table no longer.
    pub(crate) fn retain(&self, table: &Table) {
        let known: HashSet<&ObjectName> = table
            .hosts
            .iter()
            .flat_map(|host| host.routes.matches())
            .map(|matched| &matched.target.name)
            .collect();
        self.routes.borrow_mut().retain(|name, _| known.contains(name));
    }

    /// What has been counted so far.
    pub(crate) fn snapshot(&self, upstream: UpstreamCounts, connections: usize) -> Snapshot {
        let routes = self.routes.borrow();
        let routes = routes.values().chain([&self.unrouted]).map(|route| RouteSnapshot {
            name: route.name.clone(),
            outcomes: route.outcomes.borrow().clone(),
            durations: route.durations.borrow().clone(),
            cors: route.cors.counts(),
        });
        Snapshot { routes: routes.collect(), upstream, connections }
    }
}

/// What one worker has counted.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(super) routes: Vec<RouteSnapshot>,
    pub(super) upstream: UpstreamCounts,
    pub(super) connections: usize,
}

#[derive(Debug)]
pub(super) struct RouteSnapshot {
    pub(super) name: Option<ObjectName>,
    pub(super) outcomes: Outcomes,
    pub(super) durations: Histogram,
    pub(super) cors: CorsCounts,
}

/// Counts of tries and connections.
#[derive(Debug, Default)]
pub(crate) struct UpstreamStats {
    counts: Cell<UpstreamCounts>,
}

/// Counts of tries and connections.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct UpstreamCounts {
    pub(crate) connected: u64,
    pub(crate) failed: u64,
    pub(crate) reused: u64,
    pub(crate) retried: u64,
    pub(crate) idle: u64,
}

impl UpstreamStats {
    fn update(&self, change: impl FnOnce(&mut UpstreamCounts)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }

    /// A connection was tried.
    pub(crate) fn connected(&self, well: bool) {
        self.update(|counts| *if well { &mut counts.connected } else { &mut counts.failed } += 1);
    }

    /// A request went over a connection from the pool.
    pub(crate) fn reused(&self) {
        self.update(|counts| counts.reused += 1);
    }

    /// A request was sent again.
    pub(crate) fn retried(&self) {
        self.update(|counts| counts.retried += 1);
    }

    /// All of them, with the number of idle connections.
    pub(crate) fn counts(&self, idle: usize) -> UpstreamCounts {
        UpstreamCounts { idle: idle as u64, ..self.counts.get() }
    }
}
