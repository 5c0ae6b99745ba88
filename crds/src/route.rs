//! Route: which requests of a FrontDoor go where.

use crate::{Condition, CorsPolicy, Duration, HeaderEdits, NamedValue};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The desired state of a Route.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "portico.dev",
    version = "v1alpha1",
    kind = "Route",
    namespaced,
    status = "RouteStatus",
    shortname = "fdr",
    category = "portico",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct RouteSpec {
    /// The FrontDoor that it attaches to.
    pub front_door_ref: FrontDoorRef,
    /// Some of the FrontDoor's hosts. Empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<String>,
    /// Which requests; any of these fits. Absent: `/*`.
    #[serde(default = "matches_default")]
    pub matches: Vec<Match>,
    /// Where to. One of `backends`, `redirect` and `respond`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backends: Option<Vec<Backend>>,
    /// A redirect instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<Redirect>,
    /// A fixed response instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub respond: Option<Respond>,
    /// How the request line and Host change for the backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<Rewrite>,
    /// Edits of request headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_headers: Option<HeaderEdits>,
    /// Edits of response headers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_headers: Option<HeaderEdits>,
    /// The CORS policy; replaces the FrontDoor's as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<CorsPolicy>,
    /// Time limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Timeouts>,
}

fn matches_default() -> Vec<Match> {
    vec![Match::default()]
}

/// A FrontDoor by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FrontDoorRef {
    /// Its name.
    pub name: String,
    /// Its namespace. Default: the Route's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// A match: a path and predicates that must all hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Match {
    /// A pattern of segments: literals, `{name}`, a last `*`.
    pub path: String,
    /// Methods, any of them. Empty: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<String>,
    /// Header predicates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Predicate>,
    /// Query predicates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<Predicate>,
    /// Cookie predicates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
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

/// What a header, query key or cookie must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Predicate {
    /// Its name.
    pub name: String,
    /// How the value compares.
    #[serde(default)]
    pub r#type: MatchType,
    /// The value; none for `Present` and `Absent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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

/// One backend: a Service of the same namespace or an external URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Backend {
    /// A Service. One of `service` and `external`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceBackend>,
    /// A host anywhere. One of `service` and `external`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalBackend>,
    /// Its share; 0 takes nothing.
    #[serde(default = "weight_default")]
    pub weight: i32,
    /// The lowest number that has an endpoint takes all.
    #[serde(default)]
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
    pub name: String,
    /// The port's number or name.
    pub port: IntOrString,
}

/// A host anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalBackend {
    /// Scheme, host and port: `https://api.example.com`.
    pub url: String,
}

/// How the request line and Host change for the backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Rewrite {
    /// A template with the names of the matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `Backend` (default for external), `Preserve` (default for service), or a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
}

/// A redirect; what is absent is the request's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Redirect {
    /// The scheme.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<RedirectScheme>,
    /// The host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<i32>,
    /// A template with the names of the matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// 301, 302, 303, 307 or 308.
    #[serde(default = "redirect_status_default")]
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
pub struct Respond {
    /// The status code.
    #[serde(default = "respond_status_default")]
    pub status: i32,
    /// Headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<NamedValue>,
    /// The body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

fn respond_status_default() -> i32 {
    200
}

/// Time limits; `0s` is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Timeouts {
    /// Connecting, per try. Default 2s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<Duration>,
    /// Until the response's head. Default 60s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Duration>,
    /// Between bytes. Default 5m.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<Duration>,
}

/// The observed state of a Route.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteStatus {
    /// The generation that was compiled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Accepted`, `ResolvedRefs`, `Programmed`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}
