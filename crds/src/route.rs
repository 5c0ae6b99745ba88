//! Route: which requests of a FrontDoor go where.

use crate::{
    Affinity, Backend, Balance, Condition, CorsPolicy, Duration, Ejection, EndpointLimits,
    HeaderEdits, HealthCheck, Isolation, Redirect, Respond, Retry, Rewrite, RouteRule, foreign,
    pattern, rules, validations,
};
use kube::{CustomResource, core::Rule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The desired state of a Route.
// Each printcolumn repeats `type_`.
#[allow(clippy::duplicated_attributes)]
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "portico.dev",
    version = "v1alpha1",
    kind = "Route",
    namespaced,
    status = "RouteStatus",
    shortname = "fdr",
    category = "portico",
    derive = "PartialEq",
    doc = "Which of a FrontDoor's requests go where, and what changes on the way.",
    printcolumn(
        name = "FrontDoor",
        type_ = "string",
        description = "The FrontDoor that the Route attaches to",
        json_path = ".spec.frontDoorRef.name"
    ),
    printcolumn(
        name = "Path",
        type_ = "string",
        description = "The path of the first match",
        json_path = ".spec.matches[0].path"
    ),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        description = "Whether it is valid, allowed to attach and not conflicted",
        json_path = r#".status.conditions[?(@.type=="Accepted")].status"#
    ),
    printcolumn(
        name = "Programmed",
        type_ = "string",
        description = "Whether the dataplane serves this generation",
        json_path = r#".status.conditions[?(@.type=="Programmed")].status"#
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = spec_validations()))]
// All Routes are held in memory, so fields that few of them have are boxed.
pub struct RouteSpec {
    /// The FrontDoor that the Route attaches to.
    pub front_door_ref: FrontDoorRef,
    /// The FrontDoor's hosts that the Route serves, spelled as in the FrontDoor. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253), regex(pattern = pattern::HOST_ENTRY)))]
    pub hosts: Vec<String>,
    /// Which requests the Route handles: those that satisfy any of these. Absent: every path.
    #[serde(default = "matches_default")]
    #[schemars(length(min = 1, max = 16))]
    pub matches: Vec<Match>,
    /// Where the requests go. Set exactly one of `backends`, `redirect` and `respond`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    pub backends: Option<Vec<Backend>>,
    /// A redirect instead of backends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Box<Redirect>>,
    /// A fixed response instead of backends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub respond: Option<Box<Respond>>,
    /// How the path and the Host change on the way to the backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<Rewrite>,
    /// Edits to the request's headers on the way to the backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_headers: Option<Box<HeaderEdits>>,
    /// Edits to the response's headers on the way to the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_headers: Option<Box<HeaderEdits>>,
    /// The CORS policy. It replaces the FrontDoor's entirely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<Box<CorsPolicy>>,
    /// How far the Route's backends are kept apart from those of other Routes. It can only be
    /// stricter than the FrontDoor's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// Timeouts; a request that exceeds one gets 504. They replace the FrontDoor's entirely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Box<Timeouts>>,
    /// Active checks of endpoints. They replace the FrontDoor's entirely; without either there are
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Box<HealthCheck>>,
    /// When an endpoint that fails requests is ejected. It replaces the FrontDoor's entirely; without
    /// either, after 5 failures in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ejection: Option<Box<Ejection>>,
    /// What is preferred among the available backends and endpoints. It replaces the FrontDoor's
    /// entirely; without either, fewer requests in flight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<Box<Balance>>,
    /// A cookie that keeps each client with its endpoint. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Box<Affinity>>,
    /// Which failed requests are sent again. It replaces the FrontDoor's entirely; without either,
    /// there is one more try where connecting failed or the connection ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Box<Retry>>,
    /// Bounds for each endpoint. They replace the FrontDoor's entirely; without either there are
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Box<EndpointLimits>>,
    /// Rules for the requests that the Route has won, looked at in order; each that holds acts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = rules::MAX_RULES),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub rules: Vec<RouteRule>,
}

/// The fields that apply to backends only.
pub const FORWARDING_FIELDS: [&str; 9] = [
    "rewrite",
    "requestHeaders",
    "timeouts",
    "health",
    "ejection",
    "balance",
    "affinity",
    "retry",
    "limits",
];

fn spec_validations() -> Vec<Rule> {
    let one =
        "[has(self.backends), has(self.redirect), has(self.respond)].exists_one(given, given)";
    let one = Rule::new(one).message("set exactly one of backends, redirect and respond");
    let forwarding = FORWARDING_FIELDS.map(|field| {
        let message =
            format!("{field} applies to backends only: leave it out with redirect and respond");
        Rule::new(format!("has(self.backends) || !has(self.{field})"))
            .message(message.as_str())
            .field_path(format!(".{field}"))
    });
    std::iter::once(one).chain(forwarding).chain(policy_validations()).collect()
}

