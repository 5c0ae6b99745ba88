//! What holds for every node of both schemas.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::{Value, json};
use std::collections::BTreeSet;

/// YAML 1.1 reads these as booleans when they stand without quotes.
const BOOLEANS: [&str; 8] = ["y", "n", "yes", "no", "true", "false", "on", "off"];

/// Every node of both schemas with its path.
fn nodes() -> Vec<(String, Value)> {
    fn walk(path: String, node: &Value, found: &mut Vec<(String, Value)>) {
        for (name, property) in node["properties"].as_object().into_iter().flatten() {
            walk(format!("{path}.{name}"), property, found);
        }
        for child in ["items", "additionalProperties"] {
            if node[child].is_object() {
                walk(format!("{path}.{child}"), &node[child], found);
            }
        }
        found.push((path, node.clone()));
    }
    let mut found = Vec::new();
    for crd in portico_crds::crds() {
        let version = crd.spec.versions.into_iter().next().unwrap();
        let schema = serde_json::to_value(version.schema.unwrap().open_api_v3_schema).unwrap();
        walk(crd.spec.names.kind, &schema, &mut found);
    }
    assert!(found.len() > 150, "the walk has missed something: {}", found.len());
    found
}

#[test]
fn everything_is_bounded_and_typed() {
    for (path, node) in nodes() {
        let is = |kind: &str| node["type"] == kind;
        let has = |bound: &str| assert!(!node[bound].is_null(), "{path} has no {bound}");
        if node["x-kubernetes-int-or-string"] == true {
            ["minimum", "maximum", "maxLength", "pattern"].into_iter().for_each(has);
        } else if is("string") {
            if node["enum"].is_null() {
                has("maxLength");
            }
        } else if is("integer") {
            if node["enum"].is_null() {
                has("minimum");
            }
        } else if is("array") {
            has("maxItems");
            has("items");
        } else if is("object") {
            assert!(
                node["properties"].is_object() != node["additionalProperties"].is_object(),
                "{path}"
            );
            if node["additionalProperties"].is_object() {
                has("maxProperties");
            }
        } else {
            assert!(is("boolean"), "{path} has no type");
        }
        assert!(
            node["x-kubernetes-preserve-unknown-fields"].is_null(),
            "{path} takes unknown fields"
        );
    }
}

#[test]
fn every_field_is_described() {
    for (path, node) in nodes() {
        let is_item = path.ends_with(".items") || path.ends_with(".additionalProperties");
        // The conditions in a condition have the same fields.
        let is_item = is_item || path.contains(".not.") || path.contains(".any.");
        let description = node["description"].as_str().unwrap_or_default();
        assert!(
            is_item || path.ends_with(".spec") || description.ends_with('.'),
            "{path}: {description:?}"
        );
    }
}

#[test]
fn no_enum_value_is_a_boolean_to_yaml() {
    for (path, node) in nodes() {
        for value in node["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            assert!(!BOOLEANS.contains(&value.to_lowercase().as_str()), "{path}: {value}");
        }
    }
}

#[test]
fn every_pattern_is_whole_and_compiles() {
    for (path, node) in nodes() {
        if let Some(pattern) = node["pattern"].as_str() {
            assert!(pattern.starts_with('^') && pattern.ends_with('$'), "{path}: {pattern}");
            assert!(
                !pattern.contains(r"\d") && !pattern.contains(r"\w"),
                "{path}: not the same in Go and Rust"
            );
            regex::Regex::new(pattern).unwrap_or_else(|error| panic!("{path}: {error}"));
        }
    }
}

#[test]
fn every_rule_has_a_message() {
    for (path, node) in nodes() {
        for rule in node["x-kubernetes-validations"].as_array().into_iter().flatten() {
            let message = rule["message"].as_str().unwrap_or_default();
            assert!(!message.is_empty() && !message.contains('\n'), "{path}: {rule}");
        }
    }
}

