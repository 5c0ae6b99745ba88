//! Structural validation against the schema that the API server gets, so that a typo in a manifest
//! is rejected just as `kubectl apply` would reject it. All problems are reported at once, each
//! with its field and a fix. CEL rules are not evaluated here: the compiler checks the same and
//! more.

mod check;
mod fits;
mod foreign;
pub(crate) mod kubernetes;
pub(crate) mod labels;
mod messages;
mod metadata;
mod nearest;
mod node;
mod repair;
mod suggest;

pub(crate) use messages::{RENDER, count, is_template};
pub(crate) use nearest::nearest;
pub(crate) use suggest::durations;

use crate::diagnostic::{ConditionType, FieldPath, Kind, ObjectRef, Problem, Reason, Severity};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use node::{Node, Object, Shape};
use serde_json::Value;
use std::{collections::BTreeMap, sync::LazyLock};

/// The kinds' definitions, which take longer to make than to read.
static DEFINITIONS: LazyLock<Vec<CustomResourceDefinition>> = LazyLock::new(portico_crds::crds);
/// The schema of `status` in each kind's definition.
static STATUS: LazyLock<[Node; 2]> =
    LazyLock::new(|| Kind::ALL.map(|kind| property(kind, "status")));
static FRONT_DOOR: LazyLock<Node> = LazyLock::new(|| root(Kind::FrontDoor));
static ROUTE: LazyLock<Node> = LazyLock::new(|| root(Kind::Route));

/// How many violations are reported.
pub const MAX_PROBLEMS: usize = 100;

/// Reports every violation of the kind's schema, as errors that make `Accepted` false; if there are
/// more than [`MAX_PROBLEMS`], the last one says so. If there are none, the manifest decodes once
/// [`prune_nulls`] has run.
pub fn validate(object: &ObjectRef, value: &Value) -> Vec<Problem> {
    check::run(object, schema_of(object.kind), value)
}

/// Warns of fields of `status` that the kind does not have. Nobody else validates a manifest's
/// status, because it has no effect.
pub(crate) fn unknown_in_status(object: &ObjectRef, value: &Value) -> Vec<Problem> {
    let status = &value["status"];
    if status.is_null() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let [front_door, route] = &*STATUS;
    let node = match object.kind {
        Kind::FrontDoor => front_door,
        Kind::Route => route,
    };
    let at = FieldPath::Root;
    kubernetes::unknown_fields(node, &at.child("status"), status, &mut found);
    let problem = |(field, message)| Problem {
        object: object.clone(),
        severity: Severity::Warning,
        condition: ConditionType::Accepted,
        field,
        reason: Reason::NoEffect,
        message,
    };
    found.into_iter().map(problem).collect()
}

/// Makes a manifest decode in which [`validate`] found problems, before [`prune_nulls`]. A value of
/// the wrong type, one that is not in its enum, or a null that was refused, is replaced by its
/// default or by a harmless placeholder. Returns the paths of what was replaced or removed; an
/// object with any must not be accepted.
pub fn repair(kind: Kind, value: &mut Value) -> Vec<String> {
    repair::run(schema_of(kind), value)
}

fn schema_of(kind: Kind) -> &'static Node {
    match kind {
        Kind::FrontDoor => &FRONT_DOOR,
        Kind::Route => &ROUTE,
    }
}

/// Removes null fields: outside of `spec`, the API server takes them for absent.
pub fn prune_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(prune_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(prune_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The schema of a whole manifest: the CRD's `spec`, and the fields that the API server itself
/// knows. `status` is not validated, since nobody writes it in a manifest.
fn root(kind: Kind) -> Node {
    let text =
        |about: &str| Node { about: about.to_owned(), shape: Shape::Text(node::Text::default()) };
    let fields = BTreeMap::from([
        ("apiVersion".to_owned(), text("The group and version.")),
        ("kind".to_owned(), text("The kind.")),
        ("metadata".to_owned(), metadata::node()),
        ("spec".to_owned(), property(kind, "spec")),
        ("status".to_owned(), Node::any()),
    ]);
    let required = ["apiVersion", "kind", "metadata", "spec"].map(str::to_owned).to_vec();
    let object = Object { fields, required, refuses_nulls: false };
    Node { about: String::new(), shape: Shape::Object(object) }
}

/// The schema of a field of the kind's definition.
fn property(kind: Kind, field: &str) -> Node {
    DEFINITIONS
        .iter()
        .find(|crd| crd.spec.names.kind == kind.name())
        .and_then(|crd| crd.spec.versions.first()?.schema.as_ref()?.open_api_v3_schema.as_ref())
        .and_then(|schema| schema.properties.as_ref()?.get(field))
        .map_or_else(Node::any, Node::new)
}

#[cfg(test)]
mod tests;
