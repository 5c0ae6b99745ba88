//! A Route's requests, as they are shown.

use portico_dataplane::serve::{Preflights, RouteTraffic};
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};

/// The requests of a Route. What is 0 or unknown is left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TrafficRow {
    /// Since the process started.
    requests: u64,
    #[serde(skip_serializing_if = "is_zero")]
    errors: u64,
    /// In the window.
    #[serde(skip_serializing_if = "Option::is_none")]
    per_second: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_share: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p50_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preflights: Option<PreflightsRow>,
    #[serde(skip_serializing_if = "is_zero")]
    avoided: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    saved_seconds: Option<f64>,
}

/// What became of preflights since the process started.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct PreflightsRow {
    #[serde(skip_serializing_if = "is_zero")]
    answered: u64,
    #[serde(skip_serializing_if = "is_zero")]
    forwarded: u64,
    /// By reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    denied: BTreeMap<&'static str, u64>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl TrafficRow {
    /// All that is known, and what came after `earlier`, which was `window` ago.
    pub(super) fn of(all: &RouteTraffic, earlier: Option<&RouteTraffic>, window: Duration) -> Self {
        let recent = earlier.map_or_else(|| all.clone(), |earlier| all.since(earlier));
        let per_second = recent.requests as f64 / window.as_secs_f64().max(1.0);
        let is_recent = recent.requests > 0;
        Self {
            requests: all.requests,
            errors: all.errors,
            per_second: is_recent.then(|| significant(per_second)),
            error_share: is_recent
                .then(|| significant(recent.errors as f64 / recent.requests as f64)),
            p50_seconds: recent.quantile(0.5).map(significant),
            p99_seconds: recent.quantile(0.99).map(significant),
            preflights: PreflightsRow::of(&all.preflights),
            avoided: all.avoided,
            saved_seconds: (all.saved > Duration::ZERO)
                .then(|| significant(all.saved.as_secs_f64())),
        }
    }
}

impl PreflightsRow {
    fn of(preflights: &Preflights) -> Option<Self> {
        let denied = [
            ("origin", preflights.denied_origin),
            ("method", preflights.denied_method),
            ("header", preflights.denied_header),
            ("malformed", preflights.denied_malformed),
        ];
        let row = Self {
            answered: preflights.answered,
            forwarded: preflights.forwarded,
            denied: denied.into_iter().filter(|(_, count)| *count > 0).collect(),
        };
        Some(row).filter(|row| *row != Self::default())
    }
}

/// Three significant digits: more would only be noise, and bytes.
pub(super) fn significant(number: f64) -> f64 {
    if number == 0.0 || !number.is_finite() {
        return 0.0;
    }
    let digits = 2 - number.abs().log10().floor() as i32;
    let written = format!("{number:.*}", usize::try_from(digits).unwrap_or(0));
    written.parse().unwrap_or(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (number, short) in [
            (0.0, 0.0),
            (f64::NAN, 0.0),
            (12_345.6, 12_346.0),
            (123.456, 123.0),
            (1.23456, 1.23),
            (0.001_234_5, 0.001_23),
            (0.999_9, 1.0),
        ] {
            assert_eq!(significant(number), short);
        }
    }

    #[test]
    fn what_is_not_there_takes_no_bytes() {
        let quiet = TrafficRow::of(&RouteTraffic::default(), None, Duration::from_secs(10));
        assert_eq!(serde_json::to_value(quiet).ok(), Some(serde_json::json!({"requests": 0})));
    }
}
