//! What operators see of backends and their endpoints: `/debug/backends` and metrics.

use super::{backends::BackendSet, state::Member};
use crate::table::{ObjectName, Protocol};
use serde::{Serialize, Serializer};
use std::{
    net::SocketAddr,
    time::{Duration, Instant, SystemTime},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A backend, as `/debug/backends` shows it. Backends that differ only in the Routes that name them
/// are one; under each `health` block it is another one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownBackend {
    /// Its name, as in logs and metrics.
    pub name: String,
    /// The Routes that name it, under this `health` block.
    pub routes: Vec<ObjectName>,
    /// `http`, `h2c` or `https`.
    pub protocol: &'static str,
    /// The path of its active checks; `None`: there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_path: Option<String>,
    /// The median of its available endpoints' moving averages, in seconds; `None`: never measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_seconds: Option<f64>,
    /// How many ejections its requests have led to.
    pub ejections: u64,
    /// Since when the name of an external backend does not resolve, whose last addresses are the
    /// endpoints, if there are any.
    #[serde(serialize_with = "optional_rfc3339", skip_serializing_if = "Option::is_none")]
    pub unresolved_since: Option<SystemTime>,
    /// Its endpoints.
    pub endpoints: Vec<ShownEndpoint>,
}

/// An endpoint, as `/debug/backends` shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownEndpoint {
    /// What is dialled.
    pub address: SocketAddr,
    /// Whether it gets requests.
    pub state: State,
    /// Why it does not, if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when it is in this state.
    #[serde(serialize_with = "rfc3339")]
    pub since: SystemTime,
    /// The moving average of its latency, in seconds; `None`: never measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_seconds: Option<f64>,
    /// Requests in flight.
    pub in_flight: u32,
    /// How often it was ejected.
    pub ejections: u64,
}

/// Whether an endpoint gets requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// It does.
    Healthy,
    /// It does where its backend has no other: it has not accepted connections.
    BackingOff,
    /// It does not: active checks have failed.
    Unhealthy,
    /// It does not: it has failed too many requests in a row.
    Ejected,
}

impl State {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Healthy, Self::BackingOff, Self::Unhealthy, Self::Ejected];

    /// The value of the label `state`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::BackingOff => "backingOff",
            Self::Unhealthy => "unhealthy",
            Self::Ejected => "ejected",
        }
    }
}

/// The clock's time and that of the calendar, taken together.
#[derive(Clone, Copy)]
pub(super) struct Now(pub(super) Instant, pub(super) SystemTime);

impl Now {
    fn calendar(self, at: Instant) -> SystemTime {
        let ago = self.0.saturating_duration_since(at);
        self.1.checked_sub(ago).unwrap_or(self.1)
    }
}

impl BackendSet {
    pub(super) fn shown(
        &self,
        routes: Vec<ObjectName>,
        unresolved_since: Option<Instant>,
        now: Now,
    ) -> ShownBackend {
        let endpoints: Vec<_> = self.members.iter().map(|member| member.shown(now)).collect();
        let gets_requests = |state| matches!(state, State::Healthy | State::BackingOff);
        let available = endpoints.iter().filter(|endpoint| gets_requests(endpoint.state));
        let mut latencies: Vec<_> = available.filter_map(|one| one.latency_seconds).collect();
        latencies.sort_unstable_by(f64::total_cmp);
        let middle = latencies.len().checked_sub(1).map(|last| last / 2);
        ShownBackend {
            name: self.key.backend.clone(),
            routes,
            protocol: match self.key.protocol {
                Protocol::Http1 => "http",
                Protocol::H2c => "h2c",
                Protocol::Https(_) => "https",
            },
            health_path: self.key.health.as_ref().map(|block| block.path.clone()),
            latency_seconds: middle.and_then(|middle| latencies.get(middle).copied()),
            ejections: self.ejections(),
            unresolved_since: unresolved_since.map(|since| now.calendar(since)),
            endpoints,
        }
    }
}

impl Member {
    fn shown(&self, now: Now) -> ShownEndpoint {
        let (state, reason, since) = self.state(now.0);
        let endpoint = &self.endpoint;
        ShownEndpoint {
            address: endpoint.address(),
            state,
            reason,
            since: now.calendar(since),
            latency_seconds: endpoint.latency().as_ref().map(Duration::as_secs_f64),
            in_flight: endpoint.in_flight(),
            ejections: endpoint.passive().count,
        }
    }

    /// Its state, why it is in it, and since when. One that is both is ejected.
    fn state(&self, now: Instant) -> (State, Option<String>, Instant) {
        let endpoint = &self.endpoint;
        if endpoint.is_ejected(now) {
            let passive = endpoint.passive();
            let why = passive.reason.map(|why| why.to_string());
            return (State::Ejected, why, passive.since.unwrap_or(now));
        }
        let checked = self.check.as_ref().map(|check| check.reason());
        if let Some((Some(why), since)) = checked {
            return (State::Unhealthy, Some(why.to_string()), since);
        }
        if let Some(failing) = endpoint.backoff.shown(now) {
            let why = match failing.failures {
                1 => "1 failure to connect".to_owned(),
                failures => format!("{failures} failures to connect"),
            };
            return (State::BackingOff, Some(why), failing.since);
        }
        let healthy = checked.map(|(_, since)| since);
        let since = endpoint.since().max(healthy.unwrap_or(endpoint.since()));
        (State::Healthy, None, since)
    }
}

fn optional_rfc3339<S: Serializer>(
    at: &Option<SystemTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => rfc3339(at, serializer),
        None => serializer.serialize_none(),
    }
}

fn rfc3339<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let at = OffsetDateTime::from(*at);
    let at = at.replace_millisecond(at.millisecond()).unwrap_or(at);
    serializer.serialize_str(&at.format(&Rfc3339).map_err(serde::ser::Error::custom)?)
}
