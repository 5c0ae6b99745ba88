//! `portico import azure-front-door` as users run it.
#![allow(clippy::panic, clippy::unwrap_used)]

#[path = "../binary/mod.rs"]
mod binary;
mod broken;
mod generated;
mod inputs;
mod paths;
mod rules;

use binary::{Ran, portico_with};
use portico::{
    compile::{Options, compile},
    files,
    import::{Source, azure},
};
use serde_json::{Value, json};
use std::path::Path;

const SCHEMA: &str =
    "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#";

/// What became of a source.
struct Imported {
    code: i32,
    report: Value,
    manifests: String,
}

impl Imported {
    /// The entries of the report on fields whose path ends like this: the verdict and why.
    fn said(&self, field: &str) -> Vec<(&str, &str)> {
        let entries = self.report["report"].as_array().unwrap();
        let of_field =
            entries.iter().filter(|entry| entry["field"].as_str().unwrap().ends_with(field));
        of_field
            .map(|entry| (entry["verdict"].as_str().unwrap(), entry["why"].as_str().unwrap()))
            .collect()
    }

    /// The specs of the objects of a kind, by name.
    fn specs(&self, kind: &str) -> Vec<(String, Value)> {
        let merged = files::values(&self.manifests).unwrap();
        let of_kind = merged.into_iter().filter(|object| object["kind"] == kind);
        of_kind
            .map(|it| (it["metadata"]["name"].as_str().unwrap().to_owned(), it["spec"].clone()))
            .collect()
    }

    /// The spec of the only Route that has this path among its matches.
    fn route(&self, path: &str) -> Value {
        let mut routes = self.specs("Route").into_iter().map(|(_, spec)| spec);
        let has = |spec: &Value| {
            spec["matches"].as_array().unwrap().iter().any(|own| own["path"] == path)
        };
        routes.find(has).unwrap_or_else(|| panic!("no Route for {path}: {}", self.manifests))
    }
}

/// Imports a document, and fails unless all that is written is accepted.
fn import(document: &Value) -> Imported {
    let sources = [Source { file: "input".to_owned(), value: document.clone() }];
    let imported = azure(&sources, &[]);
    let files = imported.files().unwrap();
    let merged =
        files::read_texts(files.iter().map(|file| (file.name.as_str(), file.text.as_str())));
    assert!(merged.problems.is_empty(), "{:?}\n{files:#?}", merged.problems);
    for (object, status) in &compile(&merged.snapshot, &Options::default()).statuses {
        assert!(status.is_accepted(), "{object}: {:?}\n{files:#?}", status.problems);
    }
    Imported {
        code: if imported.needs_a_look() { 3 } else { 0 },
        report: serde_json::to_value(&imported).unwrap(),
        manifests: files.into_iter().map(|file| file.text).collect(),
    }
}

/// The same, by the binary.
fn import_by_binary(text: &str) -> Imported {
    let folder = tempfile::tempdir().unwrap();
    let run = |output: &str| {
        let command = ["import", "azure-front-door", "-", "-o", output];
        portico_with(folder.path(), &command, text.as_bytes())
    };
    let Ran { code, out, err } = run("json");
    assert_eq!(err, "", "{text}");
    assert!(code == 0 || code == 3, "{code}: {text}");
    let report: Value = serde_json::from_str(&out).unwrap();
    let Ran { out: manifests, .. } = run("yaml");
    check(folder.path(), &manifests);
    Imported { code, report, manifests }
}

/// Fails unless all of these manifests are accepted.
fn check(folder: &Path, manifests: &str) {
    if manifests.is_empty() {
        return;
    }
    let ran = portico_with(folder, &["check", "-"], manifests.as_bytes());
    assert_eq!(ran.code, 0, "{}{}\n{manifests}", ran.out, ran.err);
}

/// A classic Front Door with one host, one backend pool and these routing rules.
fn classic(rules: &[Value]) -> Value {
    let id = |kind: &str, name: &str| {
        format!(
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/frontDoors/fd/{kind}/{name}"
        )
    };
    let rules: Vec<Value> = rules
        .iter()
        .enumerate()
        .map(|(at, rule)| {
            let mut properties = json!({
                "frontendEndpoints": [{"id": id("frontendEndpoints", "www")}],
                "acceptedProtocols": ["Https"],
                "patternsToMatch": ["/*"],
                "routeConfiguration": {
                    "@odata.type": "#Microsoft.Azure.FrontDoor.Models.FrontdoorForwardingConfiguration",
                    "forwardingProtocol": "HttpsOnly",
                    "backendPool": {"id": id("backendPools", "web")},
                },
            });
            properties.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
            json!({"name": format!("rule{at}"), "properties": properties})
        })
        .collect();
    json!({"$schema": SCHEMA, "resources": [{
        "type": "Microsoft.Network/frontDoors",
        "name": "fd",
        "properties": {
            "frontendEndpoints": [{"name": "www", "properties": {"hostName": "www.contoso.com"}}],
            "backendPools": [{"name": "web", "properties": {
                "backends": [{"address": "web.contoso.net", "backendHostHeader": "web.contoso.net"}],
            }}],
            "routingRules": rules,
        },
    }]})
}

/// A profile with one endpoint, one route that has these fields, one origin, and a rule set with
/// these rules.
fn standard(route: &Value, rules: &[Value]) -> Value {
    let id = |rest: &str| {
        format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Cdn/profiles/p/{rest}")
    };
    let mut properties = json!({
        "customDomains": [{"id": id("customDomains/www")}],
        "originGroup": {"id": id("originGroups/web")},
        "ruleSets": [{"id": id("ruleSets/main")}],
        "supportedProtocols": ["Https"],
        "patternsToMatch": ["/*"],
        "forwardingProtocol": "HttpsOnly",
    });
    properties.as_object_mut().unwrap().extend(route.as_object().unwrap().clone());
    let resource = |kind: &str, name: &str, properties: Value| json!({"type": format!("Microsoft.Cdn/profiles{kind}"), "name": name, "properties": properties});
    let mut resources = vec![
        resource("/customDomains", "p/www", json!({"hostName": "www.contoso.com"})),
        resource("/afdEndpoints", "p/main", json!({})),
        resource("/afdEndpoints/routes", "p/main/web", properties),
        resource("/originGroups", "p/web", json!({})),
        resource(
            "/originGroups/origins",
            "p/web/one",
            json!({"hostName": "web.contoso.net", "originHostHeader": "web.contoso.net"}),
        ),
        resource("/originGroups", "p/other", json!({})),
        resource(
            "/originGroups/origins",
            "p/other/one",
            json!({"hostName": "other.contoso.net", "originHostHeader": "other.contoso.net"}),
        ),
    ];
    for (at, rule) in rules.iter().enumerate() {
        let mut properties = json!({"order": at, "conditions": [], "actions": []});
        properties.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
        resources.push(resource("/ruleSets/rules", &format!("p/main/rule{at}"), properties));
    }
    json!({"$schema": SCHEMA, "resources": resources})
}