#[test]
fn lists_that_merge_by_key() {
    let merged: Vec<(String, Value)> = nodes()
        .into_iter()
        .filter(|(_, node)| node["x-kubernetes-list-type"] == "map")
        .map(|(path, node)| (path, node["x-kubernetes-list-map-keys"].clone()))
        .collect();
    let expected = [
        ("FrontDoor.spec.hosts", json!(["name"])),
        ("FrontDoor.spec.rules", json!(["name"])),
        ("FrontDoor.status.conditions", json!(["type"])),
        ("Route.spec.rules", json!(["name"])),
        ("Route.status.conditions", json!(["type"])),
    ];
    assert_eq!(merged, expected.map(|(path, keys)| (path.to_owned(), keys)));
}

const STATUSES: [&str; 2] = ["FrontDoor.status", "Route.status"];

#[test]
fn what_nobody_has_seen_is_not_ready() {
    let statuses: Vec<_> =
        nodes().into_iter().filter(|(path, _)| STATUSES.contains(&path.as_str())).collect();
    assert_eq!(statuses.len(), STATUSES.len());
    for (path, node) in statuses {
        let [ready] = &node["default"]["conditions"].as_array().unwrap()[..] else {
            panic!("{path}: {node}")
        };
        assert_eq!(
            (&ready["type"], &ready["status"]),
            (&json!("Ready"), &json!("Unknown")),
            "{path}"
        );
    }
}

#[test]
fn defaults_show() {
    let defaults: Vec<String> = nodes()
        .into_iter()
        .filter(|(path, node)| !node["default"].is_null() && !path.contains(".cors."))
        .filter(|(path, _)| !STATUSES.contains(&path.as_str()))
        .map(|(path, node)| format!("{path} = {}", node["default"]))
        .collect();
    assert_eq!(
        defaults,
        [
            r#"FrontDoor.spec.className = "portico""#,
            r#"FrontDoor.spec.plainHttp = "Redirect""#,
            r#"FrontDoor.spec.slashes = "Keep""#,
            r#"FrontDoor.spec.tls.clientCertificates.mode = "Require""#,
            "FrontDoor.spec.tls.hsts.includeSubDomains = false",
            "FrontDoor.spec.tls.hsts.preload = false",
            r#"FrontDoor.spec.tls.minVersion = "VersionTLS12""#,
            r#"FrontDoor.spec.trustedHeaders = "XForwarded""#,
            r#"Route.spec.matches = [{"path":"/*"}]"#,
            "Route.spec.redirect.status = 302",
            "Route.spec.respond.status = 200",
        ]
    );
}

/// A tool that compares an applied list with the stored one would see them as a difference.
#[test]
fn defaults_within_lists_are_described_alone() {
    let within: Vec<_> = nodes().into_iter().filter(|(path, _)| path.contains(".items.")).collect();
    for (path, node) in &within {
        assert!(node["default"].is_null(), "{path}");
    }
    let described: Vec<String> = within
        .iter()
        .filter_map(|(path, node)| {
            let (_, default) = node["description"].as_str()?.rsplit_once("Default: ")?;
            Some(format!("{path} = {}", default.strip_suffix('.')?))
        })
        .collect();
    assert_eq!(
        described,
        [
            "FrontDoor.spec.rules.items.do.redirect.status = 302",
            "FrontDoor.spec.rules.items.do.respond.status = 200",
            "FrontDoor.spec.rules.items.when.items.cookie.type = `Exact`",
            "FrontDoor.spec.rules.items.when.items.header.type = `Exact`",
            "FrontDoor.spec.rules.items.when.items.query.type = `Exact`",
            "FrontDoor.spec.tls.clientCertificates.caRefs.items.key = `ca.crt`",
            "Route.spec.backends.items.priority = 0",
            "Route.spec.backends.items.tls.caRef.key = `ca.crt`",
            "Route.spec.backends.items.weight = 1",
            "Route.spec.matches.items.cookies.items.type = `Exact`",
            "Route.spec.matches.items.headers.items.type = `Exact`",
            "Route.spec.matches.items.path = `/*`",
            "Route.spec.matches.items.query.items.type = `Exact`",
            "Route.spec.rules.items.do.backends.items.priority = 0",
            "Route.spec.rules.items.do.backends.items.tls.caRef.key = `ca.crt`",
            "Route.spec.rules.items.do.backends.items.weight = 1",
            "Route.spec.rules.items.do.redirect.status = 302",
            "Route.spec.rules.items.do.respond.status = 200",
            "Route.spec.rules.items.do.retry.attempts = 1",
            "Route.spec.rules.items.do.retry.backoff = `25ms`",
            "Route.spec.rules.items.do.retry.budget = 20",
            "Route.spec.rules.items.do.retry.on = `[ConnectFailure, Reset]`",
            "Route.spec.rules.items.do.retry.perTry = `0s`",
            "Route.spec.rules.items.do.timeouts.connect = `2s`",
            "Route.spec.rules.items.do.timeouts.request = `60s`",
            "Route.spec.rules.items.when.items.cookie.type = `Exact`",
            "Route.spec.rules.items.when.items.header.type = `Exact`",
            "Route.spec.rules.items.when.items.query.type = `Exact`",
        ]
    );
}

