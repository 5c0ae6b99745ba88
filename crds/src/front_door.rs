//! FrontDoor: one or more hosts, and who may attach Routes to them.

use crate::{Condition, CorsPolicy, LocalSecretRef};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The desired state of a FrontDoor.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "portico.dev",
    version = "v1alpha1",
    kind = "FrontDoor",
    namespaced,
    status = "FrontDoorStatus",
    shortname = "fd",
    category = "portico",
    derive = "PartialEq"
)]
#[serde(rename_all = "camelCase")]
pub struct FrontDoorSpec {
    /// Which install serves it.
    #[serde(default = "class_default")]
    pub class_name: String,
    /// Its hosts.
    pub hosts: Vec<Host>,
    /// What becomes of plain HTTP on hosts with TLS.
    #[serde(default)]
    pub plain_http: PlainHttp,
    /// Who may attach Routes, and where. Default: the same namespace, any path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attach: Option<Vec<Attach>>,
    /// The CORS policy of Routes that have none of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<CorsPolicy>,
    /// Addresses of proxies (CIDRs) whose `X-Forwarded-*` and `Forwarded` are believed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_proxies: Vec<String>,
}

fn class_default() -> String {
    crate::CLASS_DEFAULT.to_owned()
}

/// One host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    /// `www.example.com`, `*.example.com` or `*`.
    pub name: String,
    /// Its certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<HostTls>,
}

/// Where a host's certificate is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HostTls {
    /// A Secret of type `kubernetes.io/tls`.
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
pub struct Attach {
    /// Namespaces by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Namespaces by label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
    /// The paths that their Routes may match. Empty: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
}

/// The observed state of a FrontDoor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FrontDoorStatus {
    /// The generation that was compiled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How many accepted Routes are attached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached_routes: Option<i32>,
    /// Where it can be reached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<StatusAddress>,
    /// `Accepted`, `ResolvedRefs`, `Programmed`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// An address at which the FrontDoor can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusAddress {
    /// `IPAddress` or `Hostname`.
    pub r#type: String,
    /// The address.
    pub value: String,
}
