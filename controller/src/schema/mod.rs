//! Structural validation of a manifest against the very schema that the API server gets, so that a
//! typo in a file is refused as `kubectl apply` refuses it. All problems at once, each with its
//! field and the way out. CEL rules are not run here: the compiler says the same, and more.

mod check;
mod messages;
mod metadata;
mod node;
mod repair;

use crate::diagnostic::{Kind, ObjectRef, Problem};
use node::{Node, Object, Shape};
use serde_json::Value;
use std::{collections::BTreeMap, sync::LazyLock};

static FRONT_DOOR: LazyLock<Node> = LazyLock::new(|| root(Kind::FrontDoor));
static ROUTE: LazyLock<Node> = LazyLock::new(|| root(Kind::Route));

/// Everything in which a parsed manifest breaks the schema of its kind; empty: it decodes, once
/// [`prune_nulls`] has run. Every problem is an error that concerns `Accepted`.
pub fn validate(object: &ObjectRef, value: &Value) -> Vec<Problem> {
    check::run(object, schema_of(object.kind), value)
}

/// Makes a manifest decode in which [`validate`] found problems and [`prune_nulls`] has run: what
/// has a wrong type or is no word of an enum gives way to its default, or to something that says
/// nothing. Returns the paths of what was put in or taken out, with which the object must not be
/// accepted.
pub fn repair(kind: Kind, value: &mut Value) -> Vec<String> {
    repair::run(schema_of(kind), value)
}

fn schema_of(kind: Kind) -> &'static Node {
    match kind {
        Kind::FrontDoor => &FRONT_DOOR,
        Kind::Route => &ROUTE,
    }
}

/// Removes the fields that are null: to the API server they are absent.
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

/// The schema of a whole manifest: what the CRD says of `spec`, and what it leaves unsaid because
/// the API server knows it. `status` is nobody's to write in a manifest and is not looked at.
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
