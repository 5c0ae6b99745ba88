//! `portico explain` as users run it.
#![allow(clippy::unwrap_used)]

mod backends;
#[path = "../binary/mod.rs"]
mod binary;
mod browser;
mod command;
mod preflight;
mod response;
mod routing;
mod tls;

use binary::{Ran, portico_with};
use serde_json::Value;
use std::fs;

/// A FrontDoor whose policy lets one origin send PUTs with `x-a`.
const FRONT_DOOR: &str = "
apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {name: ep, namespace: web}
spec:
  hosts: [{name: www.ep.com}]
  cors:
    allowOrigins: ['https://app.example.com']
    allowCredentials: true
    allowMethods: [PUT]
    allowHeaders: [x-a]
    exposeHeaders: [x-total-count]
";

fn explain(manifests: &str, args: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), manifests).unwrap();
    let place = folder.path().to_str().unwrap();
    portico_with(folder.path(), &[&["explain", place], args].concat(), b"")
}

fn told(manifests: &str, url: &str, args: &[&str]) -> Value {
    let ran = explain(manifests, &[&["--url", url, "-o", "json"], args].concat());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

/// A Route of that FrontDoor.
fn route(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: portico.dev/v1alpha1\nkind: Route\nmetadata: {{name: {name}, namespace: web}}\nspec: {{frontDoorRef: {{name: ep}}, {spec}}}\n"
    )
}

/// A Route to an external host.
fn forward(name: &str, matches: &str, rest: &str) -> String {
    let spec = format!(
        "matches: [{matches}], backends: [{{external: {{url: 'https://{name}.example.net'}}}}]{rest}"
    );
    route(name, &spec)
}

fn front_door_without_policy() -> String {
    FRONT_DOOR.split("  cors:").next().unwrap().to_owned()
}

/// The value of a field in a list of `{name, value}`.
fn field<'v>(fields: &'v Value, name: &str) -> Option<&'v str> {
    let field = fields.as_array().unwrap().iter().find(|field| field["name"] == name)?;
    field["value"].as_str()
}

/// What is removed from a backend's response where a CORS policy applies.
const REMOVED: [&str; 4] =
    ["access-control-*", "timing-allow-origin", "alt-svc", "public-key-pins"];

const PAGE: [&str; 2] = ["--origin", "https://app.example.com"];
const EVIL: [&str; 2] = ["--origin", "https://evil.example"];
