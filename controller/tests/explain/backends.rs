//! Which backends could get a request, and why the others could not.

use crate::{explain, front_door_without_policy, route, told};
use serde_json::{Value, json};

const SERVICES: &str = "
---
apiVersion: v1
kind: Service
metadata: {name: empty, namespace: web}
spec: {ports: [{port: 80}]}
";

fn backend(host: &str, rest: &str) -> String {
    format!("{{external: {{url: 'https://{host}.example.net'}}, {rest}}}")
}

fn manifests(defaults: &str, spec: &str) -> String {
    [&front_door_without_policy(), "\n", defaults, &route("r", spec), SERVICES].concat()
}

/// The names of the backends and why they get nothing.
fn why_not(told: &Value) -> Vec<(&str, &str)> {
    let backends = told["request"]["backends"].as_array().unwrap();
    backends
        .iter()
        .map(|one| (one["name"].as_str().unwrap(), one["whyNot"].as_str().unwrap_or_default()))
        .collect()
}

fn deciding(told: &Value) -> Vec<&str> {
    let decides = told["request"]["decides"].as_array().unwrap();
    decides.iter().map(|one| one["by"].as_str().unwrap()).collect()
}

#[test]
fn a_backend_without_a_share_says_why() {
    let backends = [
        &backend("a", "weight: 3"),
        &backend("b", "weight: 1"),
        &backend("idle", "weight: 0"),
        &backend("spare", "priority: 1"),
        "{service: {name: empty, port: 80}}",
    ]
    .join(", ");
    let told = told(&manifests("", &format!("backends: [{backends}]")), "http://www.ep.com/", &[]);
    assert_eq!(
        why_not(&told),
        [
            ("https://a.example.net", ""),
            ("https://b.example.net", ""),
            ("https://idle.example.net", "its weight is 0"),
            ("web/empty:80", "no endpoint is ready"),
            ("https://spare.example.net", "only while no backend of priority 0 is available"),
        ]
    );
    assert_eq!(told["request"]["backends"][0]["share"], 0.75);
    assert_eq!(told["request"]["backends"][0]["whyNot"], Value::Null);
    assert_eq!(deciding(&told), ["ejection", "balance", "retry"], "the defaults");
}

#[test]
fn sessions_stay_at_a_backend_without_weight() {
    let backends = [backend("a", "weight: 1"), backend("b", "weight: 0")].join(", ");
    let spec = format!("backends: [{backends}], affinity: {{cookie: c}}");
    let told = told(&manifests("", &spec), "http://www.ep.com/", &[]);
    let (_, why) = why_not(&told)[1];
    assert_eq!(why, "its weight is 0: only clients whose cookie c names it stay with it");
}

#[test]
fn every_block_that_decides_is_told() {
    let backends = [backend("a", "weight: 1"), backend("b", "weight: 1")].join(", ");
    let defaults = "  defaults: {health: {path: /healthz}, limits: {requests: 9}}\n";
    let spec = format!(
        "backends: [{backends}], affinity: {{}}, balance: {{policy: Hash, hash: {{\"on\": Header, name: X-User}}, latencyBand: 30ms, slowStart: 5s}}, retry: {{attempts: 2, \"on\": [Reset, '503']}}"
    );
    let manifests = manifests(defaults, &spec);
    let told = told(&manifests, "http://www.ep.com/", &[]);
    let all = ["health", "ejection", "latencyBand", "affinity", "balance", "limits", "retry"];
    assert_eq!(deciding(&told), all);
    let ran = explain(&manifests, &["--url", "http://www.ep.com/"]);
    for line in [
        "then these settings apply:",
        "  health: an endpoint that does not answer GET /healthz with 200-399 within 2s, 3 times in a row, gets no requests; it is checked every 10s",
        "  ejection: an endpoint that fails 5 requests in a row gets no more for 30s, and for longer each time, up to 300s; at most 50% of a backend's endpoints at once",
        "  latencyBand: a backend that is slower than the fastest by more than 30ms gets no requests",
        "  affinity: a client whose cookie portico-affinity names an endpoint stays with it while it is available",
        "  balance: the same endpoint for the same value of header x-user; a new one reaches its full share after 5s",
        "  limits: an endpoint takes at most 9 requests in flight and 256 HTTP/1.1 connections; while all are full, up to 128 requests wait for up to 1s",
        "  retry: up to 2 more tries, on another endpoint where there is one, after Reset, 503",
    ] {
        assert!(ran.out.lines().any(|told| told.trim_end().ends_with(line)), "{line}\n{}", ran.out);
    }
}

#[test]
fn one_backend_with_the_defaults_needs_no_words() {
    let one = backend("a", "weight: 1");
    let spec = format!("backends: [{one}]");
    let plain = told(&manifests("", &spec), "http://www.ep.com/", &[]);
    assert_eq!(plain["request"]["decides"], json!([]));
    let spec = format!(
        "backends: [{one}], ejection: {{disabled: true}}, retry: {{disabled: true}}, balance: {{latencyBand: 1s}}"
    );
    let told = told(&manifests("", &spec), "http://www.ep.com/", &[]);
    assert_eq!(deciding(&told), ["balance"], "nothing else is on, and one is no choice");
}
