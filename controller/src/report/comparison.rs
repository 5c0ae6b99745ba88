//! Before and after: a report beside an earlier one.

use super::{Figures, Report};
use serde::Serialize;
use std::collections::BTreeMap;

/// What two reports say of the same Routes.
#[derive(Debug)]
pub(super) struct Comparison<'r> {
    /// All Routes together.
    pub(super) total: Pair<'r>,
    /// The Routes of the later report in its order, then those of the earlier one alone.
    pub(super) routes: Vec<Pair<'r>>,
}

/// A Route in both, or in one of them.
#[derive(Debug)]
pub(super) struct Pair<'r> {
    /// Its name; empty: all Routes together.
    pub(super) route: &'r str,
    pub(super) before: Option<Rates>,
    pub(super) after: Option<Rates>,
}

/// Numbers that can be compared, however long the times are that they are from. Of a difference, the
/// later minus the earlier one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rates {
    pub(super) requests_per_second: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) preflights_per_thousand_calls: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seconds_per_call: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p50_seconds: Option<f64>,
}

impl Rates {
    fn of(figures: &Figures, seconds: f64) -> Self {
        Self {
            requests_per_second: figures.requests as f64 / seconds.max(0.001),
            preflights_per_thousand_calls: figures.preflights_per_thousand_calls(),
            seconds_per_call: figures.seconds_per_call(),
            p50_seconds: figures.p50_seconds,
        }
    }

    fn minus(&self, earlier: &Self) -> Self {
        let minus = |later: Option<f64>, earlier: Option<f64>| Some(later? - earlier?);
        Self {
            requests_per_second: self.requests_per_second - earlier.requests_per_second,
            preflights_per_thousand_calls: minus(
                self.preflights_per_thousand_calls,
                earlier.preflights_per_thousand_calls,
            ),
            seconds_per_call: minus(self.seconds_per_call, earlier.seconds_per_call),
            p50_seconds: minus(self.p50_seconds, earlier.p50_seconds),
        }
    }
}

impl Pair<'_> {
    /// The later minus the earlier, if there are both.
    pub(super) fn difference(&self) -> Option<Rates> {
        Some(self.after.as_ref()?.minus(self.before.as_ref()?))
    }
}

impl<'r> Comparison<'r> {
    pub(super) fn of(before: &'r Report, after: &'r Report) -> Self {
        let rates = |report: &Report, figures: &Figures| Rates::of(figures, report.seconds());
        let named = |figures: &'r Figures| (figures.route.as_str(), figures);
        let mut earlier: BTreeMap<_, _> = before.routes.iter().map(named).collect();
        let both = after.routes.iter().map(named).map(|(route, figures)| Pair {
            route,
            before: earlier.remove(route).map(|figures| rates(before, figures)),
            after: Some(rates(after, figures)),
        });
        let mut routes: Vec<_> = both.collect();
        routes.extend(earlier.into_iter().map(|(route, figures)| Pair {
            route,
            before: Some(rates(before, figures)),
            after: None,
        }));
        let total = Pair {
            route: "",
            before: Some(rates(before, &before.total())),
            after: Some(rates(after, &after.total())),
        };
        Self { total, routes }
    }
}
