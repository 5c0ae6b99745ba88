//! The dataplane over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod framing;
mod headers;
mod rewriting;

use portico_tests::edge::Edge;

/// One Route, which needs no backend.
const RESPOND: &str = r#"
apiVersion: portico.dev/v1alpha1
kind: FrontDoor
metadata: {name: ep, namespace: web}
spec: {hosts: [{name: www.ep.com}]}
---
apiVersion: portico.dev/v1alpha1
kind: Route
metadata: {name: hello, namespace: web}
spec:
  frontDoorRef: {name: ep}
  matches: [{path: /hello}]
  respond: {status: 200, body: "hi"}
"#;

#[tokio::test]
async fn a_fixed_response_is_given() {
    let edge = Edge::start(RESPOND).await.unwrap();
    let answer = edge
        .raw("GET /hello HTTP/1.1\r\nHost: www.ep.com\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nhi"), "{answer}");
}
