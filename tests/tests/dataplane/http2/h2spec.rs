//! The conformance tests of [h2spec](https://github.com/summerwind/h2spec).

use portico_tests::{
    backend::{Backend, service},
    edge::Edge,
};
use std::process::Command;

const FRONT_DOOR: &str = "---
apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {name: ep, namespace: web}
spec: {hosts: [{name: '*'}]}
---
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {name: app, namespace: web}
spec: {frontDoorRef: {name: ep}, backends: [{service: {name: app, port: 80}}]}
";

#[tokio::test]
#[ignore = "needs h2spec: make h2spec"]
async fn every_case_of_h2spec_passes_but_one_that_http_1_answers() {
    let program = std::env::var("H2SPEC").expect("H2SPEC names the program");
    let backend = Backend::saying("served, and not too shortly for windows of a few bytes").await;
    let backend = backend.unwrap();
    let manifests = [FRONT_DOOR, &service("app", "http", &[backend.address()])].concat();
    let edge = Edge::start(&manifests).await.unwrap();
    let port = edge.address().port().to_string();
    let run = move || Command::new(program).args(["-h", "127.0.0.1", "-p", &port]).output();
    let output = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    let failures = report.rsplit("Failures:").next().unwrap_or_default();
    let failures: Vec<_> = failures.lines().filter(|line| line.contains('×')).collect();
    // The plain port speaks HTTP/1.1 too: "an invalid preface indicates that the peer is not using
    // HTTP/2" (RFC 9113 §3.4), and so it gets a 400 of HTTP/1.1, after which the connection closes.
    let [failure] = &failures[..] else { panic!("{report}") };
    assert!(failure.contains("Sends invalid connection preface"), "{report}");
    assert!(report.contains("145 tests, 144 passed, 0 skipped, 1 failed"), "{report}");
}
