//! Rule 36: an invalid policy never widens. What is served beside it, and what is not.

use super::{CARELESS, GRANTED, PAGE, assert_granted, cors, from, policy, preflight, request};
use portico_tests::{
    backend::{Backend, front_door, route, service},
    edge::Edge,
    wire::ask,
};

/// Policies that are refused, each for one mistake.
const INVALID: [&str; 16] = [
    "cors: {}",
    "cors: {allowOrigins: []}",
    "cors: {allowOrigins: ['https://app.example.com/']}",
    "cors: {allowOrigins: ['null']}",
    "cors: {allowOrigins: ['*', 'https://app.example.com']}",
    "cors: {allowOrigins: ['*'], allowCredentials: true}",
    "cors: {allowOrigins: ['http://app.example.com'], allowCredentials: true}",
    "cors: {allowOrigins: ['https://*.co.uk'], allowCredentials: true}",
    "cors: {allowOrigins: ['https://app.example.com'], allowMethods: [TRACE]}",
    "cors: {allowOrigins: ['https://app.example.com'], allowHeaders: [cookie]}",
    "cors: {allowOrigins: ['https://app.example.com'], maxAge: 1500ms}",
    // What reading finds.
    "cors: {allowOrigins: ['https://app.example.com'], allowOrigin: x}",
    "cors: {allowOrigins: ['https://app.example.com'], mode: Observe}",
    "cors: {allowOrigins: ['https://app.example.com'], dangerouslyAllow: [Everything]}",
    "cors: {allowOrigins: https://app.example.com}",
    "cors: yes",
];

/// Whatever a request is, it meets no Route, or one that only holds its place.
async fn assert_not_served(edge: &Edge, target: &str, what: &str) {
    let (status, reason) = match target {
        "/none" => (404, "NoRoute"),
        _ => (503, "RouteNotAccepted"),
    };
    for request in [
        request(&format!("GET {target}")),
        from("http://www.ep.com", &format!("POST {target}")),
        from(PAGE, &format!("GET {target}")),
        preflight(PAGE, "PUT", target, &[]),
    ] {
        let answer = ask(edge.address(), &request).await.unwrap();
        crate::assert_problem(&answer, status, reason);
        assert!(cors(&answer).is_empty(), "{what} {request}: {}", answer.head);
    }
}

fn granted() -> Vec<String> {
    GRANTED.iter().map(ToString::to_string).collect()
}

fn to_app(name: &str, cors: &str) -> String {
    let spec = format!(
        "matches: [{{path: /{name}}}]\nbackends: [{{service: {{name: app, port: 80}}}}]\n{cors}"
    );
    route(name, &spec)
}

#[tokio::test]
async fn rule_36_nothing_of_a_route_with_an_invalid_policy_is_served() {
    let backend = Backend::answering(CARELESS).await.unwrap();
    let app = service("app", "http", &[backend.address()]);
    let edge = Edge::start("").await.unwrap();
    for invalid in INVALID {
        let manifests =
            [front_door(""), app.clone(), to_app("bad", invalid), to_app("good", &policy(""))];
        edge.serve_but_for(&["Route web/bad"], &manifests.concat()).await.unwrap();
        assert_not_served(&edge, "/bad", invalid).await;
        let answer = ask(edge.address(), from(PAGE, "GET /good")).await.unwrap();
        assert_eq!((answer.status(), cors(&answer)), (200, granted()), "{invalid}");
    }
}

#[tokio::test]
async fn rule_36_routes_do_not_inherit_an_invalid_policy() {
    let backend = Backend::answering(CARELESS).await.unwrap();
    let app = service("app", "http", &[backend.address()]);
    let edge = Edge::start("").await.unwrap();
    for invalid in INVALID {
        let manifests = [
            front_door(invalid),
            app.clone(),
            to_app("inherits", ""),
            to_app("own", &policy("maxAge: 1s")),
            to_app("declines", "cors: {mode: Disabled}"),
        ];
        let refused = ["FrontDoor web/ep", "Route web/inherits"];
        edge.serve_but_for(&refused, &manifests.concat()).await.unwrap();
        assert_not_served(&edge, "/inherits", invalid).await;
        assert_not_served(&edge, "/none", invalid).await;

        let answer = ask(edge.address(), preflight(PAGE, "PUT", "/own", &[])).await.unwrap();
        assert_granted(&answer, &["allow-methods: PUT", GRANTED[0], "max-age: 1"], invalid);
        let answer = ask(edge.address(), from(PAGE, "GET /own")).await.unwrap();
        assert_eq!((answer.status(), cors(&answer)), (200, granted()), "{invalid}");
        let answer = ask(edge.address(), from(PAGE, "GET /declines")).await.unwrap();
        assert_eq!((answer.status(), cors(&answer).len()), (200, 6), "{invalid}");
    }
}

#[tokio::test]
async fn rule_36_a_policy_that_becomes_invalid_is_withdrawn() {
    let backend = Backend::saying("ok").await.unwrap();
    let app = service("app", "http", &[backend.address()]);
    let with = |cors: &str| [front_door(""), app.clone(), to_app("app", cors)].concat();
    let edge = Edge::start(&with(&policy(""))).await.unwrap();
    let answer = ask(edge.address(), from(PAGE, "GET /app")).await.unwrap();
    assert_eq!(answer.status(), 200);
    edge.serve_but_for(&["Route web/app"], &with("cors: {allowOrigins: ['null']}")).await.unwrap();
    assert_not_served(&edge, "/app", "withdrawn").await;
    edge.serve(&with(&policy(""))).await.unwrap();
    let answer = ask(edge.address(), from(PAGE, "GET /app")).await.unwrap();
    assert_eq!(answer.status(), 200);
}

/// What the edge would take away again is not accepted in the first place (rule 20).
#[tokio::test]
async fn rule_20_header_edits_can_not_touch_what_the_policy_says() {
    let edge = Edge::start("").await.unwrap();
    for edits in [
        "responseHeaders: {set: [{name: Access-Control-Allow-Origin, value: '*'}]}",
        "responseHeaders: {add: [{name: access-control-expose-headers, value: x}]}",
        "responseHeaders: {set: [{name: Vary, value: Accept}]}",
        "responseHeaders: {remove: [vary]}",
    ] {
        let spec = |name: &str, cors: &str| {
            route(name, &format!("matches: [{{path: /{name}}}]\nrespond: {{}}\n{edits}\n{cors}"))
        };
        let manifests = [
            front_door(&policy("")),
            spec("inherits", ""),
            spec("own", &policy("")),
            spec("reports", &policy("mode: Report")),
            spec("declines", "cors: {mode: Disabled}"),
        ];
        let refused = ["Route web/inherits", "Route web/own", "Route web/reports"];
        edge.serve_but_for(&refused, &manifests.concat()).await.unwrap();
        let answer = ask(edge.address(), from(PAGE, "GET /declines")).await.unwrap();
        assert_eq!(answer.status(), 200, "{edits}");
    }
}
