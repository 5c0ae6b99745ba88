//! What the front door saved each Route, in some time: preflights avoided, and the time that they
//! would have taken. Pure: the numbers come from a process's counters, from another process as JSON,
//! or from Prometheus.

mod comparison;
mod figures;
mod html;
mod json;
mod text;
mod units;

pub(crate) use figures::Figures;
#[cfg(test)]
pub(crate) use figures::Preflights;
pub(crate) use html::{html, style_source};
pub(crate) use json::json;
pub(crate) use text::text;

use crate::overview::{Counts, Recent};
use k8s_openapi::jiff::Timestamp;
use portico_dataplane::serve::Traffic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The report. What follows from other numbers is not in it; [`json`] adds that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// When the time begins that it is about.
    pub(crate) from: Timestamp,
    /// When it ends.
    pub(crate) to: Timestamp,
    /// Where the numbers are from.
    pub(crate) source: Source,
    /// Of how many Routes nothing is known in this time.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) unknown_routes: usize,
    /// The Routes that had requests, those first that saved most.
    pub(crate) routes: Vec<Figures>,
}

/// Where a report's numbers are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    /// The counters of one process.
    Process,
    /// Prometheus, which has those of all replicas.
    Prometheus,
}

/// The same, without what would only be noise.
fn milliseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Report {
    /// Sorts the Routes.
    pub(crate) fn new(
        from: Timestamp,
        to: Timestamp,
        source: Source,
        routes: impl Iterator<Item = Figures>,
    ) -> Self {
        let mut routes: Vec<_> = routes.filter(|route| route.requests > 0).collect();
        routes.sort_by(Figures::order);
        let [from, to] = [from, to].map(milliseconds);
        Self { from, to, source, unknown_routes: 0, routes }
    }

    /// The report of a process on what its workers have counted since it started.
    pub(crate) fn since_start(from: Timestamp, to: Timestamp, traffic: &Traffic) -> Self {
        let routes = traffic.iter().filter_map(|(name, all)| {
            let quantile = |share| all.quantile(share);
            let mut figures = Figures::of(name.as_ref()?, &Counts::from(all));
            (figures.p50_seconds, figures.p99_seconds) = (quantile(0.5), quantile(0.99));
            Some(figures)
        });
        Self::new(from, to, Source::Process, routes)
    }

    /// The report of a process on what its workers have counted of late.
    pub(crate) fn recent(from: Timestamp, to: Timestamp, recent: &Recent) -> Self {
        let routes = recent.routes.iter().map(|(name, counts)| Figures::of(name, counts));
        let report = Self::new(from, to, Source::Process, routes);
        Self { unknown_routes: recent.unknown, ..report }
    }

    /// The sums of all Routes.
    pub(crate) fn total(&self) -> Figures {
        let mut total = Figures::default();
        self.routes.iter().for_each(|route| total.add(route));
        total
    }

    /// How long the time is that it is about, in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.to.duration_since(self.from).as_secs_f64()
    }

    /// Why the numbers can't be right, if they can't: the field, and what is wrong with it.
    pub(crate) fn mistake(&self) -> Option<(String, &'static str)> {
        if self.from >= self.to {
            return Some(("to".to_owned(), "it must be later than 'from'"));
        }
        let mut names = BTreeSet::new();
        let twice = |route: &Figures| !names.insert(route.route.clone());
        let twice = self.routes.iter().position(twice);
        twice.map(|place| (format!("routes[{place}].route"), "this Route is there twice: keep one"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
