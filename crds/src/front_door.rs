//! FrontDoor: one or more hosts, and who may attach Routes to them.

use crate::{
    Balance, Condition, CorsPolicy, Ejection, EndpointLimits, FrontDoorRule, HealthCheck,
    Isolation, LocalSecretRef, Retry, Timeouts, TlsSettings, foreign, pattern, rules,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::{CustomResource, core::Rule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The desired state of a FrontDoor.
// Each printcolumn repeats `type_`.
#[allow(clippy::duplicated_attributes)]
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "portico.dev",
    version = "v1alpha1",
    kind = "FrontDoor",
    namespaced,
    status = "FrontDoorStatus",
    shortname = "fd",
    category = "portico",
    derive = "PartialEq",
    doc = "One or more hosts whose Routes put services under one origin.",
    printcolumn(
        name = "Host",
        type_ = "string",
        description = "The first host",
        json_path = ".spec.hosts[0].name"
    ),
    printcolumn(
        name = "Routes",
        type_ = "integer",
        description = "The number of accepted Routes attached",
        json_path = ".status.attachedRoutes"
    ),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        description = "Whether it is valid and served",
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
pub struct FrontDoorSpec {
    /// Which install of Portico serves this FrontDoor: the one that runs with this `--class`.
    #[serde(default = "class_default")]
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::SUBDOMAIN))]
    pub class_name: String,
    /// The hosts to serve. A host belongs to one FrontDoor: if two name it, the older keeps it.
    #[schemars(
        length(min = 1, max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub hosts: Vec<Host>,
    /// What happens to plain HTTP on hosts with TLS: it is redirected to https with 308, served
    /// anyway, or refused.
    #[serde(default)]
    pub plain_http: PlainHttp,
    /// TLS settings of the hosts with `tls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSettings>,
    /// Who may attach Routes, and where; one matching entry is enough. Absent: the FrontDoor's own
    /// namespace, at any path. Empty: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub attach: Option<Vec<Attach>>,
    /// The default CORS policy, for Routes without their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<CorsPolicy>,
    /// How its Routes choose among their backends, unless they set it themselves. A Route's own
    /// block replaces that of the same name entirely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub defaults: Option<Box<Defaults>>,
    /// How far the backends of its Routes, which share its origin, are kept apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// Cookies that all of its Routes share, whatever `isolation` says: names, or beginnings of names
    /// followed by `*`, such as `sso` or `consent-*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        inner(length(min = 1, max = 256), regex(pattern = pattern::SHARED_COOKIE))
    )]
    pub shared_cookies: Vec<String>,
    /// Proxies in front that are trusted to report the client: addresses, or networks such as
    /// `10.0.0.0/8`. Empty: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 43), regex(pattern = pattern::NETWORK)))]
    pub trusted_proxies: Vec<String>,
    /// What happens to consecutive slashes in a request's path, before Routes are matched: `Keep`
    /// keeps them, and a Route for `/admin/*` does not match `//admin/x`; `Merge` merges them into
    /// one, for matching and for the backend.
    #[serde(default)]
    pub slashes: Slashes,
    /// The headers in which trusted proxies report the client, and which they set or remove on
    /// every request. The other headers of this kind are removed, since they may come from the
    /// client.
    #[serde(default)]
    pub trusted_headers: TrustedHeaders,
    /// Rules for every request of the hosts, looked at in order, before a Route is found; each that
    /// holds acts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = rules::MAX_RULES),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub rules: Vec<FrontDoorRule>,
}

fn class_default() -> String {
    crate::CLASS_DEFAULT.to_owned()
}

/// The defaults of Routes that do not set the same block themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Defaults {
    /// Active checks of endpoints. Absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthCheck>,
    /// When an endpoint that fails requests is ejected. Absent: after 5 failures in a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ejection: Option<Ejection>,
    /// What is preferred among the available backends and endpoints. Absent: fewer requests in
    /// flight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<Balance>,
    /// Which failed requests are sent again. Absent: one more try where connecting failed or the
    /// connection ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Bounds for each endpoint. Absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<EndpointLimits>,
    /// Timeouts; a request that exceeds one gets 504.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<Timeouts>,
}

/// One host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    /// A name without a port: `www.example.com`, `*.example.com` (one or more labels in front, never
    /// the bare suffix), or `*` for every host.
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::HOST_ENTRY))]
    pub name: String,
    /// The host's certificate. Absent: the host is served over plain HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<HostTls>,
}

/// Where to find a host's certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostTls {
    /// A Secret of type `kubernetes.io/tls` in the same namespace.
    pub secret_ref: LocalSecretRef,
}

/// What happens to plain HTTP on hosts with TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PlainHttp {
    /// It is redirected to https with 308.
    #[default]
    Redirect,
    /// It is served.
    Serve,
    /// It is refused.
    Refuse,
}

/// What happens to consecutive slashes in a request's path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Slashes {
    /// They are kept.
    #[default]
    Keep,
    /// They are merged into one.
    Merge,
}

/// The headers in which trusted proxies report the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TrustedHeaders {
    /// `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Namespaces that may attach Routes, and the paths that they may use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [
    Rule::new("(has(self.namespaces) && size(self.namespaces) > 0) != has(self.namespaceSelector)")
        .message("set exactly one of namespaces and namespaceSelector; namespaceSelector: {} selects every namespace"),
]))]
pub struct Attach {
    /// Namespaces by name. Set exactly one of `namespaces` and `namespaceSelector`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 63), regex(pattern = pattern::LABEL)))]
    pub namespaces: Vec<String>,
    /// Namespaces by label; `{}` selects all. Set exactly one of `namespaces` and
    /// `namespaceSelector`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "foreign::label_selector")]
    pub namespace_selector: Option<LabelSelector>,
    /// Path patterns that must cover every match of their Routes, such as `/sales/*`. Empty: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 1024), regex(pattern = pattern::PATH)))]
    pub paths: Vec<String>,
}

/// The observed state of a FrontDoor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FrontDoorStatus {
    /// The generation that was compiled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub observed_generation: Option<i64>,
    /// The number of accepted Routes attached.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub attached_routes: Option<i32>,
    /// The addresses at which the FrontDoor can be reached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub addresses: Vec<StatusAddress>,
    /// `Accepted`, `ResolvedRefs`, `Programmed`, `Ready`, `Stalled`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "foreign::conditions")]
    pub conditions: Vec<Condition>,
}

/// An address at which the FrontDoor can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusAddress {
    /// `IPAddress` or `Hostname`.
    #[schemars(length(min = 1, max = 63))]
    pub r#type: String,
    /// The address.
    #[schemars(length(min = 1, max = 253))]
    pub value: String,
}
