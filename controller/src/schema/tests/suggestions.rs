//! Whatever a message tells to write fits.

use crate::{
    diagnostic::{Kind, ObjectRef},
    schema::{
        check,
        fits::fits,
        foreign::{self, Advice},
        node::{Node, Shape},
        schema_of, suggest,
    },
};
use portico_dataplane::table::ObjectName;
use serde_json::{Value, json};

/// Every node of a schema, with its path.
fn nodes<'n>(node: &'n Node, path: String, all: &mut Vec<(String, &'n Node)>) {
    match &node.shape {
        Shape::Object(object) => {
            for (name, field) in &object.fields {
                nodes(field, format!("{path}.{name}"), all);
            }
        }
        Shape::Map(map) => nodes(&map.values, format!("{path}[]"), all),
        Shape::List(list) => nodes(&list.items, format!("{path}[]"), all),
        Shape::Text(_) | Shape::Integer(_) | Shape::IntOrText(..) | Shape::Boolean | Shape::Any => {
        }
    }
    all.push((path, node));
}

/// Values that people write where they don't fit.
#[allow(clippy::too_many_lines)] // A list.
fn wrong_values() -> Vec<Value> {
    let texts = [
        "",
        "80",
        "0",
        "-1",
        "600",
        "1.5",
        "2 s",
        "5 min",
        "1d",
        "30 seconds",
        "true",
        "yes",
        "off",
        "GET",
        "get",
        "exact",
        "Regex",
        "/a",
        "a",
        "a/b",
        "www.ep.com",
        "WWW.EP.COM",
        "*.ep.com",
        "*",
        "https://www.ep.com",
        "https://www.ep.com/x",
        "10.0.0.0/8",
        "Ep_1",
        " a ",
        "é",
        "a: b",
        "#",
        "null",
        "~",
        "0x10",
        "1e3",
        "{}",
        "[a]",
        "'",
        "\"",
        "-",
        "- a",
        "a #b",
        "@a",
        "&a",
        "!a",
        "%a",
    ];
    let mut values: Vec<Value> = texts.iter().map(|text| json!(text)).collect();
    let others = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(80),
        json!(404),
        json!(600),
        json!(-1),
        json!(1.0),
        json!(1.5),
        json!(0.25),
        json!(1e10),
        json!(100_000),
        json!(600_000),
        json!(u64::MAX),
        json!([]),
        json!({}),
        json!(["a"]),
        json!([{}]),
        json!(["80", 80]),
        json!({"name": "a"}),
        json!([{"name": "a"}]),
        json!({"name": "a", "port": 80}),
        json!({"path": "/a"}),
        json!({"url": "https://a.example"}),
        json!([["a"]]),
    ];
    values.extend(others);
    values
}

#[test]
fn what_fits_is_what_validation_finds_nothing_in() {
    let object = ObjectRef { kind: Kind::Route, name: ObjectName::new("web", "a") };
    for kind in Kind::ALL {
        let mut all = Vec::new();
        nodes(schema_of(kind), String::new(), &mut all);
        for (path, node) in all {
            for value in wrong_values() {
                let found = check::run(&object, node, &value);
                assert_eq!(
                    fits(node, &value),
                    found.is_empty(),
                    "{kind} {path}: {value}: {found:?}"
                );
            }
        }
    }
}

#[test]
fn what_is_suggested_fits() {
    let mut suggested = 0;
    for kind in Kind::ALL {
        let mut all = Vec::new();
        nodes(schema_of(kind), String::new(), &mut all);
        for (path, node) in all {
            for value in wrong_values() {
                let Some(text) = suggest::instead(node, &value) else { continue };
                let read: Value = serde_saphyr::from_str(&text).unwrap();
                assert!(fits(node, &read), "{kind} {path}: {value}: {text} is read as {read}");
                suggested += 1;
            }
        }
    }
    assert!(suggested > 500, "{suggested}");
}

#[test]
fn what_another_ingress_has_is_not_a_field_here_and_what_is_told_instead_is() {
    for (kind, parent, name, advice) in foreign::FOREIGN {
        let mut all = Vec::new();
        nodes(schema_of(*kind), String::new(), &mut all);
        let path = |path: &str| path.replace("[]", "").trim_start_matches('.').to_owned();
        let parent = all.iter().find_map(|(at, node)| match &node.shape {
            Shape::Object(object) if path(at) == *parent => Some(object),
            _ => None,
        });
        let object = parent.unwrap_or_else(|| panic!("{kind} has {name} nowhere"));
        assert!(!object.fields.contains_key(*name), "{kind}: {name} is a field");
        match advice {
            Advice::Field(field, _) => assert!(object.fields.contains_key(*field), "{field}"),
            Advice::Say(text) => assert!(text.contains("write") || text.contains("put"), "{text}"),
        }
    }
}
