//! What the log says of backends.

use super::{LINES, counts, eventually, log};
use crate::upstreams::nobody;
use portico_tests::{
    backend::{Backend, Reply, front_door, one_route, route, service},
    edge::Edge,
    wire::{ask, get},
};
use serde_json::Value;

/// The dataplane's lines beside the access log in which `field` is `value`.
fn told(field: &str, value: &str) -> Vec<Value> {
    let lines = LINES.lock().unwrap();
    let of = |line: &&Value| line["target"] != "access" && line[field] == value;
    lines.iter().filter(of).cloned().collect()
}

#[tokio::test]
async fn the_rule_that_an_answer_breaks_is_logged() {
    log();
    for (answer, rule) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\na", "Content-Length"),
        ("HTTP/1.1 200 OK\r\nX y\r\n\r\n", "header name"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nnone\r\n", "chunk"),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "101"),
    ] {
        let backend = Backend::answering(answer).await.unwrap();
        let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
        let got = ask(edge.address(), get("/", "")).await.unwrap();
        let id = got.field("x-request-id");
        let lines = eventually(async || Some(told("request_id", &id)).filter(|l| !l.is_empty()));
        let lines = lines.await;
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(lines[0]["level"], "INFO");
        assert_eq!(lines[0]["route"], "web/app");
        assert_eq!(lines[0]["backend"], "web/app:80");
        assert!(lines[0]["rule"].as_str().unwrap().contains(rule), "{lines:?}");
    }
}

#[tokio::test]
async fn a_backend_does_not_flood_the_log() {
    log();
    let backend = Backend::scripted(|_| Reply::raw("nonsense\r\n\r\n").then_close());
    let backend = backend.await.unwrap();
    let loud = route("loud", "backends: [{service: {name: app, port: 80}}]");
    let services = service("app", "http", &[backend.address()]);
    let edge = Edge::start(&[front_door(""), services, loud].concat()).await.unwrap();
    let began = std::time::Instant::now();
    for _ in 0..100 {
        assert_eq!(ask(edge.address(), get("/", "")).await.unwrap().status(), 502);
    }
    let intervals = 1 + began.elapsed().as_secs() as usize / 10;
    let lines = told("route", "web/loud").len();
    assert!((10..=10 * intervals).contains(&lines), "{lines}");
}

#[tokio::test]
async fn an_endpoint_that_accepts_nothing_is_logged_once() {
    log();
    let dead = nobody().await;
    let backend = Backend::saying("ok").await.unwrap();
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    let services = service("app", "http", &[dead, backend.address()]);
    let edge = Edge::start(&[front_door(""), services, app].concat()).await.unwrap();
    let began = std::time::Instant::now();
    while began.elapsed().as_millis() < 1500 {
        assert_eq!(ask(edge.address(), get("/", "")).await.unwrap().status(), 200);
    }
    let lines = told("endpoint", &dead.to_string());
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((&lines[0]["level"], &lines[0]["backend"]), (&"WARN".into(), &"web/app:80".into()));
    assert_eq!(lines[0]["why"], "ConnectFailed");
}

#[tokio::test]
async fn a_backend_can_not_make_series() {
    let backend = Backend::scripted(|request| {
        let code = request.target().trim_start_matches('/').to_owned();
        Reply::raw(format!("HTTP/1.1 {code} Odd\r\nContent-Length: 0\r\n\r\n"))
    });
    let backend = backend.await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let codes = ["200", "299", "298", "444", "599", "777", "999"];
    for code in codes {
        ask(edge.address(), get(&format!("/{code}"), "")).await.unwrap();
    }
    let count =
        |code| format!("portico_requests_total{{route=\"web/app\",code=\"{code}\",reason=\"\"}}");
    let seen = counts(&edge, &count("2xx"), 2.0).await;
    for code in ["200", "4xx", "5xx", "7xx", "9xx"] {
        assert_eq!(seen.get(&count(code)), Some(&1.0), "{code}");
    }
}
