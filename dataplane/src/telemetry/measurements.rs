//! What is told of each Route's requests to those who measure: the main series of `/metrics`, as
//! numbers.

use super::{counters::Snapshot, merged::merged};
use crate::table::ObjectName;
use std::time::Duration;

/// The sums over all workers.
#[derive(Clone, Debug, Default)]
pub struct Measurements {
    /// Those of each Route that has had requests.
    pub routes: Vec<RouteMeasurements>,
    /// Open client connections.
    pub connections: u64,
}

/// The requests of a Route that have ended.
#[derive(Clone, Debug)]
pub struct RouteMeasurements {
    /// The Route; `None`: of requests that matched none.
    pub route: Option<ObjectName>,
    /// By outcome.
    pub outcomes: Vec<OutcomeCount>,
    /// How long they took.
    pub durations: Durations,
    /// Preflights that browsers did not send, because page and API share an origin.
    pub avoided: u64,
    /// The time that those would have taken.
    pub saved: Duration,
}

/// Requests with one outcome.
#[derive(Clone, Debug)]
pub struct OutcomeCount {
    /// The status code, or the class of one that is not registered, such as `2xx`.
    pub code: String,
    /// Why Portico responded itself; empty for a backend's response.
    pub reason: &'static str,
    /// How many there are.
    pub count: u64,
}

/// A histogram of durations.
#[derive(Clone, Debug)]
pub struct Durations {
    /// The upper bounds of all buckets but the last, which has none, in seconds.
    pub bounds: Vec<f64>,
    /// How many durations are in each bucket.
    pub counts: Vec<u64>,
    /// The sum of all durations.
    pub sum: Duration,
}

/// The sums over all workers.
pub(crate) fn measurements(snapshots: &[Snapshot]) -> Measurements {
    let open: usize = snapshots.iter().map(|snapshot| snapshot.connections.open).sum();
    let routes = merged(snapshots).into_iter().filter(|(_, merged)| !merged.outcomes.is_empty());
    let routes = routes.map(|(route, merged)| {
        let outcomes = merged.outcomes.iter().map(|((code, reason), count)| {
            let code = code.to_string();
            OutcomeCount { code, reason, count: *count }
        });
        let (mut below, mut bounds, mut counts) = (0, Vec::new(), Vec::new());
        for (bound, up_to) in merged.durations.cumulative() {
            bounds.extend(Some(bound).filter(|bound| bound.is_finite()));
            counts.push(up_to - below);
            below = up_to;
        }
        RouteMeasurements {
            route: route.cloned(),
            outcomes: outcomes.collect(),
            durations: Durations { bounds, counts, sum: merged.durations.sum() },
            avoided: merged.cors.avoided,
            saved: merged.cors.saved,
        }
    });
    Measurements { routes: routes.collect(), connections: open as u64 }
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::telemetry::{ConnectionCounts, HandshakeCounts, RouteStats, UpstreamStats};
    use std::{collections::BTreeMap, rc::Rc};

    #[test]
    fn buckets_are_counted_apart_and_workers_together() {
        let worker = |open| {
            let connections = ConnectionCounts { open, ..ConnectionCounts::default() };
            let upstream = UpstreamStats::default().snapshot(0);
            Snapshot::of(BTreeMap::new(), upstream, connections, HandshakeCounts::default())
        };
        let (mut one, mut other) = (worker(2), worker(3));
        let route = || {
            let name = ObjectName::new("web", "sales");
            Rc::new(RouteStats::new(Some(name), Rc::default()))
        };
        let (busy, unused) = (route(), Rc::new(RouteStats::new(None, Rc::default())));
        for millis in [1, 1, 3, 90_000] {
            busy.count(200, "", None, Duration::from_millis(millis));
        }
        one.add(&[busy, unused]);
        let elsewhere = route();
        elsewhere.count(599, "", None, Duration::from_millis(1));
        other.add(&[elsewhere]);
        let all = measurements(&[one, other]);
        assert_eq!(all.connections, 5);
        let [only] = &all.routes[..] else { panic!("{all:?}") };
        let outcomes = only.outcomes.iter().map(|it| (&*it.code, it.reason, it.count));
        assert_eq!(outcomes.collect::<Vec<_>>(), [("200", "", 4), ("5xx", "", 1)]);
        let Durations { bounds, counts, sum } = &only.durations;
        assert_eq!((bounds.len() + 1, counts.len()), (counts.len(), 17));
        assert_eq!((bounds[1], counts[1], bounds[3], counts[3]), (0.001, 3, 0.005, 1));
        assert_eq!((counts.last(), counts.iter().sum::<u64>()), (Some(&1), 5));
        assert_eq!(*sum, Duration::from_millis(90_006));
    }
}
