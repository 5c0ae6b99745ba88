//! `portico import` as users run it.
#![allow(clippy::panic, clippy::unwrap_used)]

#[path = "../binary/mod.rs"]
mod binary;
mod ingress;
mod never_wider;

use binary::{Ran, portico_with};
use serde_json::Value;
use std::path::Path;

/// Runs it on this text.
fn import(args: &[&str], input: &str) -> Ran {
    let args: Vec<_> = ["import"].iter().chain(args).copied().chain(["-"]).collect();
    portico_with(Path::new("."), &args, input.as_bytes())
}

/// The report on Ingresses of ingress-nginx, as JSON, and the exit status.
fn report(input: &str) -> (Value, i32) {
    let ran = import(&["ingress", "-o", "json"], input);
    (serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err)), ran.code)
}

/// The verdict on a field, and why.
fn verdict<'r>(report: &'r Value, source: &str, field: &str) -> (&'r str, &'r str) {
    let entries = report["report"].as_array().unwrap();
    let found = entries.iter().find(|it| it["source"] == source && it["field"] == field);
    let entry = found.unwrap_or_else(|| panic!("no {field} of {source} in {report:#}"));
    (entry["verdict"].as_str().unwrap(), entry["why"].as_str().unwrap())
}

/// What `portico check` says of manifests.
fn check(manifests: &str) -> Ran {
    portico_with(Path::new("."), &["check", "-"], manifests.as_bytes())
}

/// The manifests that are written for Ingresses of ingress-nginx, which pass `portico check`.
fn manifests(input: &str) -> String {
    let ran = import(&["ingress", "-o", "yaml"], input);
    assert!([0, 3].contains(&ran.code), "{}", ran.err);
    let checked = check(&ran.out);
    assert_eq!(checked.code, 0, "{}\n{}", checked.out, ran.out);
    ran.out
}

/// An Ingress of namespace web with annotations of ingress-nginx, a line each, for www.ep.com.
fn ingress(name: &str, annotations: &str, path: &str, service: &str) -> String {
    let annotations: String = annotations
        .lines()
        .map(|line| format!("    nginx.ingress.kubernetes.io/{}\n", line.trim()))
        .collect();
    format!(
        "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: {name}\n  namespace: web\n  annotations:\n    kubernetes.io/ingress.class: nginx\n{annotations}spec:\n  rules:\n  - host: www.ep.com\n    http:\n      paths:\n      - {{path: '{path}', pathType: Prefix, backend: {{service: {{name: {service}, port: {{number: 80}}}}}}}}\n"
    )
}
