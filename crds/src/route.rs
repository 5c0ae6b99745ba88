//! Route: which requests of a FrontDoor go where.

use crate::{
    Condition, CorsPolicy, Duration, HeaderEdits, NamedValue, foreign, pattern, validations,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
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
    doc = "Which requests of a FrontDoor go where, and what changes on the way.",
    printcolumn(
        name = "FrontDoor",
        type_ = "string",
        description = "The FrontDoor that it attaches to",
        json_path = ".spec.frontDoorRef.name"
    ),
    printcolumn(
        name = "Path",
        type_ = "string",
        description = "The path of its first match",
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
        description = "Whether the dataplane has taken up this generation",
        json_path = r#".status.conditions[?(@.type=="Programmed")].status"#
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = spec_validations()))]
// Boxed is what few Routes have: all of them are held in memory.
pub struct RouteSpec {
    /// The FrontDoor that it attaches to.
    pub front_door_ref: FrontDoorRef,
    /// Those of the FrontDoor's hosts that it serves, spelled as there. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253), regex(pattern = pattern::HOST_ENTRY)))]
    pub hosts: Vec<String>,
    /// Which requests it takes: those that fit any of these. Absent: every path.
    #[serde(default = "matches_default")]
    #[schemars(length(min = 1, max = 16))]
    pub matches: Vec<Match>,
    /// Where the requests go. Exactly one of `backends`, `redirect` and `respond` is needed.
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
    /// Edits of the request's headers on the way to the backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_headers: Option<Box<HeaderEdits>>,
    /// Edits of the response's headers on the way to the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_headers: Option<Box<HeaderEdits>>,
    /// The CORS policy. It replaces the FrontDoor's as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<Box<CorsPolicy>>,
    /// Time limits; whoever waits longer gets 504.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Box<Timeouts>>,
}

fn spec_validations() -> Vec<Rule> {
    let one =
        "[has(self.backends), has(self.redirect), has(self.respond)].exists_one(given, given)";
    let one = Rule::new(one).message("exactly one of backends, redirect and respond is needed");
    let forwarding = ["rewrite", "requestHeaders", "timeouts"].map(|field| {
        let message =
            format!("{field} goes with backends only: leave it out beside redirect and respond");
        Rule::new(format!("has(self.backends) || !has(self.{field})"))
            .message(message.as_str())
            .field_path(format!(".{field}"))
    });
    std::iter::once(one).chain(forwarding).chain(policy_validations()).collect()
}

/// Of a Route with a policy of its own: it names none of the headers that the policy sets.
fn policy_validations() -> [Rule; 4] {
    let edits = ("^(access-control-.*|vary)$", "Access-Control-* and Vary");
    let response = ("^access-control-", "Access-Control-*");
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

/// A match: a path and predicates that must all hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Match {
    /// A path pattern that starts with `/`: literal segments, `{name}` for one segment, and a last
    /// `*` for the rest: `/sales/*` takes `/sales` and all below it, not `/salesforce`. `*` alone is
    /// `/*`.
    #[schemars(length(min = 1, max = 1024), regex(pattern = pattern::PATH))]
    pub path: String,
    /// Methods in upper case, such as `GET`, any of which fits. Empty: all. GET does not
    /// stand for HEAD too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        inner(length(min = 1, max = 64), regex(pattern = pattern::METHOD)),
        transform = validations::each(validations::forwardable())
    )]
    pub methods: Vec<String>,
    /// What request headers must be; all of these must hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), transform = validations::named_by_tokens)]
    pub headers: Vec<Predicate>,
    /// What query parameters must be, percent-decoded; all of these must hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub query: Vec<Predicate>,
    /// What cookies must be, percent-decoded; all of these must hold.
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

/// What a header, query parameter or cookie must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    Rule::new("self.type in ['Present', 'Absent'] || has(self.value)")
        .message("value is needed with the types Exact, Prefix and Regex; type: Present asks for no value"),
    Rule::new("!(self.type in ['Present', 'Absent']) || !has(self.value)")
        .message("value may not be given with the types Present and Absent; leave it out, or leave the type out to compare it")
        .field_path(".value"),
]))]
pub struct Predicate {
    /// The name.
    #[schemars(length(min = 1, max = 256))]
    pub name: String,
    /// How the value compares: the whole of it, its beginning, a regular expression (RE2) for the
    /// whole of it; or whether it is there at all.
    #[serde(default)]
    pub r#type: MatchType,
    /// The value to compare with; none for `Present` and `Absent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub value: Option<String>,
}

