//! Types shared by both kinds.

use crate::{pattern, validations};
pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The API group of both kinds.
pub const GROUP: &str = "portico.dev";
/// The API version of both kinds.
pub const VERSION: &str = "v1alpha1";
/// The default class of a FrontDoor.
pub const CLASS_DEFAULT: &str = "portico";

/// A duration in Gateway API's format (GEP-2257): `30s`, `1h30m`, `500ms`, `0s`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Duration(
    #[schemars(length(min = 2, max = 28), regex(pattern = pattern::DURATION))] pub String,
);

/// A Secret in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalSecretRef {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::SUBDOMAIN))]
    pub name: String,
}

/// One key of a Secret in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::SUBDOMAIN))]
    pub name: String,
    /// The key in the Secret's data.
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::SECRET_KEY))]
    pub key: String,
}

/// CA certificates, in the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuthoritiesRef {
    /// Where they are: `ConfigMap` or `Secret`.
    pub kind: AuthoritiesKind,
    /// The object's name.
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::SUBDOMAIN))]
    pub name: String,
    /// The key in its data: one or more certificates in PEM. Default: `ca.crt`.
    #[serde(default = "authorities_key")]
    #[schemars(length(min = 1, max = 253), regex(pattern = pattern::SECRET_KEY))]
    pub key: String,
}

fn authorities_key() -> String {
    "ca.crt".to_owned()
}

/// A kind of object that holds CA certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AuthoritiesKind {
    /// A ConfigMap.
    ConfigMap,
    /// A Secret.
    Secret,
}

/// The source of a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValueFrom {
    /// A key of a Secret in the same namespace. Changes to the Secret take effect at once.
    pub secret_key_ref: SecretKeyRef,
}

/// A header and its value, given inline or taken from a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    Rule::new("has(self.value) != has(self.valueFrom)").message("set exactly one of value and valueFrom"),
]))]
pub struct HeaderValue {
    /// The header's name, a token such as `x-api-key`.
    #[schemars(
        length(min = 1, max = 256),
        regex(pattern = pattern::TOKEN),
        extend("x-kubernetes-validations" = validations::editable())
    )]
    pub name: String,
    /// The value, in printable ASCII. Set exactly one of `value` and `valueFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096), regex(pattern = pattern::FIELD_VALUE))]
    pub value: Option<String>,
    /// The source of the value. Set exactly one of `value` and `valueFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueFrom>,
}

/// A header and its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NamedValue {
    /// The header's name, a token such as `content-type`.
    #[schemars(
        length(min = 1, max = 256),
        regex(pattern = pattern::TOKEN),
        extend("x-kubernetes-validations" = validations::editable())
    )]
    pub name: String,
    /// The value, in printable ASCII.
    #[schemars(length(max = 4096), regex(pattern = pattern::FIELD_VALUE))]
    pub value: String,
}

/// Edits to a message's headers, applied in the order remove, set, add.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HeaderEdits {
    /// Headers to set to exactly this value, replacing any existing one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub set: Vec<HeaderValue>,
    /// Header lines to add to any existing ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub add: Vec<HeaderValue>,
    /// Names of headers to remove, tokens such as `x-debug`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        inner(length(min = 1, max = 256), regex(pattern = pattern::TOKEN)),
        transform = validations::each(validations::editable())
    )]
    pub remove: Vec<String>,
}
