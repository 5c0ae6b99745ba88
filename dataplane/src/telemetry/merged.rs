//! The counters of a Route, over all workers.

use super::{
    cors::CorsCounts,
    counters::{RetryReason, RouteSnapshot, Snapshot},
    histogram::Histogram,
    isolation::IsolationChanges,
    status::StatusLabel,
};
use crate::table::ObjectName;
use std::collections::BTreeMap;

/// The sums of all workers for one Route.
#[derive(Default)]
pub(super) struct Merged {
    pub(super) outcomes: BTreeMap<(StatusLabel, &'static str), u64>,
    pub(super) durations: Histogram,
    pub(super) cors: CorsCounts,
    pub(super) retries: BTreeMap<RetryReason, u64>,
    pub(super) suppressed: u64,
    pub(super) panics: u64,
    pub(super) isolation: IsolationChanges,
}

impl Merged {
    fn merge(&mut self, route: &RouteSnapshot) {
        for (outcome, count) in &route.outcomes {
            *self.outcomes.entry(*outcome).or_default() += count;
        }
        for (reason, count) in &route.retries {
            *self.retries.entry(*reason).or_default() += count;
        }
        self.suppressed += route.suppressed;
        self.panics += route.panics;
        self.isolation.merge(&route.isolation);
        self.durations.merge(&route.durations);
        self.cors.merge(&route.cors);
    }
}

/// The sums by Route; `None`: of requests that matched none.
pub(super) fn merged(snapshots: &[Snapshot]) -> BTreeMap<Option<&ObjectName>, Merged> {
    let mut routes: BTreeMap<_, Merged> = BTreeMap::new();
    for route in snapshots.iter().flat_map(|one| &one.routes) {
        routes.entry(route.name.as_ref()).or_default().merge(route);
    }
    routes
}
