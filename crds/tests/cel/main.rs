//! The CEL rules, run as an API server runs them: schema defaults first, then every rule.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cors;
mod front_door;
mod route;
mod rules;
mod selection;

use kube_cel::{Validator, compile_schema};
use serde_json::{Value, json};

fn schema(kind: &str) -> Value {
    let crd = portico_crds::crds().into_iter().find(|crd| crd.spec.names.kind == kind).unwrap();
    let version = crd.spec.versions.into_iter().next().unwrap();
    let schema = version.schema.unwrap().open_api_v3_schema.unwrap();
    let mut schema = serde_json::to_value(schema).unwrap();
    without_null_rules(&mut schema);
    schema
}

/// kube-cel has no `dyn()`: only an API server can run the rules that refuse nulls, and the cluster
/// tests have it do so.
fn without_null_rules(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    if let Some(Value::Array(rules)) = fields.get_mut("x-kubernetes-validations") {
        rules.retain(|rule| rule["message"] != portico_crds::NULL_REFUSED);
    }
    fields.values_mut().for_each(without_null_rules);
}

/// RFC 7386: null removes.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else { return *target = patch.clone() };
    if !target.is_object() {
        *target = json!({});
    }
    let fields = target.as_object_mut().unwrap();
    for (name, value) in patch {
        match value {
            Value::Null => drop(fields.remove(name)),
            value => merge(fields.entry(name).or_insert(Value::Null), value),
        }
    }
}

/// A change of a good object's spec; the field and words of the message that it is refused with,
/// both empty where it is accepted.
type Case<'a> = (Value, &'a str, &'a str);

fn run(kind: &str, good: &Value, cases: &[Case<'_>]) {
    let schema = compile_schema(&schema(kind));
    assert!(schema.compilation_errors().is_empty(), "{:?}", schema.compilation_errors());
    for (patch, field, words) in cases {
        let mut object = json!({"spec": good});
        merge(&mut object["spec"], patch);
        let refused = Validator::new().validate_compiled(&schema, &object, None);
        let refused: Vec<(String, String)> = refused
            .err()
            .into_iter()
            .flat_map(|errors| errors.into_vec())
            .map(|error| (error.field_path, error.message))
            .collect();
        match refused.as_slice() {
            [] => assert_eq!(*field, "", "{kind} {patch}: accepted"),
            [(at, message)] => {
                assert_eq!(at, field, "{kind} {patch}: {message}");
                assert!(!words.is_empty() && message.contains(words), "{kind} {patch}: {message}");
            }
            many => panic!("{kind} {patch}: refused more than once: {many:#?}"),
        }
    }
}

fn front_door() -> Value {
    json!({"hosts": [{"name": "www.ep.com"}]})
}

fn route() -> Value {
    json!({"frontDoorRef": {"name": "ep"}, "backends": [{"service": {"name": "web", "port": 80}}]})
}
