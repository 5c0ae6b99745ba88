//! The numbers of a Route, and what follows from them.

use crate::overview::Counts;
use portico_dataplane::table::ObjectName;
use serde::{Deserialize, Deserializer, Serialize, de::Error};
use std::cmp::Ordering;

/// What was counted of a Route, or of all of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Figures {
    /// The Route's namespace and name; empty: all of them.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) route: String,
    /// Requests that ended, preflights among them.
    pub(crate) requests: u64,
    /// Those that got a 5xx.
    pub(crate) errors: u64,
    /// Preflights that browsers still sent.
    pub(crate) preflights: Preflights,
    /// Preflights that they did not have to send.
    pub(crate) avoided: u64,
    /// The time that those would have taken.
    #[serde(deserialize_with = "seconds")]
    pub(crate) saved_seconds: f64,
    /// How long all requests took together.
    #[serde(deserialize_with = "seconds")]
    pub(crate) response_seconds: f64,
    /// How long half of the requests took at most.
    #[serde(default, deserialize_with = "some_seconds", skip_serializing_if = "Option::is_none")]
    pub(crate) p50_seconds: Option<f64>,
    /// How long 99% of them took at most.
    #[serde(default, deserialize_with = "some_seconds", skip_serializing_if = "Option::is_none")]
    pub(crate) p99_seconds: Option<f64>,
}

/// Preflights to which a CORS policy applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Preflights {
    /// Allowed at the edge.
    pub(crate) answered: u64,
    /// Left to the backend.
    pub(crate) forwarded: u64,
    /// Denied.
    pub(crate) denied: u64,
}

impl Preflights {
    pub(crate) fn all(self) -> u64 {
        self.answered.saturating_add(self.forwarded).saturating_add(self.denied)
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    let is_time = seconds.is_finite() && seconds >= 0.0;
    is_time.then_some(seconds).ok_or_else(|| D::Error::custom("a time can't be negative"))
}

fn some_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    seconds(deserializer).map(Some)
}

impl Figures {
    pub(super) fn of(route: &ObjectName, counts: &Counts) -> Self {
        let &Counts { requests, errors, answered, forwarded, denied, avoided, .. } = counts;
        Self {
            route: route.to_string(),
            requests,
            errors,
            preflights: Preflights { answered, forwarded, denied },
            avoided,
            saved_seconds: counts.saved.as_secs_f64(),
            response_seconds: counts.response_time.as_secs_f64(),
            p50_seconds: None,
            p99_seconds: None,
        }
    }

    /// Those first that saved most, then those that had most requests.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let saved = other.saved_seconds.total_cmp(&self.saved_seconds);
        saved
            .then(other.avoided.cmp(&self.avoided))
            .then(other.requests.cmp(&self.requests))
            .then_with(|| self.route.cmp(&other.route))
    }

    /// Requests that are not preflights.
    pub(crate) fn calls(&self) -> u64 {
        self.requests.saturating_sub(self.preflights.all())
    }

    /// The share of all of these requests.
    pub(super) fn share(&self, total: &Self) -> Option<f64> {
        ratio(self.requests as f64, total.requests)
    }

    /// The share of requests that got a 5xx.
    pub(super) fn error_share(&self) -> Option<f64> {
        ratio(self.errors as f64, self.requests)
    }

    /// The share of calls that would have needed a preflight on another origin, and did not.
    pub(super) fn avoided_share(&self) -> Option<f64> {
        // A call is counted as avoided when it begins, and as a request when it ends.
        ratio(self.avoided.min(self.calls()) as f64, self.calls())
    }

    /// The time saved by each call, on average.
    pub(super) fn saved_per_call(&self) -> Option<f64> {
        ratio(self.saved_seconds, self.calls())
    }

    /// How long a call takes on average, and the preflights that come before some.
    pub(super) fn seconds_per_call(&self) -> Option<f64> {
        ratio(self.response_seconds, self.calls())
    }

    /// How many preflights come with a thousand calls.
    pub(super) fn preflights_per_thousand_calls(&self) -> Option<f64> {
        ratio(1000.0 * self.preflights.all() as f64, self.calls())
    }

    /// Adds another's sums. What is no sum is unknown then.
    pub(super) fn add(&mut self, other: &Self) {
        let add = |mine: &mut u64, theirs| *mine = mine.saturating_add(theirs);
        add(&mut self.requests, other.requests);
        add(&mut self.errors, other.errors);
        add(&mut self.preflights.answered, other.preflights.answered);
        add(&mut self.preflights.forwarded, other.preflights.forwarded);
        add(&mut self.preflights.denied, other.preflights.denied);
        add(&mut self.avoided, other.avoided);
        self.saved_seconds += other.saved_seconds;
        self.response_seconds += other.response_seconds;
        (self.p50_seconds, self.p99_seconds) = (None, None);
    }
}

/// `None` of nothing.
fn ratio(part: f64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part / whole as f64)
}
