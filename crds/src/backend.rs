//! The backends of a Route.

use crate::{AuthoritiesRef, LocalSecretRef, foreign, pattern};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One backend: a Service in the same namespace, or a host anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    Rule::new("has(self.service) != has(self.external)").message("set exactly one of service and external"),
    Rule::new("!has(self.tls) || !has(self.external) || self.external.url.lowerAscii().startsWith('https:')")
        .message("tls applies to https only: write https in external.url, or leave tls out")
        .field_path(".tls"),
    Rule::new("!has(self.tls) || !has(self.tls.caRef) || !has(self.service) || has(self.tls.serverName)")
        .message("with caRef, a Service needs serverName: the name in its certificate")
        .field_path(".tls"),
]))]
pub struct Backend {
    /// A Service in the same namespace. Set exactly one of `service` and `external`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceBackend>,
    /// A host anywhere. Set exactly one of `service` and `external`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalBackend>,
    /// TLS to a backend over https: a Service's port with `appProtocol: https`, or an `https` URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Box<BackendTls>>,
    /// The share of requests among backends of the same priority: 90 and 10 split nine to one; 0
    /// gets none. Default: 1.
    #[serde(default = "weight_default")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub weight: i32,
    /// The backends with the lowest number that has a ready endpoint get all requests. Default: 0.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1000))]
    pub priority: i32,
}

/// TLS to a backend over https.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct BackendTls {
    /// The name that is sent to the backend (SNI) and that its certificate must have. Absent: the
    /// URL's host; a Service is sent none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::HOST_NAME))]
    pub server_name: Option<String>,
    /// The certificate authorities, in the same namespace, one of which must have issued the
    /// certificate. Absent: the public ones; the certificate of a Service is not verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_ref: Option<AuthoritiesRef>,
    /// The certificate that Portico presents where the backend asks for one: a Secret of type
    /// `kubernetes.io/tls` in the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate_ref: Option<LocalSecretRef>,
}

fn weight_default() -> i32 {
    1
}

/// A port of a Service in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceBackend {
    /// The Service's name.
    #[schemars(length(min = 1, max = 63), regex(pattern = pattern::LABEL))]
    pub name: String,
    /// A port of the Service: its number, 1 to 65535, without quotes; or its name, which contains a
    /// letter.
    #[schemars(schema_with = "foreign::port")]
    pub port: IntOrString,
}

/// A host anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalBackend {
    /// A URL of scheme, host and port only: `https://api.example.com`, `http://10.1.2.3:8080`. To
    /// put a path in front of every request's, use `rewrite.path`.
    #[schemars(length(min = 1, max = 512), regex(pattern = pattern::EXTERNAL_URL))]
    pub url: String,
}
