//! Routes and FrontDoors that are not accepted hold their places: their requests go nowhere else.

use crate::{assert_problem, sole};
use portico_tests::{
    backend::{Backend, front_door, route, service},
    edge::Edge,
    wire::{Message, ask},
};

const PAGE: &str = "https://app.example.com";
const POLICY: &str = "cors: {allowOrigins: ['https://app.example.com']}";

async fn send(edge: &Edge, line: &str, fields: &str) -> Message {
    let request =
        format!("{line} HTTP/1.1\r\nHost: www.ep.com\r\n{fields}Connection: close\r\n\r\n");
    ask(edge.address(), request).await.unwrap()
}

#[tokio::test]
async fn requests_at_the_place_of_a_route_that_is_not_accepted_reach_no_other() {
    let backend = Backend::saying("the web app").await.unwrap();
    let app = "backends: [{service: {name: app, port: 80}}]";
    let manifests = [
        front_door(""),
        route("app", app),
        route("orders", &format!("matches: [{{path: /api/orders/*}}]\ntimeout: 1s\n{app}")),
        route("healthy", &format!("matches: [{{path: /api/orders/health}}]\n{app}")),
        service("app", "http", &[backend.address()]),
    ];
    let edge = Edge::start("").await.unwrap();
    edge.serve_but_for(&["Route web/orders"], &manifests.concat()).await.unwrap();
    let answer =
        send(&edge, "PUT /api/orders/7", "Authorization: Bearer x\r\nContent-Length: 0\r\n").await;
    assert_problem(&answer, 503, "RouteNotAccepted");
    assert!(!answer.text().contains("timeout"), "callers are not told what is wrong");
    assert_eq!(backend.requests().len(), 0);
    for path in ["/api/orders/health", "/api", "/"] {
        assert_eq!(send(&edge, &format!("GET {path}"), "").await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn a_page_reads_the_503_if_the_policy_is_known_and_not_otherwise() {
    let orders = |spec: &str| {
        let spec = format!("matches: [{{path: /orders}}]\nrespond: {{}}\ntimeout: 1s\n{spec}");
        [front_door(POLICY), route("orders", &spec)].concat()
    };
    let edge = Edge::start("").await.unwrap();
    for (spec, readable) in [
        ("", true),
        (POLICY, true),
        ("cors: {mode: Disabled}", false),
        ("cors: {allowOrigins: ['https://app.example.com/']}", false),
        ("corss: {allowOrigins: ['https://elsewhere.example']}", false),
    ] {
        edge.serve_but_for(&["Route web/orders"], &orders(spec)).await.unwrap();
        let answer = send(&edge, "GET /orders", &format!("Origin: {PAGE}\r\n")).await;
        assert_problem(&answer, 503, "RouteNotAccepted");
        let granted: &[&str] = if readable { &[PAGE] } else { &[] };
        assert_eq!(answer.fields("access-control-allow-origin"), granted, "{spec}");
        let preflight = format!("Origin: {PAGE}\r\nAccess-Control-Request-Method: PUT\r\n");
        let answer = send(&edge, "OPTIONS /orders", &preflight).await;
        assert_eq!(answer.status(), if readable { 204 } else { 503 }, "{spec}");
    }
}

#[tokio::test]
async fn the_hosts_of_a_front_door_that_is_not_accepted_get_503() {
    let manifests = |spec: &str| {
        let any = front_door("").replace("www.ep.com", "'*'").replace("name: ep", "name: any");
        let app = route("app", "respond: {status: 200}").replace("name: ep", "name: any");
        [front_door(spec), any, app, route("orders", "respond: {status: 200}")].concat()
    };
    let edge = Edge::start("").await.unwrap();
    let refused = ["FrontDoor web/ep", "Route web/orders"];
    for (spec, readable) in
        [("trustedProxy: []".to_owned(), false), (format!("attatch: []\n{POLICY}"), true)]
    {
        edge.serve_but_for(&refused, &manifests(&spec)).await.unwrap();
        let answer = send(&edge, "GET /a", &format!("Origin: {PAGE}\r\n")).await;
        assert_problem(&answer, 503, "FrontDoorNotAccepted");
        assert_eq!(!answer.fields("access-control-allow-origin").is_empty(), readable, "{spec}");
        let other = "GET / HTTP/1.1\r\nHost: other.com\r\nConnection: close\r\n\r\n";
        assert_eq!(sole(&edge, other).await.0, 200);
    }
    edge.serve(&manifests("")).await.unwrap();
    assert_eq!(send(&edge, "GET /a", "").await.status(), 200);
}
