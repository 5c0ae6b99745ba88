//! The report as JSON: what programs read, and what a later report is compared with.

use super::{
    Figures, Report,
    comparison::{Comparison, Pair, Rates},
};
use k8s_openapi::jiff::Timestamp;
use serde::Serialize;

/// The report, with what follows from it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'r> {
    from: Timestamp,
    to: Timestamp,
    source: super::Source,
    #[serde(skip_serializing_if = "super::is_zero")]
    unknown_routes: usize,
    total: Row<'r>,
    routes: Vec<Row<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<ShownComparison<'r>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'r> {
    #[serde(flatten)]
    figures: &'r Figures,
    #[serde(skip_serializing_if = "Option::is_none")]
    share: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_share: Option<f64>,
    calls: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    avoided_share: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    saved_seconds_per_call: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_per_call: Option<f64>,
}

#[derive(Serialize)]
struct ShownComparison<'r> {
    from: Timestamp,
    to: Timestamp,
    total: ShownPair<'r>,
    routes: Vec<ShownPair<'r>>,
}

#[derive(Serialize)]
struct ShownPair<'r> {
    #[serde(skip_serializing_if = "str::is_empty")]
    route: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'r Rates>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<&'r Rates>,
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<Rates>,
}

impl<'r> Row<'r> {
    fn of(figures: &'r Figures, total: &Figures) -> Self {
        Self {
            figures,
            share: figures.share(total),
            error_share: figures.error_share(),
            calls: figures.calls(),
            avoided_share: figures.avoided_share(),
            saved_seconds_per_call: figures.saved_per_call(),
            seconds_per_call: figures.seconds_per_call(),
        }
    }
}

impl<'r> ShownPair<'r> {
    fn of(pair: &'r Pair<'r>) -> Self {
        let (before, after) = (pair.before.as_ref(), pair.after.as_ref());
        Self { route: pair.route, before, after, difference: pair.difference() }
    }
}

/// Renders a report, on several lines.
///
/// # Errors Never: there are only texts and numbers.
pub(crate) fn json(report: &Report, baseline: Option<&Report>) -> serde_json::Result<String> {
    let total = report.total();
    let comparison = baseline.map(|before| (before, Comparison::of(before, report)));
    let shown = Shown {
        from: report.from,
        to: report.to,
        source: report.source,
        unknown_routes: report.unknown_routes,
        total: Row::of(&total, &total),
        routes: report.routes.iter().map(|figures| Row::of(figures, &total)).collect(),
        comparison: comparison.as_ref().map(|(before, comparison)| ShownComparison {
            from: before.from,
            to: before.to,
            total: ShownPair::of(&comparison.total),
            routes: comparison.routes.iter().map(ShownPair::of).collect(),
        }),
    };
    let mut text = serde_json::to_string_pretty(&shown)?;
    text.push('\n');
    Ok(text)
}
