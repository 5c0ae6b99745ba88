#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod mistakes;
mod suggestions;

use super::*;
use crate::diagnostic::{ConditionType, Reason, Severity};
use portico_crds::{FrontDoor, Route};
use portico_dataplane::table::ObjectName;
use serde_json::json;

fn front_door() -> Value {
    json!({
        "apiVersion": "portico.dev/v1alpha1",
        "kind": "FrontDoor",
        "metadata": {"name": "ep", "namespace": "web", "labels": {"app.kubernetes.io/name": "ep"}},
        "spec": {
            "className": "portico",
            "hosts": [
                {"name": "www.ep.com", "tls": {"secretRef": {"name": "ep-com"}}},
                {"name": "*.ep.com"},
            ],
            "plainHttp": "Redirect",
            "attach": [
                {"namespaces": ["web"]},
                {"namespaceSelector": {"matchLabels": {"team": "sales"}}, "paths": ["/sales/*"]},
            ],
            "cors": {"allowOrigins": ["https://app.example.com"], "maxAge": "2h"},
            "trustedProxies": ["10.0.0.0/8"],
        },
    })
}

fn route() -> Value {
    json!({
        "apiVersion": "portico.dev/v1alpha1",
        "kind": "Route",
        "metadata": {"name": "profiles", "namespace": "web", "creationTimestamp": "2026-11-22T00:00:00Z"},
        "spec": {
            "frontDoorRef": {"name": "ep"},
            "hosts": ["www.ep.com"],
            "matches": [{
                "path": "/api/user/*",
                "methods": ["GET", "PUT"],
                "headers": [{"name": "x-tenant", "value": "blue"}],
                "query": [{"name": "v", "value": "2"}],
                "cookies": [{"name": "beta", "type": "Present"}],
            }],
            "backends": [
                {"service": {"name": "profiles", "port": "http"}, "weight": 90},
                {"external": {"url": "https://profiles.azurewebsites.net"}, "weight": 10, "priority": 1},
            ],
            "rewrite": {"path": "/users/*", "host": "Backend"},
            "requestHeaders": {
                "set": [
                    {"name": "x-api-key", "valueFrom": {"secretKeyRef": {"name": "profiles-key", "key": "token"}}},
                    {"name": "x-front-door", "value": "ep"},
                ],
                "add": [],
                "remove": ["x-debug"],
            },
            "timeouts": {"connect": "2s", "request": "60s", "idle": "5m"},
        },
        "status": {"anything": true},
    })
}

fn problems(value: &Value) -> Vec<Problem> {
    let kind = if value["kind"] == "Route" { Kind::Route } else { Kind::FrontDoor };
    validate(&ObjectRef { kind, name: ObjectName::new("web", "x") }, value)
}

/// `base` with the value at a JSON pointer replaced; the last step may be new.
fn with(mut base: Value, pointer: &str, value: Value) -> Value {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match base.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}")) {
        Value::Object(fields) => drop(fields.insert(last.to_owned(), value)),
        Value::Array(items) => items[last.parse::<usize>().unwrap()] = value,
        other => panic!("{pointer} leads to {other}"),
    }
    base
}

/// Asserts that there is exactly one problem, with this field and these words in its message.
#[track_caller]
fn one(value: &Value, field: &str, words: &[&str]) {
    let found = problems(value);
    let [problem] = found.as_slice() else { panic!("{field}: not one problem: {found:#?}") };
    assert_eq!(problem.field, field);
    assert_eq!(problem.reason, Reason::Invalid);
    assert_eq!(problem.severity, Severity::Error);
    assert_eq!(problem.condition, ConditionType::Accepted);
    for word in words {
        assert!(
            problem.message.contains(word),
            "{field}: {word:?} is not in {:?}",
            problem.message
        );
    }
}

#[test]
fn good_objects_have_no_problems_and_decode() {
    assert_eq!(problems(&front_door()), []);
    assert_eq!(problems(&route()), []);
    serde_json::from_value::<FrontDoor>(front_door()).unwrap();
    serde_json::from_value::<Route>(route()).unwrap();
}

#[test]
fn what_is_just_within_bounds_is_accepted() {
    for (pointer, value) in [
        ("/spec/backends/0/service/port", json!(1)),
        ("/spec/backends/0/service/port", json!(65_535)),
        ("/spec/backends/0/service/port", json!("x".repeat(15))),
        ("/spec/backends/0/weight", json!(1_000_000)),
        ("/spec/matches/0/methods", json!(vec!["GET"; 16])),
        // Characters are counted, not bytes.
        ("/spec/matches/0/query/0/value", json!("é".repeat(4096))),
        ("/metadata/name", json!("a".repeat(253))),
        ("/metadata/namespace", json!("a".repeat(63))),
    ] {
        let value = with(route(), pointer, value);
        assert_eq!(problems(&value), [], "{pointer}");
        serde_json::from_value::<Route>(value).unwrap();
    }
}

#[test]
fn a_front_door_names_each_host_once() {
    let hosts = json!([{"name": "a.com"}, {"name": "b.com"}, {"name": "a.com"}, {"nam": "x"}, {"name": "a.com"}]);
    let found = problems(&with(front_door(), "/spec/hosts", hosts));
    let found: Vec<_> = found.iter().map(|p| (p.field.as_str(), p.message.as_str())).collect();
    // That the name is missing has been said.
    let [unknown, third, fifth] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!(unknown, &("spec.hosts[3].nam", "unknown field; did you mean 'name'?"));
    let twice = "\"a.com\" is already at spec.hosts[0]; each may appear only once";
    assert_eq!(third, &("spec.hosts[2].name", twice));
    assert_eq!(fifth, &("spec.hosts[4].name", twice));
}

