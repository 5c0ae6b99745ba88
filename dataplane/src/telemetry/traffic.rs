//! What operators are shown of each Route's requests: a selection of the same counters that
//! `/metrics` has.

use super::{
    counters::Snapshot,
    histogram::Histogram,
    merged::{Merged, merged},
    status::StatusLabel,
};
use crate::{
    cors::{Denial, Outcome, Verdict},
    table::ObjectName,
};
use std::{collections::BTreeMap, time::Duration};

/// The requests of all Routes since each was first asked for; `None`: those that matched no Route.
pub type Traffic = BTreeMap<Option<ObjectName>, RouteTraffic>;

/// The requests of a Route, over all workers.
#[derive(Clone, Debug, Default)]
pub struct RouteTraffic {
    /// Requests that have ended.
    pub requests: u64,
    /// Those that got a 5xx, from a backend or from Portico.
    pub errors: u64,
    /// Preflights.
    pub preflights: Preflights,
    /// Preflights that browsers did not send, because page and API share an origin.
    pub avoided: u64,
    /// The time that those would have taken.
    pub saved: Duration,
    durations: Histogram,
}

/// The preflights of a Route, by what became of them. Policies that only report do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preflights {
    /// Allowed at the edge.
    pub answered: u64,
    /// Left to the backend.
    pub forwarded: u64,
    /// Denied because of the page's origin.
    pub denied_origin: u64,
    /// Denied because of the method that they request.
    pub denied_method: u64,
    /// Denied because of a header that they request.
    pub denied_header: u64,
    /// Denied because they are malformed.
    pub denied_malformed: u64,
}

impl Preflights {
    /// All that were denied.
    pub fn denied(&self) -> u64 {
        self.denied_origin + self.denied_method + self.denied_header + self.denied_malformed
    }

    fn count(&mut self, verdict: Verdict, count: u64) {
        if verdict.report_only {
            return;
        }
        let field = match verdict.outcome {
            Outcome::PreflightAllowed => &mut self.answered,
            Outcome::PreflightForwarded => &mut self.forwarded,
            Outcome::PreflightDenied(Denial::Origin) => &mut self.denied_origin,
            Outcome::PreflightDenied(Denial::Method) => &mut self.denied_method,
            Outcome::PreflightDenied(Denial::Header) => &mut self.denied_header,
            Outcome::PreflightDenied(Denial::Malformed) => &mut self.denied_malformed,
            Outcome::Allowed | Outcome::Disallowed | Outcome::Rejected => return,
        };
        *field += count;
    }
}

impl RouteTraffic {
    fn of(merged: &Merged) -> Self {
        let is_error = |label: &StatusLabel| match label {
            StatusLabel::Code(code) => code / 100 == 5,
            StatusLabel::Class(class) => *class == 5,
        };
        let errors = merged.outcomes.iter().filter(|((label, _), _)| is_error(label));
        let mut preflights = Preflights::default();
        for (verdict, count) in &merged.cors.verdict {
            preflights.count(*verdict, *count);
        }
        Self {
            requests: merged.outcomes.values().sum(),
            errors: errors.map(|(_, count)| count).sum(),
            preflights,
            avoided: merged.cors.avoided,
            saved: merged.cors.saved,
            durations: merged.durations.clone(),
        }
    }

    /// The requests, errors and durations since `earlier`, which is of the same Route; all of them
    /// if it was forgotten meanwhile. The rest stays as it is.
    pub fn since(&self, earlier: &Self) -> Self {
        if earlier.requests > self.requests {
            return self.clone();
        }
        Self {
            requests: self.requests - earlier.requests,
            errors: self.errors.saturating_sub(earlier.errors),
            durations: self.durations.since(&earlier.durations),
            ..self.clone()
        }
    }

    /// How long all requests took together, since the beginning of the window.
    pub fn response_time(&self) -> Duration {
        self.durations.sum()
    }

    /// Below how many seconds this share of the durations is: an estimate from a histogram. `None`
    /// without requests.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        self.durations.quantile(share)
    }
}

/// The sums over all workers.
pub(crate) fn traffic(snapshots: &[Snapshot]) -> Traffic {
    let routes = merged(snapshots).into_iter();
    routes.map(|(name, merged)| (name.cloned(), RouteTraffic::of(&merged))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{ConnectionCounts, HandshakeCounts, RouteStats, UpstreamStats};
    use std::rc::Rc;

    fn route(name: &ObjectName) -> RouteStats {
        RouteStats::new(Some(name.clone()), Rc::default())
    }

    fn snapshot(routes: &[Rc<RouteStats>]) -> Snapshot {
        let (rules, connections) = (BTreeMap::new(), ConnectionCounts::default());
        let upstream = UpstreamStats::default().snapshot(0);
        let mut snapshot = Snapshot::of(rules, upstream, connections, HandshakeCounts::default());
        snapshot.add(routes);
        snapshot
    }

    #[test]
    fn workers_add_up_by_route() {
        let name = ObjectName::new("web", "sales");
        let verdict = |outcome| Some(Verdict { outcome, report_only: false });
        let ms = Duration::from_millis;
        let (one, other) = (Rc::new(route(&name)), route(&name));
        one.count(200, "", None, ms(3));
        one.count(204, "", verdict(Outcome::PreflightAllowed), ms(1));
        one.count(504, "BackendTimeout", None, ms(900));
        other.count(599, "", None, ms(4));
        other.count(404, "", None, ms(4));
        other.count(403, "CorsMethod", verdict(Outcome::PreflightDenied(Denial::Method)), ms(1));
        let reported =
            Verdict { outcome: Outcome::PreflightDenied(Denial::Origin), report_only: true };
        other.count(200, "", Some(reported), ms(1));
        other.cors.avoided();
        other.cors.saved(ms(20));
        let unrouted = Rc::new(RouteStats::default());
        unrouted.count(404, "NoRoute", None, ms(1));

        let all = traffic(&[snapshot(&[one, unrouted]), snapshot(&[Rc::new(other)])]);
        let sales = &all[&Some(name)];
        assert_eq!((sales.requests, sales.errors), (7, 2));
        let preflights = Preflights { answered: 1, denied_method: 1, ..Preflights::default() };
        assert_eq!(sales.preflights, preflights);
        assert_eq!(sales.preflights.denied(), 1);
        assert_eq!((sales.avoided, sales.saved), (1, ms(20)));
        assert!(sales.quantile(0.99).is_some_and(|seconds| seconds > 0.5));
        assert_eq!(all[&None].requests, 1);
    }

    #[test]
    fn a_window_has_what_came_in_it() {
        let stats = Rc::new(route(&ObjectName::new("web", "sales")));
        let now = || traffic(&[snapshot(std::slice::from_ref(&stats))]).pop_first();
        stats.count(503, "NoEndpoint", None, Duration::from_secs(2));
        let earlier = now().map(|(_, traffic)| traffic).unwrap_or_default();
        stats.count(200, "", None, Duration::from_millis(3));
        let later = now().map(|(_, traffic)| traffic).unwrap_or_default();
        let window = later.since(&earlier);
        assert_eq!((window.requests, window.errors), (1, 0));
        assert!(window.quantile(0.99).is_some_and(|seconds| seconds < 0.01));
        assert_eq!(window.response_time(), Duration::from_millis(3));
        // A Route that was deleted and created again starts over.
        assert_eq!(earlier.since(&later).requests, 1);
    }
}