/// A block that can be switched off has no defaults in the schema: the API server would write them
/// beside `disabled`. Its fields' descriptions have them.
#[test]
fn blocks_that_can_be_switched_off() {
    let blocks: Vec<_> =
        nodes().into_iter().filter(|(_, node)| !node["properties"]["disabled"].is_null()).collect();
    let names: Vec<_> = blocks.iter().map(|(path, _)| path.as_str()).collect();
    let ours = ["balance", "ejection", "health", "limits", "retry", "timeouts"];
    let of = |kind: &'static str| ours.iter().map(move |name| format!("{kind}.{name}"));
    let rules = ["retry", "timeouts"].map(|name| format!("Route.spec.rules.items.do.{name}"));
    let all = of("FrontDoor.spec.defaults").chain(of("Route.spec")).chain(rules);
    let (names, expected): (BTreeSet<_>, BTreeSet<_>) =
        (names.into_iter().map(str::to_owned).collect(), all.collect());
    assert_eq!(names, expected);
    for (path, node) in &blocks {
        let rule = node["x-kubernetes-validations"][0]["rule"].as_str().unwrap();
        let fields = node["properties"].as_object().unwrap();
        for (name, field) in fields.iter().filter(|(name, _)| *name != "disabled") {
            let name = if name == "true" { "__true__" } else { name };
            assert!(rule.contains(&format!("has(self.{name})")), "{path}.{name} beside disabled");
            let about = field["description"].as_str().unwrap();
            let says =
                ["Default:", "Required.", "required with `policy: Hash`", "The same as `on`"];
            assert!(says.iter().any(|says| about.contains(says)), "{path}.{name}: {about}");
            assert!(field["default"].is_null(), "{path}.{name}");
        }
    }
}

/// kubectl makes `true` of a key `on` without quotes.
#[test]
fn on_may_lose_its_quotes() {
    let mut found = 0;
    for (path, node) in nodes() {
        if let Some(mut on) = node["properties"]["on"].as_object().cloned() {
            let mut unquoted = node["properties"]["true"].as_object().cloned().unwrap();
            assert!(on.remove("description").is_some() && unquoted.remove("description").is_some());
            assert_eq!(on, unquoted, "{path}");
            found += 1;
        }
    }
    assert_eq!(found, 5);
}

#[test]
fn names_columns_and_status() {
    let expected = [
        ("FrontDoor", "fd", vec!["Host", "Routes", "Accepted", "Programmed", "Age"]),
        ("Route", "fdr", vec!["FrontDoor", "Path", "Accepted", "Programmed", "Age"]),
    ];
    for (crd, (kind, short, columns)) in portico_crds::crds().into_iter().zip(expected) {
        assert_eq!(crd.spec.group, portico_crds::GROUP);
        assert_eq!(crd.spec.scope, "Namespaced");
        assert_eq!(crd.spec.names.kind, kind);
        assert_eq!(crd.spec.names.short_names, Some(vec![short.to_owned()]));
        assert_eq!(crd.spec.names.categories, Some(vec!["portico".to_owned()]));
        let [version] = crd.spec.versions.as_slice() else { panic!("{kind}: not one version") };
        assert_eq!(version.name, portico_crds::VERSION);
        assert!(version.subresources.as_ref().is_some_and(|sub| sub.status.is_some()));
        let shown: Vec<&str> = version
            .additional_printer_columns
            .iter()
            .flatten()
            .map(|column| column.name.as_str())
            .collect();
        assert_eq!(shown, columns);
    }
}