#[test]
fn labels_are_a_map_with_bounds() {
    let selector = |labels: Value| {
        with(front_door(), "/spec/attach/1/namespaceSelector", json!({"matchLabels": labels}))
    };
    let at = "spec.attach[1].namespaceSelector.matchLabels";
    assert_eq!(problems(&selector(json!({"a": "b", "c": ""}))), []);
    one(&selector(json!({})), at, &["at least 1 key"]);
    one(&selector(json!({"a": "b", "c": null})), &format!("{at}[c]"), &["is null", "Helm"]);
    one(&selector(json!({"a.b/c": "-"})), &format!("{at}[a.b/c]"), &["does not match"]);
    one(&selector(json!(["a"])), at, &["must be a mapping, not a list"]);
    let many: serde_json::Map<String, Value> =
        (0..33).map(|i| (format!("k{i}"), json!("v"))).collect();
    one(&selector(many.into()), at, &["33 keys, but at most 32"]);
}

#[test]
fn all_problems_come_at_once() {
    let mut value = with(route(), "/spec/matches/0/method", json!("GET"));
    value = with(value, "/spec/backends/0/weight", json!("x"));
    value = with(value, "/metadata/name", json!("-"));
    value.as_object_mut().unwrap().remove("apiVersion");
    let fields: Vec<String> = problems(&value).into_iter().map(|problem| problem.field).collect();
    assert_eq!(
        fields,
        ["metadata.name", "spec.backends[0].weight", "spec.matches[0].method", "apiVersion"]
    );
}

#[test]
fn outside_of_spec_null_is_absent() {
    let mut value = with(route(), "/metadata/labels", json!(null));
    value = with(value, "/metadata/annotations", json!({"a": null}));
    assert_eq!(problems(&value), []);
    prune_nulls(&mut value);
    serde_json::from_value::<Route>(value).unwrap();
}

/// Whatever is null in a spec could have been meant to restrict.
#[test]
fn a_null_in_spec_is_refused_wherever_it_is() {
    for (kind, whole) in [(Kind::Route, route()), (Kind::FrontDoor, front_door())] {
        let pointers = pointers(&whole, "");
        let inside = pointers.iter().filter(|pointer| pointer.starts_with("/spec/"));
        for pointer in inside {
            let mut value = with(whole.clone(), pointer, Value::Null);
            let found = problems(&value);
            assert_eq!(found.len(), 1, "{kind} {pointer}: {found:#?}");
            let undecoded = repair(kind, &mut value);
            assert_eq!(undecoded, [found[0].field.clone()], "{kind} {pointer}");
        }
    }
}

#[test]
fn what_is_no_mapping_at_all_is_one_problem() {
    for value in [json!(null), json!([]), json!("x"), json!(1)] {
        let object = ObjectRef { kind: Kind::Route, name: ObjectName::new("web", "x") };
        assert_eq!(validate(&object, &value).len(), 1, "{value}");
    }
}

/// Whatever replaces a value, [`repair`] makes decode what [`validate`] complains about.
#[test]
fn what_is_mended_decodes_and_was_complained_of() {
    let mut whole = with(route(), "/spec/cors", json!({"mode": "Report", "allowOrigins": ["*"]}));
    whole.as_object_mut().unwrap().remove("status"); // Which is not validated.
    let others = [json!([]), json!({}), json!("?"), json!(true), json!(-7), json!(1_i64 << 40)];
    for (kind, whole) in [(Kind::Route, whole), (Kind::FrontDoor, front_door())] {
        let inside = pointers(&whole, "")
            .into_iter()
            .filter(|pointer| !pointer.is_empty() && !pointer.starts_with("/metadata/labels/"));
        for (pointer, other) in inside.flat_map(|p| others.clone().map(|other| (p.clone(), other)))
        {
            let mut value = with(whole.clone(), &pointer, other.clone());
            let found = validate(&ObjectRef { kind, name: ObjectName::new("web", "x") }, &value);
            let undecoded = repair(kind, &mut value);
            let decoded = match kind {
                Kind::Route => serde_json::from_value::<Route>(value).map(drop),
                Kind::FrontDoor => serde_json::from_value::<FrontDoor>(value).map(drop),
            };
            decoded.unwrap_or_else(|error| panic!("{pointer} {other}: {error}"));
            for path in undecoded {
                let said = found.iter().any(|problem| problem.field == path);
                assert!(said, "{pointer} {other}: nothing is said of {path}");
            }
        }
    }
}

#[test]
fn what_is_mended_keeps_its_place_and_what_is_unfit_stays() {
    let cors =
        json!({"allowOrigins": [1, "https://x.com/"], "allowHeaders": "x", "mode": "report"});
    let mut value = with(route(), "/spec/cors", cors);
    let undecoded = repair(Kind::Route, &mut value);
    assert_eq!(value["spec"]["cors"], json!({"allowOrigins": ["", "https://x.com/"]}));
    assert_eq!(
        undecoded,
        ["spec.cors.allowHeaders", "spec.cors.allowOrigins[0]", "spec.cors.mode"]
    );
}

/// The pointers to all values inside a value.
fn pointers(value: &Value, at: &str) -> Vec<String> {
    let below: Vec<_> = match value {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, v)| (i.to_string(), v)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    let mut all: Vec<_> = below
        .into_iter()
        .flat_map(|(key, value)| pointers(value, &format!("{at}/{key}")))
        .collect();
    all.push(at.to_owned());
    all
}
