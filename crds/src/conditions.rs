//! The conditions of rules.

use crate::{TlsVersion, pattern};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray,
};
use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many conditions `any` may have.
pub const MAX_ALTERNATIVES: usize = 8;
/// How deep `not` and `any` may nest.
pub const MAX_NESTING: usize = 4;

/// A condition: exactly one of its fields. It looks at the request as the client sent it, with the
/// path normalised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct RuleCondition {
    /// A request header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<RulePredicate>,
    /// A query parameter, percent-decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<RulePredicate>,
    /// A cookie, percent-decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<RulePredicate>,
    /// The method is one of these, in upper case.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 16),
        inner(length(min = 1, max = 64), regex(pattern = pattern::METHOD))
    )]
    pub method: Option<Vec<String>>,
    /// The host, without port, is one of these: a name, or `*.` and a suffix.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 1, max = 253), regex(pattern = pattern::HOST_ENTRY))
    )]
    pub host: Option<Vec<String>>,
    /// The path fits this pattern, such as `/app/*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = pattern::PATH))]
    pub path: Option<String>,
    /// This regular expression (RE2) matches the whole path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub path_regex: Option<String>,
    /// The extension of the path's last segment is one of these, without the dot, in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 1, max = 32), regex(pattern = pattern::FILE_EXTENSION))
    )]
    pub file_extension: Option<Vec<String>>,
    /// The client's address is in one of these networks, such as `10.0.0.0/8`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 1, max = 43), regex(pattern = pattern::NETWORK))
    )]
    pub client_address: Option<Vec<String>>,
    /// The scheme that the client used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<RuleScheme>,
    /// The HTTP version is one of these: `"1.0"`, `"1.1"`, `"2"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 3))]
    pub http_version: Option<Vec<HttpVersion>>,
    /// The TLS version of the client's connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_version: Option<TlsVersion>,
    /// Whether the client has presented a certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<Presence>,
    /// The condition in it does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub not: Option<Box<RuleCondition>>,
    /// One of the conditions in it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    pub any: Option<Vec<RuleCondition>>,
}

/// A condition on a header, query parameter or cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    Rule::new("(has(self.type) && self.type in ['Present', 'Absent']) || has(self.value)")
        .message("value is needed unless the type is Present or Absent"),
    Rule::new("!has(self.type) || !(self.type in ['Present', 'Absent']) || !has(self.value)")
        .message("value can't be combined with the types Present and Absent; leave it out, or leave the type out to compare it")
        .field_path(".value"),
]))]
pub struct RulePredicate {
    /// The name of the header, query parameter or cookie.
    #[schemars(length(min = 1, max = 256))]
    pub name: String,
    /// How to compare: the whole value, its beginning, its end, any part of it, a regular
    /// expression (RE2) for the whole value, as a whole decimal number; or only whether it is
    /// present. Default: `Exact`.
    #[serde(default)]
    pub r#type: RuleMatchType,
    /// The value to compare with; not allowed for `Present` and `Absent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub value: Option<String>,
}

/// How a rule compares a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RuleMatchType {
    /// The whole value.
    #[default]
    Exact,
    /// The beginning of the value.
    Prefix,
    /// The end of the value.
    Suffix,
    /// Any part of the value.
    Contains,
    /// A regular expression (RE2) for the whole value.
    Regex,
    /// A whole decimal number that is greater.
    GreaterThan,
    /// A whole decimal number that is less.
    LessThan,
    /// Present, whatever its value.
    Present,
    /// Not present.
    Absent,
}

/// The scheme that a client used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RuleScheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS.
    Https,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HttpVersion {
    /// HTTP/1.0.
    #[serde(rename = "1.0")]
    Http10,
    /// HTTP/1.1.
    #[serde(rename = "1.1")]
    Http11,
    /// HTTP/2.
    #[serde(rename = "2")]
    Http2,
}

/// Whether there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Presence {
    /// There is.
    Present,
    /// There is none.
    Absent,
}

/// Puts `not` and `any` into the conditions of a spec's rules, as deep as they may nest: a structural
/// schema can't refer to itself.
pub(crate) fn nest(spec: &mut JSONSchemaProps) {
    let rules = spec.properties.as_mut().and_then(|fields| fields.get_mut("rules"));
    let rule = rules.and_then(items).and_then(|rule| rule.properties.as_mut());
    if let Some(leaf) = rule.and_then(|fields| fields.get_mut("when")).and_then(items) {
        *leaf = condition(leaf, 0);
    }
}

fn items(list: &mut JSONSchemaProps) -> Option<&mut JSONSchemaProps> {
    match &mut list.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => Some(items),
        Some(JSONSchemaPropsOrArray::Schemas(_)) | None => None,
    }
}

/// The schema of a condition that is in this many others, given that of one without `not` and `any`.
/// What is in others has shapes and bounds alone: the fields are described once, and there may be so
/// many that an API server would not take rules for them, which is left to the compiler.
fn condition(leaf: &JSONSchemaProps, depth: usize) -> JSONSchemaProps {
    let mut leaf = leaf.clone();
    if depth == 1 {
        bare(&mut leaf);
    }
    if depth == MAX_NESTING {
        return leaf;
    }
    let mut not = condition(&leaf, depth + 1);
    let mut any = JSONSchemaProps {
        type_: Some("array".to_owned()),
        min_items: Some(1),
        max_items: i64::try_from(MAX_ALTERNATIVES).ok(),
        items: Some(JSONSchemaPropsOrArray::Schema(Box::new(not.clone()))),
        ..JSONSchemaProps::default()
    };
    if depth == 0 {
        let about = |what: &str| Some(format!("{what} `not` and `any` nest up to 4 deep."));
        not.description = about("The condition in it does not hold.");
        any.description = about("One of the conditions in it holds.");
    }
    let fields = leaf.properties.get_or_insert_default();
    fields.insert("not".to_owned(), not);
    fields.insert("any".to_owned(), any);
    leaf
}

/// Leaves of a schema, and of all in it, shapes and bounds.
fn bare(schema: &mut JSONSchemaProps) {
    schema.description = None;
    schema.default = None;
    schema.x_kubernetes_validations = None;
    schema.properties.iter_mut().flat_map(|fields| fields.values_mut()).for_each(bare);
    items(schema).into_iter().for_each(bare);
}
