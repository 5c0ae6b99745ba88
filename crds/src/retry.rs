//! What is tried again, and how much an endpoint takes.

use crate::{Duration, pattern, validations};
use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which failed requests are sent again, to another endpoint where there is one. A request goes out
/// again only if nothing of it was sent, or its method is idempotent (RFC 9110 §9.2.2) and its body
/// is empty or at most 64 KiB.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(
    transform = validations::on_unquoted,
    extend("x-kubernetes-validations" = retry_validations())
)]
pub struct Retry {
    /// `true`: nothing is tried again. No other field may be set with it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// How many tries there may be after the first. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 5))]
    pub attempts: Option<i32>,
    /// What is tried again: `ConnectFailure`; `Reset`, when the connection ends before the
    /// response's head; `PerTryTimeout`; and status codes, `"429"` and 5xx, in quotes. In YAML, put
    /// the key in quotes too (otherwise kubectl and Helm turn it into `true`, which is accepted
    /// too). Default: `[ConnectFailure, Reset]`.
    #[serde(alias = "true", skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = 16),
        inner(length(min = 1, max = 16), regex(pattern = pattern::RETRY_ON))
    )]
    pub on: Option<Vec<String>>,
    /// How long one try may take until the response's head; `0s` means no limit but
    /// `timeouts.request`. Default: `0s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_try: Option<Duration>,
    /// The percentage of the requests of the last 10 seconds that may be retries; 3 a second are
    /// always allowed. Default: 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub budget: Option<i32>,
    /// How long to wait before the next try; doubles with each try, with jitter, up to 10 times as
    /// much. Default: `25ms`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = validations::between("backoff", "0s", "1m")))]
    pub backoff: Option<Duration>,
}

fn retry_validations() -> [Rule; 2] {
    [
        validations::alone(&["attempts", "on", "__true__", "perTry", "budget", "backoff"]),
        Rule::new("!has(self.on) || !has(self.__true__)").message("set on only once"),
    ]
}

/// Bounds for each endpoint, in each replica of Portico.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [
    validations::alone(&["connections", "requests", "queue", "queueTime"]),
]))]
pub struct EndpointLimits {
    /// `true` switches off what the FrontDoor's `defaults` set. No other field may be set with it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// The most HTTP/1.1 connections to an endpoint; further requests wait for one. Default: 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections: Option<i32>,
    /// The most requests in flight at an endpoint, which is then full. Default: 1024.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub requests: Option<i32>,
    /// How many requests may wait while all endpoints are full; further ones get 503. Default: 128.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100_000))]
    pub queue: Option<i32>,
    /// How long they wait, `1ms` to `1h`; then they get 503. `queue: 0` lets none wait. Default: `1s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = validations::between("queueTime", "1ms", "1h")))]
    pub queue_time: Option<Duration>,
}
