//! How a Route chooses among its backends and their endpoints: what takes an endpoint out, what is
//! preferred, what is tried again.

use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Serialize, Serializer};
use std::{num::NonZeroU32, ops::RangeInclusive, sync::Arc, time::Duration};

/// How a Route chooses among its backends and their endpoints. The default is what a Route without
/// any of these blocks gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Selection {
    /// Active checks; `None`: there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Arc<HealthCheck>>,
    /// What takes an endpoint out by the requests that it fails.
    pub ejection: Ejection,
    /// What is preferred among the available.
    pub balance: Balance,
    /// The cookie that keeps a client with its endpoint; `None`: there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
    /// Which failures are tried again.
    pub retry: Retry,
    /// Bounds for each endpoint; `None`: there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<EndpointLimits>,
}

/// `health`: a request that is sent to each endpoint again and again. Endpoints with equal blocks
/// are checked once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// The path, and possibly a query, as it is sent.
    pub path: String,
    /// The method.
    pub method: CheckMethod,
    /// The Host; `None`: what requests get, which with `host: Preserve` is the backend's own.
    #[serde(serialize_with = "optional_value", skip_serializing_if = "Option::is_none")]
    pub host: Option<HeaderValue>,
    /// From the start of one check to that of the next, ±10 % at random.
    pub interval: Duration,
    /// How long a check may take until the response's head.
    pub timeout: Duration,
    /// After so many successes in a row an endpoint is healthy.
    pub healthy_after: NonZeroU32,
    /// After so many failures in a row it is not.
    pub unhealthy_after: NonZeroU32,
    /// The status codes that are a success.
    pub expect: Vec<RangeInclusive<u16>>,
}

impl HealthCheck {
    /// Whether a response with this status is a success.
    pub fn expects(&self, status: StatusCode) -> bool {
        self.expect.iter().any(|range| range.contains(&status.as_u16()))
    }
}

/// The method of health checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum CheckMethod {
    /// GET.
    Get,
    /// HEAD.
    Head,
}

/// `ejection`: an endpoint that fails so many requests in a row gets none for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ejection {
    /// Failures in a row (5xx of the backend, connect failures, resets, timeouts); 0: never.
    pub errors: u32,
    /// How long it is out the first time; doubles with each ejection.
    pub time: Duration,
    /// The longest such time.
    pub max_time: Duration,
    /// How many percent of a backend's endpoints may be out at once, rounded down, but one of
    /// several may always be; one of one never is.
    pub max_share: u8,
}

impl Default for Ejection {
    /// The documented defaults: 5 errors, 30 s, 5 min, 50 %.
    fn default() -> Self {
        Self {
            errors: 5,
            time: Duration::from_secs(30),
            max_time: Duration::from_secs(300),
            max_share: 50,
        }
    }
}

/// `balance`: what is preferred among the available.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Balance {
    /// How an endpoint of the backend is chosen.
    pub policy: Policy,
    /// Backends that are slower than the fastest by more than this get no requests; `None`: latency
    /// decides nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_band: Option<Duration>,
    /// How long an endpoint that is new, or comes back, takes to reach its full share.
    pub slow_start: Duration,
}

/// How an endpoint of a backend is chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Policy {
    /// The one of two drawn at random that has fewer requests in flight.
    #[default]
    LeastRequest,
    /// In turn.
    RoundRobin,
    /// The same for the same value; where there is no value, as `LeastRequest`.
    Hash(HashOn),
}

/// What is hashed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum HashOn {
    /// The value of a header.
    Header(#[serde(serialize_with = "name")] HeaderName),
    /// The value of a cookie.
    Cookie(String),
    /// The client's address, as a trusted proxy reports it.
    ClientAddress,
}

/// `affinity`: a cookie keeps a client with its endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Affinity {
    /// The cookie's name.
    pub cookie: String,
    /// Its `Max-Age`; `None`: a session cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Duration>,
}

/// `retry`: which failures are tried again, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// How many tries there may be beside the first.
    pub attempts: u32,
    /// What is tried again.
    pub on: RetryOn,
    /// How long one try may take until the response's head; `None`: as long as the request may.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_try: Option<Duration>,
    /// How many percent of the requests of the last 10 s may be retries; 3 a second always may.
    pub budget: u8,
    /// How long to wait before the second retry at least; doubles, with jitter, up to 10 times as
    /// much.
    pub backoff: Duration,
}

impl Retry {
    /// No retries: `{disabled: true}`.
    pub fn disabled() -> Self {
        Self { attempts: 0, ..Self::default() }
    }
}

impl Default for Retry {
    /// The documented defaults: one more try after a failure to connect or a reset; 20 %; 25 ms.
    fn default() -> Self {
        Self {
            attempts: 1,
            on: RetryOn::default(),
            per_try: None,
            budget: 20,
            backoff: Duration::from_millis(25),
        }
    }
}

/// The failures that are tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RetryOn {
    /// No connection: refused, unreachable, timed out, or a failed TLS handshake.
    pub connect_failure: bool,
    /// The connection ended before the response's head.
    pub reset: bool,
    /// `perTry` was exceeded.
    pub per_try_timeout: bool,
    /// Status codes: 429 and 5xx.
    pub statuses: Vec<u16>,
}

impl Default for RetryOn {
    fn default() -> Self {
        Self { connect_failure: true, reset: true, per_try_timeout: false, statuses: Vec::new() }
    }
}

/// `limits`: bounds for each endpoint, in each replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointLimits {
    /// HTTP/1.1 connections; requests beyond wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<NonZeroU32>,
    /// Requests in flight; an endpoint with so many is full.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<NonZeroU32>,
    /// How many requests wait for an endpoint of a backend while all are full.
    pub queue: u32,
    /// How long they wait.
    pub queue_time: Duration,
}

fn optional_value<S: Serializer>(
    value: &Option<HeaderValue>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(&String::from_utf8_lossy(value.as_bytes())),
        None => serializer.serialize_none(),
    }
}

fn name<S: Serializer>(name: &HeaderName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name.as_str())
}