/// A Route with its own policy must not name any of the headers that the policy sets.
fn policy_validations() -> [Rule; 4] {
    let edits = (
        "^(access-control-.*|timing-allow-origin|vary)$",
        "Access-Control-*, Timing-Allow-Origin and Vary",
    );
    let response =
        ("^(access-control-.*|timing-allow-origin)$", "Access-Control-* and Timing-Allow-Origin");
    [
        ("responseHeaders", "set", "item.name", edits),
        ("responseHeaders", "add", "item.name", edits),
        ("responseHeaders", "remove", "item", edits),
        ("respond", "headers", "item.name", response),
    ]
    .map(|(field, list, name, (pattern, headers))| {
        let message = format!("a cors policy sets {headers} itself: leave them out");
        Rule::new(format!(
            "!has(self.cors) || self.cors.mode == 'Disabled' || !has(self.{field}) || !has(self.{field}.{list}) || !self.{field}.{list}.exists(item, {name}.lowerAscii().matches('{pattern}'))"
        ))
        .message(message.as_str())
        .field_path(format!(".{field}.{list}"))
    })
}

fn matches_default() -> Vec<Match> {
    vec![Match::default()]
}

/// A FrontDoor by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FrontDoorRef {
    /// The FrontDoor's name.
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::SUBDOMAIN))]
    pub name: String,
    /// The FrontDoor's namespace. Absent: the Route's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = pattern::LABEL))]
    pub namespace: Option<String>,
}

/// A match: a path, and predicates that must all match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Match {
    /// A path pattern that starts with `/`: literal segments, `{name}` for one segment, and a final
    /// `*` for the rest: `/sales/*` matches `/sales` and everything below it, not `/salesforce`. `*`
    /// alone is `/*`. Default: `/*`.
    #[schemars(length(min = 1, max = 1024), regex(pattern = pattern::PATH))]
    pub path: String,
    /// Methods in upper case, such as `GET`; any of them matches. Empty: all. GET does not imply
    /// HEAD.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        inner(length(min = 1, max = 64), regex(pattern = pattern::METHOD)),
        transform = validations::each(validations::forwardable())
    )]
    pub methods: Vec<String>,
    /// Predicates on request headers, all of which must match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), transform = validations::named_by_tokens)]
    pub headers: Vec<Predicate>,
    /// Predicates on query parameters, percent-decoded, all of which must match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub query: Vec<Predicate>,
    /// Predicates on cookies, percent-decoded, all of which must match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub cookies: Vec<Predicate>,
}

impl Default for Match {
    fn default() -> Self {
        Self {
            path: "/*".to_owned(),
            methods: Vec::new(),
            headers: Vec::new(),
            query: Vec::new(),
            cookies: Vec::new(),
        }
    }
}

/// A condition on a header, query parameter or cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    Rule::new("(has(self.type) && self.type in ['Present', 'Absent']) || has(self.value)")
        .message("value is needed with the types Exact, Prefix and Regex; type: Present takes no value"),
    Rule::new("!has(self.type) || !(self.type in ['Present', 'Absent']) || !has(self.value)")
        .message("value can't be combined with the types Present and Absent; leave it out, or leave the type out to compare it")
        .field_path(".value"),
]))]
pub struct Predicate {
    /// The name of the header, query parameter or cookie.
    #[schemars(length(min = 1, max = 256))]
    pub name: String,
    /// How to compare: the whole value, its beginning, a regular expression (RE2) for the whole
    /// value; or only whether it is present. Default: `Exact`.
    #[serde(default)]
    pub r#type: MatchType,
    /// The value to compare with; not allowed for `Present` and `Absent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub value: Option<String>,
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MatchType {
    /// The whole value.
    #[default]
    Exact,
    /// The beginning of the value.
    Prefix,
    /// A regular expression (RE2) for the whole value.
    Regex,
    /// Present, whatever its value.
    Present,
    /// Not present.
    Absent,
}

/// The fields of [`Timeouts`] and their defaults, which an earlier schema wrote into objects.
pub const TIMEOUT_DEFAULTS: [(&str, &str); 3] =
    [("connect", "2s"), ("request", "60s"), ("idle", "5m")];

/// Timeouts; `0s` means no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [
    validations::alone_but_for(&TIMEOUT_DEFAULTS),
]))]
pub struct Timeouts {
    /// `true` restores the defaults that the FrontDoor's `defaults` replace. No other field may be
    /// set with it, except to its default.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// How long connecting may take, per try. Default: `2s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<Duration>,
    /// How long it may take until the response's head arrives, including all tries. Default: `60s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Duration>,
    /// How long no byte may pass in either direction; applies to upgraded connections too. Default:
    /// `5m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<Duration>,
}

/// The observed state of a Route.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteStatus {
    /// The generation that was compiled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// `Accepted`, `ResolvedRefs`, `Programmed`, `Ready`, `Stalled`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "foreign::conditions")]
    pub conditions: Vec<Condition>,
}
