//! Alerts and the dashboard: what they ask for exists.

use portico_tests::{helm::render, root};
use serde_json::Value;
use std::{collections::BTreeSet, fs};

/// Metrics that are not Portico's own: Prometheus's, the kubelet's, kube-state-metrics'.
const OTHERS: &[&str] = &["up", "container_", "kube_"];

#[test]
fn they_ask_for_metrics_that_there_are() {
    let Some(objects) = render(&["prometheusRule.enabled=true", "dashboard.enabled=true"]) else {
        return;
    };
    let objects = objects.unwrap();
    let rule = objects.one("PrometheusRule", "").unwrap();
    let rules = rule["spec"]["groups"][0]["rules"].as_array().unwrap();
    let mut queries: Vec<_> =
        rules.iter().map(|rule| rule["expr"].as_str().unwrap().to_owned()).collect();
    assert!(queries.len() > 5, "{queries:?}");
    let map = objects.one("ConfigMap", "").unwrap();
    for file in map["data"].as_object().unwrap().values() {
        let dashboard: Value = serde_json::from_str(file.as_str().unwrap()).unwrap();
        collect_queries(&dashboard, &mut queries);
    }
    assert!(queries.len() > 20, "{queries:?}");

    let documented = documented();
    let mut asked = BTreeSet::new();
    for query in &queries {
        for word in query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            if word.starts_with("portico_") {
                let base = ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|suffix| word.strip_suffix(suffix));
                let name = base.filter(|base| documented.contains(*base)).unwrap_or(word);
                assert!(documented.contains(name), "{word} in {query}");
                asked.insert(name.to_owned());
            }
        }
        let is_others = OTHERS.iter().any(|other| query.contains(other));
        assert!(query.contains("portico_") || is_others, "{query}");
    }
    assert!(asked.len() > 15, "{asked:?}");
}

#[test]
fn a_certificate_that_is_about_to_expire_is_an_alert() {
    let Some(objects) = render(&["prometheusRule.enabled=true"]) else { return };
    let objects = objects.unwrap();
    let rule = objects.one("PrometheusRule", "").unwrap();
    let rules = rule["spec"]["groups"][0]["rules"].as_array().unwrap();
    let of_metric = |rule: &&Value| {
        rule["expr"].as_str().unwrap().contains("portico_certificate_not_after_timestamp_seconds")
    };
    let alert = rules.iter().find(of_metric).unwrap();
    let description = alert["annotations"]["description"].as_str().unwrap();
    for label in ["front_door", "host"] {
        assert!(alert["expr"].as_str().unwrap().contains(label), "{alert}");
        assert!(description.contains(&format!("$labels.{label}")), "{description}");
    }
}

/// Every `expr` of a dashboard, however deep.
fn collect_queries(value: &Value, queries: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            queries.extend(fields.get("expr").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|field| collect_queries(field, queries));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_queries(item, queries)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The names in the table of `docs/observe.md`.
fn documented() -> BTreeSet<String> {
    let page = fs::read_to_string(root().join("docs/observe.md")).unwrap();
    let (_, section) = page.split_once("## Metrics").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next());
    let names = rows.flat_map(|cell| cell.split(',')).map(|name| name.trim().trim_matches('`'));
    names.filter(|name| name.starts_with("portico_")).map(str::to_owned).collect()
}
