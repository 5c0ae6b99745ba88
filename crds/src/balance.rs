//! What is preferred among the available backends and endpoints.

use crate::{Duration, pattern, validations};
use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is preferred among the available backends and endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = balance_validations()))]
pub struct Balance {
    /// `true` restores the defaults that the FrontDoor's `defaults` replace. No other field may be
    /// set with it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// How an endpoint of the backend is chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<BalancePolicy>,
    /// What is hashed; required with `policy: Hash`, and not allowed without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<Hash>,
    /// Backends that are slower than the fastest by more than this get no requests. Default:
    /// latency is ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_band: Option<Duration>,
    /// How long an endpoint that is new, or comes back, takes to reach its full share of requests.
    /// Default: `0s`, at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_start: Option<Duration>,
}

fn balance_validations() -> [Rule; 2] {
    [
        validations::alone(&["policy", "hash", "latencyBand", "slowStart"]),
        Rule::new("(has(self.policy) && self.policy == 'Hash') == has(self.hash)")
            .message("hash and policy: Hash need each other: set both, or neither")
            .field_path(".hash"),
    ]
}

// The schema describes a field whose type is an enum by the type's description.
/// How an endpoint of the backend is chosen. `LeastRequest`: of two chosen at random, the one with
/// fewer requests in flight. `RoundRobin`: in turn. `Hash`: the same one for the same value.
/// Default: `LeastRequest`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BalancePolicy {
    /// Of two chosen at random, the one with fewer requests in flight.
    #[default]
    LeastRequest,
    /// In turn.
    RoundRobin,
    /// The same one for the same value.
    Hash,
}

/// What is hashed. A request without it is balanced as with `LeastRequest`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(
    transform = validations::on_unquoted,
    extend("x-kubernetes-validations" = hash_validations())
)]
pub struct Hash {
    /// What is hashed.
    #[serde(alias = "true", skip_serializing_if = "Option::is_none")]
    pub on: Option<HashOn>,
    /// The name of the header or the cookie, a token such as `x-user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = pattern::TOKEN))]
    pub name: Option<String>,
}

fn hash_validations() -> [Rule; 2] {
    [
        Rule::new("has(self.on) != has(self.__true__)")
            .message("set on exactly once: Header, Cookie or ClientAddress"),
        Rule::new("has(self.name) != ((has(self.on) && self.on == 'ClientAddress') || (has(self.__true__) && self.__true__ == 'ClientAddress'))")
            .message("name is required with Header and Cookie, and not allowed with ClientAddress")
            .field_path(".name"),
    ]
}

/// What is hashed: the value of a request `Header` or a `Cookie`, or the `ClientAddress`. Required.
/// In YAML, put the key `on` in quotes: otherwise kubectl and Helm turn it into `true`, which is
/// accepted too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HashOn {
    /// The value of a header.
    Header,
    /// The value of a cookie.
    Cookie,
    /// The client's address, as trusted proxies report it.
    ClientAddress,
}

/// A cookie keeps each client with its endpoint, as long as that is available.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Affinity {
    /// The cookie's name, a token. It is not forwarded to backends. Default: `portico-affinity`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = pattern::TOKEN))]
    pub cookie: Option<String>,
    /// How long a browser keeps it, in whole seconds; each response renews it. Default: `0s`, until
    /// the browser is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = [
        Rule::new("duration(self).getMilliseconds() % 1000 == 0").message("maxAge must be in whole seconds"),
    ]))]
    pub max_age: Option<Duration>,
}