/// How a value compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MatchType {
    /// The whole value.
    #[default]
    Exact,
    /// Its beginning.
    Prefix,
    /// RE2, the whole value.
    Regex,
    /// There, whatever its value.
    Present,
    /// Not there.
    Absent,
}

/// One backend: a Service of the same namespace, or a host anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    Rule::new("has(self.service) != has(self.external)").message("exactly one of service and external is needed"),
]))]
pub struct Backend {
    /// A Service of the same namespace. Exactly one of `service` and `external` is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceBackend>,
    /// A host anywhere. Exactly one of `service` and `external` is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalBackend>,
    /// Its share among the backends of its priority: 90 and 10 split nine to one; 0 takes nothing.
    #[serde(default = "weight_default")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub weight: i32,
    /// Backends of the lowest number that have a ready endpoint take all requests.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1000))]
    pub priority: i32,
}

fn weight_default() -> i32 {
    1
}

/// A port of a Service of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceBackend {
    /// The Service's name.
    #[schemars(length(min = 1, max = 63), regex(pattern = pattern::LABEL))]
    pub name: String,
    /// A port of the Service: its number, 1 to 65535, without quotes; or its name, which has a
    /// letter in it.
    #[schemars(schema_with = "foreign::port")]
    pub port: IntOrString,
}

/// A host anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalBackend {
    /// A URL of scheme, host and port alone: `https://api.example.com`, `http://10.1.2.3:8080`. A
    /// path in front of every request's goes to `rewrite.path`.
    #[schemars(length(min = 1, max = 512), regex(pattern = pattern::EXTERNAL_URL))]
    pub url: String,
}

/// How the path and the Host change on the way to the backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Rewrite {
    /// The path that the backend gets, starting with `/`: what `{name}` and `*` of the match took
    /// goes where they stand here. `/api/*` with `/users/*` makes `/users/7` of `/api/7`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = pattern::PATH_TEMPLATE))]
    pub path: Option<String>,
    /// The Host that the backend gets: `Backend`, its own (default for external); `Preserve`, the
    /// client's (default for a service); or a host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 259), regex(pattern = pattern::REWRITE_HOST))]
    pub host: Option<String>,
}

/// A redirect. What it leaves out is the request's own; the query is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    Rule::new("has(self.scheme) || has(self.host) || has(self.port) || has(self.path)")
        .message("at least one of scheme, host, port and path is needed, or the redirect leads back to itself"),
]))]
pub struct Redirect {
    /// The scheme, `http` or `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<RedirectScheme>,
    /// The host, a name without port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::HOST_NAME))]
    pub host: Option<String>,
    /// The port, 1 to 65535.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
    /// The path, starting with `/`: what `{name}` and `*` of the match took goes where they stand
    /// here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = pattern::PATH_TEMPLATE))]
    pub path: Option<String>,
    /// The status code. 307 and 308 keep the request's method and body; browsers remember 301 and
    /// 308.
    #[serde(default = "redirect_status_default")]
    #[schemars(extend("enum" = [301, 302, 303, 307, 308]))]
    pub status: i32,
}

fn redirect_status_default() -> i32 {
    302
}

/// The scheme of a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RedirectScheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

/// A fixed response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    Rule::new("!(self.status in [204, 205, 304]) || !has(self.body) || size(self.body) == 0")
        .message("body may not be given with the status codes 204, 205 and 304, which have none")
        .field_path(".body"),
]))]
pub struct Respond {
    /// The status code, 200 to 599.
    #[serde(default = "respond_status_default")]
    #[schemars(range(min = 200, max = 599))]
    pub status: i32,
    /// The response's headers, such as `content-type`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub headers: Vec<NamedValue>,
    /// The body, at most 65536 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub body: Option<String>,
}

fn respond_status_default() -> i32 {
    200
}

/// Time limits; `0s` is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Timeouts {
    /// How long connecting may take, per try.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "2s"))]
    pub connect: Option<Duration>,
    /// How long until the response's head is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "60s"))]
    pub request: Option<Duration>,
    /// How long nothing may pass, in either direction; upgraded connections too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "5m"))]
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
    /// `Accepted`, `ResolvedRefs`, `Programmed`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "foreign::conditions")]
    pub conditions: Vec<Condition>,
}
