//! What takes an endpoint out: active checks, and failed requests.

use crate::{Duration, pattern, validations};
use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Active checks: a request that is sent to each endpoint at regular intervals. An endpoint that
/// fails them gets no requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = health_validations()))]
pub struct HealthCheck {
    /// `true` switches off what the FrontDoor's `defaults` set. No other field may be set with it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// The path that is requested, possibly with a query, as it is sent: `/healthz`. Required.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = pattern::REQUEST_TARGET))]
    pub path: Option<String>,
    /// The method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<CheckMethod>,
    /// The Host header of the checks: a name or an address, and optionally a port. Default: the
    /// same as for requests; where that is the client's, the backend's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 259), regex(pattern = pattern::HOST_AND_PORT))]
    pub host: Option<String>,
    /// The time from one check of an endpoint to the next, `1s` to `1h`, varied by 10% at random.
    /// Default: `10s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = validations::between("interval", "1s", "1h")))]
    pub interval: Option<Duration>,
    /// How long the response's head may take; not longer than `interval`. Default: `2s`, or
    /// `interval` where that is shorter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = validations::between("timeout", "1ms", "1h")))]
    pub timeout: Option<Duration>,
    /// How many checks in a row must succeed before the endpoint is healthy again. Default: 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub healthy_after: Option<i32>,
    /// How many checks in a row must fail before the endpoint is unhealthy. Default: 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub unhealthy_after: Option<i32>,
    /// The status codes that count as success, each a code such as `"204"` or a range such as
    /// `"200-399"`, in quotes. A redirect is not followed. Default: `["200-399"]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 16),
        inner(length(min = 3, max = 7), regex(pattern = pattern::STATUS_RANGE)),
        transform = validations::each(validations::status_range())
    )]
    pub expect: Option<Vec<String>>,
}

fn health_validations() -> [Rule; 3] {
    [
        validations::alone(&[
            "path",
            "method",
            "host",
            "interval",
            "timeout",
            "healthyAfter",
            "unhealthyAfter",
            "expect",
        ]),
        Rule::new("(has(self.disabled) && self.disabled) || has(self.path)")
            .message("path is required: what the checks request, such as /healthz"),
        Rule::new("!has(self.timeout) || duration(self.timeout) <= (has(self.interval) ? duration(self.interval) : duration('10s'))")
            .message("timeout may not be longer than interval (by default 10s)")
            .field_path(".timeout"),
    ]
}

/// The method of the checks. Default: `GET`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum CheckMethod {
    /// GET.
    Get,
    /// HEAD.
    Head,
}

/// Passive checks: an endpoint that fails several requests in a row gets none for a while.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = ejection_validations()))]
pub struct Ejection {
    /// `true`: no endpoint is ejected. No other field may be set with it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// How many requests in a row must fail before the endpoint is ejected: 5xx responses from the
    /// backend, failures to connect, resets and timeouts. 0: it is never ejected. Default: 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub errors: Option<i32>,
    /// How long it is ejected the first time, `1ms` to `24h`; the time doubles with each ejection,
    /// and halves after each such time without one. Default: `30s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = validations::between("time", "1ms", "24h")))]
    pub time: Option<Duration>,
    /// The longest time that it is ejected, `time` to `24h`. Default: `5m`, or `time` where that is
    /// longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = validations::between("maxTime", "1ms", "24h")))]
    pub max_time: Option<Duration>,
    /// The percentage of a backend's endpoints that may be ejected at once, rounded down. One of
    /// several may always be, a sole one never. Default: 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub max_share: Option<i32>,
}

fn ejection_validations() -> [Rule; 2] {
    [
        validations::alone(&["errors", "time", "maxTime", "maxShare"]),
        Rule::new("!has(self.maxTime) || duration(self.maxTime) >= (has(self.time) ? duration(self.time) : duration('30s'))")
            .message("maxTime may not be shorter than time (by default 30s)")
            .field_path(".maxTime"),
    ]
}
