//! Structural validation against the schema that the API server gets, so that a typo in a manifest
//! is rejected just as `kubectl apply` would reject it. All problems are reported at once, each
//! with its field and a fix. CEL rules are not evaluated here: the compiler checks the same and
//! more.

mod check;
mod fits;
mod foreign;
mod messages;
mod metadata;
mod nearest;
mod node;
mod repair;
mod suggest;

pub(crate) use messages::{RENDER, is_template};
pub(crate) use nearest::nearest;
pub(crate) use suggest::durations;

use crate::diagnostic::{Kind, ObjectRef, Problem};
use node::{Node, Object, Shape};
use serde_json::Value;
use std::{collections::BTreeMap, sync::LazyLock};

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

/// Makes a manifest decode in which [`validate`] found problems, after [`prune_nulls`] has run. A
/// value of the wrong type, or one that is not in its enum, is replaced by its default or by a
/// harmless placeholder. Returns the paths of what was replaced or removed; an object with any must
/// not be accepted.
pub fn repair(kind: Kind, value: &mut Value) -> Vec<String> {
    repair::run(schema_of(kind), value)
}

fn schema_of(kind: Kind) -> &'static Node {
    match kind {
        Kind::FrontDoor => &FRONT_DOOR,
        Kind::Route => &ROUTE,
    }
}

/// Removes null fields: to the API server they are absent.
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
    let name = kind.to_string();
    let spec = portico_crds::crds()
        .into_iter()
        .find(|crd| crd.spec.names.kind == name)
        .and_then(|crd| crd.spec.versions.into_iter().next()?.schema?.open_api_v3_schema)
        .and_then(|schema| schema.properties?.remove("spec"))
        .map_or_else(Node::any, |schema| Node::new(&schema));
    let text =
        |about: &str| Node { about: about.to_owned(), shape: Shape::Text(node::Text::default()) };
    let fields = BTreeMap::from([
        ("apiVersion".to_owned(), text("The group and version.")),
        ("kind".to_owned(), text("The kind.")),
        ("metadata".to_owned(), metadata::node()),
        ("spec".to_owned(), spec),
        ("status".to_owned(), Node::any()),
    ]);
    let required = ["apiVersion", "kind", "metadata", "spec"].map(str::to_owned).to_vec();
    Node { about: String::new(), shape: Shape::Object(Object { fields, required }) }
}

#[cfg(test)]
mod tests;
