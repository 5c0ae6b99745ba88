//! Rule 15: a preflight comes before everything of the Route's own.

use super::{
    GRANTED, OTHER, PAGE, assert_denied, assert_granted, from, policy, preflight, request,
};
use portico_tests::{
    backend::{Backend, front_door, route, service},
    edge::{Edge, Setup},
    wire::ask,
};

const SECRET: &str =
    "requestHeaders: {set: [{name: x-key, valueFrom: {secretKeyRef: {name: none, key: k}}}]}";

/// Routes that fail or answer in every way that needs no backend, each under `/<name>`.
async fn edge() -> Edge {
    let to = |name: &str| format!("backends: [{{service: {{name: {name}, port: 80}}}}]");
    let under = |name: &str, spec: &str| {
        let cors = policy("");
        route(name, &format!("matches: [{{path: /{name}}}]\n{spec}\n{cors}"))
    };
    let down = crate::upstreams::nobody().await;
    let limits = portico_dataplane::config::Limits { body_bytes: Some(10), ..Default::default() };
    let manifests = [
        front_door(""),
        under("redirect", "redirect: {host: elsewhere.example}"),
        under("respond", "respond: {status: 401, body: who}"),
        under("secret", &format!("{}\n{SECRET}", to("down"))),
        under("none", &to("none")),
        under("down", &to("down")),
        service("down", "http", &[down]),
    ];
    Edge::start_with(Setup { limits, ..Setup::default() }, &manifests.concat()).await.unwrap()
}

#[tokio::test]
async fn rule_15_a_preflight_is_answered_before_the_route_does_anything() {
    let edge = edge().await;
    for (target, fields, status) in [
        ("/redirect", "", 302),
        ("/respond", "", 401),
        ("/secret", "", 503),
        ("/none", "", 503),
        ("/down", "", 502),
        ("/down", "|Via: 1.1 portico-test", 508),
    ] {
        let itself = ask(edge.address(), from(PAGE, &format!("PUT {target}{fields}"))).await;
        assert_eq!(itself.unwrap().status(), status, "{target}");
        let asked = |origin: &str| {
            request(&format!(
                "OPTIONS {target}|Origin: {origin}|Access-Control-Request-Method: PUT{fields}"
            ))
        };
        let answer = ask(edge.address(), asked(PAGE)).await.unwrap();
        let lines = ["allow-methods: PUT", GRANTED[0], "max-age: 7200"];
        assert_granted(&answer, &lines, target);
        let answer = ask(edge.address(), asked(OTHER)).await.unwrap();
        assert_denied(&answer, "CorsOrigin", target);
    }
}

#[tokio::test]
async fn rule_15_not_even_its_length_comes_first() {
    let edge = edge().await;
    let asks = format!("Origin: {PAGE}|Access-Control-Request-Method: PUT|Content-Length: 11");
    let request = request(&format!("OPTIONS /respond|{asks}")) + "hello world";
    let answer = ask(edge.address(), request).await.unwrap();
    assert_eq!(answer.status(), 204);
}

#[tokio::test]
async fn rule_15_where_no_route_matches_the_default_policy_answers() {
    let backend = Backend::saying("ok").await.unwrap();
    let app =
        "matches: [{path: /app, methods: [PUT]}]\nbackends: [{service: {name: app, port: 80}}]";
    let manifests = [
        front_door(&policy("maxAge: 9s")),
        service("app", "http", &[backend.address()]),
        route("app", app),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    let lines = ["allow-methods: DELETE", GRANTED[0], "max-age: 9"];
    for target in ["/none", "/app", "/%zz", "*"] {
        let answer = ask(edge.address(), preflight(PAGE, "DELETE", target, &[])).await.unwrap();
        assert_granted(&answer, &lines, target);
        let answer = ask(edge.address(), preflight(OTHER, "DELETE", target, &[])).await.unwrap();
        assert_denied(&answer, "CorsOrigin", target);
    }
    assert!(backend.requests().is_empty());
}
