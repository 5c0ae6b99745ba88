//! FrontDoor: one or more hosts, and who may attach Routes to them.

use crate::{Condition, CorsPolicy, LocalSecretRef, foreign, pattern};
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
    doc = "One or more hosts under which Routes make services appear as one origin.",
    printcolumn(
        name = "Host",
        type_ = "string",
        description = "The first of its hosts",
        json_path = ".spec.hosts[0].name"
    ),
    printcolumn(
        name = "Routes",
        type_ = "integer",
        description = "How many accepted Routes are attached",
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
        description = "Whether the dataplane has taken up this generation",
        json_path = r#".status.conditions[?(@.type=="Programmed")].status"#
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct FrontDoorSpec {
    /// Which install of Portico serves it: the one that runs with this `--class`.
    #[serde(default = "class_default")]
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::SUBDOMAIN))]
    pub class_name: String,
    /// Its hosts. One host belongs to one FrontDoor; of two that name it the older keeps it.
    #[schemars(
        length(min = 1, max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub hosts: Vec<Host>,
    /// What becomes of plain HTTP on hosts with TLS: redirected to https with 308, served all the
    /// same, or refused.
    #[serde(default)]
    pub plain_http: PlainHttp,
    /// Who may attach Routes, and where; any entry that fits will do. Absent: the FrontDoor's own
    /// namespace, at any path. Empty: nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub attach: Option<Vec<Attach>>,
    /// The CORS policy of those Routes that have none of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<CorsPolicy>,
    /// Proxies whose `X-Forwarded-*` and `Forwarded` are believed: addresses, or networks such as
    /// `10.0.0.0/8`. Empty: nobody's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 43), regex(pattern = pattern::NETWORK)))]
    pub trusted_proxies: Vec<String>,
}

fn class_default() -> String {
    crate::CLASS_DEFAULT.to_owned()
}

/// One host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    /// A name without port: `www.example.com`, `*.example.com` (one or more labels in front, never
    /// the bare suffix), or `*` for every host.
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::HOST_ENTRY))]
    pub name: String,
    /// Its certificate. Absent: the host is served over plain HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<HostTls>,
}

/// Where a host's certificate is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostTls {
    /// A Secret of type `kubernetes.io/tls` in the same namespace.
    pub secret_ref: LocalSecretRef,
}

/// What becomes of plain HTTP on hosts with TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PlainHttp {
    /// 308 to https.
    #[default]
    Redirect,
    /// Served.
    Serve,
    /// Refused.
    Refuse,
}

/// Namespaces that may attach Routes, and the paths that they may claim.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = [
    Rule::new("(has(self.namespaces) && size(self.namespaces) > 0) != has(self.namespaceSelector)")
        .message("exactly one of namespaces and namespaceSelector is needed; namespaceSelector: {} stands for every namespace"),
]))]
pub struct Attach {
    /// Namespaces by name. Exactly one of `namespaces` and `namespaceSelector` is needed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 63), regex(pattern = pattern::LABEL)))]
    pub namespaces: Vec<String>,
    /// Namespaces by label; `{}` is every one. Exactly one of `namespaces` and `namespaceSelector`
    /// is needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "foreign::label_selector")]
    pub namespace_selector: Option<LabelSelector>,
    /// The paths inside which every match of their Routes must lie, such as `/sales/*`. Empty: any.
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
    /// How many accepted Routes are attached.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub attached_routes: Option<i32>,
    /// Where it can be reached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub addresses: Vec<StatusAddress>,
    /// `Accepted`, `ResolvedRefs`, `Programmed`.
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
