//! What became of spans, as a metric.

use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

/// What became of the spans of requests.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    /// The collector has taken them.
    Sent,
    /// Too many were waiting.
    Dropped,
    /// The collector did not take them.
    Failed,
}

/// How many requests' spans had each outcome.
#[derive(Debug)]
pub(in crate::process) struct Counts(Family<[(&'static str, &'static str); 1], Counter>);

impl Counts {
    /// All 0.
    pub(in crate::process) fn register(registry: &mut Registry) -> Self {
        let counts = Self(Family::default());
        let help = "Sampled requests, by what became of their spans";
        registry.register("portico_trace_requests", help, counts.0.clone());
        for outcome in [Outcome::Sent, Outcome::Dropped, Outcome::Failed] {
            counts.add(outcome, 0);
        }
        counts
    }

    pub(super) fn add(&self, outcome: Outcome, count: u64) {
        let result = match outcome {
            Outcome::Sent => "sent",
            Outcome::Dropped => "dropped",
            Outcome::Failed => "failed",
        };
        self.0.get_or_create(&[("result", result)]).inc_by(count);
    }
}
