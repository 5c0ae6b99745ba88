//! Endpoints that accept no connection, break it, or say nothing.

use super::{OK, request, retries, retrying};
use crate::upstreams::nobody;
use portico_tests::{
    backend::{Backend, Reply, Stage, front_door, route, service},
    edge::Edge,
    wire::{Wire, ask, get, post},
};
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_closed_port_costs_no_request_whatever_its_method() {
    let alive = Backend::saying("alive").await.unwrap();
    let edge =
        Edge::start(&retrying(&[nobody().await, alive.address()], "budget: 0")).await.unwrap();
    for _ in 0..10 {
        for request in [get("/", ""), post("/", "", "body")] {
            assert_eq!(ask(edge.address(), request).await.unwrap().text(), "alive");
        }
    }
    assert_eq!(alive.requests().len(), 20);
    assert!(alive.requests().iter().all(|one| one.method() == "GET" || one.text() == "body"));
    // Nothing of it was sent, so the budget has no say; and afterwards the endpoint is passed over.
    assert!((1..=3).contains(&retries(&edge, "ConnectFailure").await));
}

/// However many of its endpoints it has: once they are known not to accept connections, requests
/// begin at the next priority.
#[tokio::test]
async fn a_backend_that_accepts_nothing_gives_way_to_the_next() {
    let alive = Backend::saying("alive").await.unwrap();
    let spec = "backends: [{service: {name: app, port: 80}}, {service: {name: spare, port: 80}, priority: 1}]";
    let dead = [nobody().await, nobody().await];
    let services = service("app", "http", &dead) + &service("spare", "http", &[alive.address()]);
    let edge = Edge::start(&(front_door("") + &services + &route("app", spec))).await.unwrap();
    let mut served = 0;
    for _ in 0..20 {
        served += usize::from(ask(edge.address(), get("/", "")).await.unwrap().status() == 200);
    }
    assert!(served >= 18, "{served}");
    assert_eq!(alive.requests().len(), served);
}

#[tokio::test]
async fn a_reset_before_the_head_is_tried_again_where_that_does_no_harm() {
    for begun in ["", "H", "HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let broken = Backend::scripted(move |_| Reply::raw(begun).then_close()).await.unwrap();
        let alive = Backend::saying("alive").await.unwrap();
        let endpoints = [broken.address(), alive.address()];
        let edge = Edge::start(&retrying(&endpoints, "attempts: 1")).await.unwrap();
        while broken.requests().len() < 5 {
            let answer = ask(edge.address(), get("/", "")).await.unwrap();
            assert_eq!((answer.status(), answer.text().as_str()), (200, "alive"), "{begun:?}");
        }
        assert_eq!(retries(&edge, "Reset").await, 5, "{begun:?}");
        let before = (broken.take().len(), alive.take().len());
        assert_eq!(before.0, 5);
        // A POST goes to one of them, and to no other.
        let mut lost = 0;
        for _ in 0..10 {
            let answer = ask(edge.address(), post("/", "", "body")).await.unwrap();
            lost +=
                usize::from((answer.status(), answer.reason().as_str()) == (502, "BackendBroken"));
        }
        assert!(lost > 0);
        assert_eq!((broken.requests().len(), alive.requests().len()), (lost, 10 - lost));
    }
}

#[tokio::test]
async fn a_response_that_has_begun_is_not_asked_for_again() {
    let broken = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";
    let broken = Backend::scripted(move |_| Reply::raw(broken).then_close()).await.unwrap();
    let edge = Edge::start(&retrying(&[broken.address()], "attempts: 3")).await.unwrap();
    let answer = ask(edge.address(), get("/", "")).await.unwrap();
    assert_eq!((answer.status(), answer.text().as_str(), answer.complete), (200, "abc", false));
    assert_eq!((broken.requests().len(), retries(&edge, "Reset").await), (1, 0));
}

#[tokio::test]
async fn what_is_not_listed_is_not_tried_again() {
    let broken = Backend::scripted(|_| Reply::raw("").then_close()).await.unwrap();
    for retry in ["on: [ConnectFailure]", "on: [Reset], attempts: 0"] {
        let edge = Edge::start(&retrying(&[broken.address()], retry)).await.unwrap();
        let answer = ask(edge.address(), get("/", "")).await.unwrap();
        assert_eq!((answer.status(), answer.reason().as_str()), (502, "BackendBroken"));
        assert_eq!(broken.take().len(), 1, "{retry}");
    }
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nok";
    let malformed = Backend::answering(answer).await.unwrap();
    let edge = Edge::start(&retrying(&[malformed.address()], "attempts: 3")).await.unwrap();
    let answer = ask(edge.address(), get("/", "")).await.unwrap();
    assert_eq!((answer.reason().as_str(), malformed.requests().len()), ("BackendMalformed", 1));
}

#[tokio::test]
async fn a_single_endpoint_that_breaks_a_connection_is_asked_again() {
    let broken_once = super::backend_of(&["", OK]).await;
    let edge = Edge::start(&retrying(&[broken_once.address()], "attempts: 1")).await.unwrap();
    assert_eq!(ask(edge.address(), get("/", "")).await.unwrap().text(), "ok");
    assert_eq!((broken_once.requests().len(), retries(&edge, "Reset").await), (2, 1));
}

#[tokio::test]
async fn a_try_that_takes_too_long_is_given_up() {
    // It accepts connections, and says nothing.
    let hung = Stage::open().await.unwrap();
    let alive = Backend::saying("alive").await.unwrap();
    let endpoints = [hung.address().unwrap(), alive.address()];
    let retry = "perTry: 200ms, on: [PerTryTimeout]";
    let edge = Edge::start(&retrying(&endpoints, retry)).await.unwrap();
    for method in ["GET", "PUT"] {
        for _ in 0..6 {
            let request = request(method, "Content-Length: 4\r\n\r\nbody");
            assert_eq!(ask(edge.address(), request).await.unwrap().text(), "alive");
        }
    }
    let given_up = retries(&edge, "PerTryTimeout").await;
    assert!(given_up > 0);
    assert_eq!(alive.requests().len(), 12);

    let edge = Edge::start(&retrying(&endpoints[..1], "perTry: 200ms, on: [Reset]")).await.unwrap();
    let answer = ask(edge.address(), get("/", "")).await.unwrap();
    assert_eq!((answer.status(), answer.reason().as_str()), (504, "BackendTimeout"));
}

/// The time that a client takes to send its body is not the endpoint's.
#[tokio::test]
async fn a_slow_client_is_not_what_a_try_waits_for() {
    let backend = Backend::saying("whole").await.unwrap();
    let retry = "perTry: 1s, on: [PerTryTimeout]";
    let edge = Edge::start(&retrying(&[backend.address()], retry)).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(request("PUT", "Content-Length: 4\r\n\r\nbo")).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    client.send("dy").await.unwrap();
    assert_eq!(client.read_answer("PUT").await.unwrap().text(), "whole");
    assert_eq!(
        (backend.request().unwrap().text(), retries(&edge, "PerTryTimeout").await),
        ("body".to_owned(), 0)
    );
}

#[tokio::test]
async fn all_tries_have_the_requests_timeout() {
    let hung = Stage::open().await.unwrap();
    let retry = "attempts: 5, perTry: 400ms, on: [PerTryTimeout]";
    let spec = retrying(&[hung.address().unwrap()], retry) + "\n  timeouts: {request: 1s}";
    let edge = Edge::start(&spec).await.unwrap();
    let began = Instant::now();
    let answer = ask(edge.address(), get("/", "")).await.unwrap();
    assert_eq!((answer.status(), answer.reason().as_str()), (504, "BackendTimeout"));
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert!(retries(&edge, "PerTryTimeout").await < 5);
}

#[tokio::test]
async fn other_backends_are_tried_when_no_endpoint_is_left_and_then_the_next_priority() {
    let (a, b, c) = (nobody().await, nobody().await, Backend::saying("c").await.unwrap());
    let backends = "backends:
- {service: {name: a, port: 80}, priority: 0}
- {service: {name: b, port: 80}, priority: 0}
- {service: {name: c, port: 80}, priority: 1}
retry: {attempts: 2}";
    let of = |name: &str, address| service(name, "http", &[address]);
    let manifests =
        [front_door(""), of("a", a), of("b", b), of("c", c.address()), route("app", backends)];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    let answer = ask(edge.address(), post("/", "X-A: b\r\n", "body")).await.unwrap();
    assert_eq!(answer.text(), "c");
    let request = c.request().unwrap();
    assert_eq!((request.text().as_str(), request.field("x-a").as_str()), ("body", "b"));
    // The head is the client's, prepared once.
    assert_eq!(request.fields("via").len(), 1);
    assert_eq!(request.fields("x-forwarded-for").len(), 1);
    assert_eq!(retries(&edge, "ConnectFailure").await, 2);
}

#[tokio::test]
async fn an_upgraded_connection_is_not_tried_again() {
    let upgrade = get(
        "/",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
    );
    let switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n";
    let backend = Backend::scripted(move |_| Reply::raw(switched).then_close()).await.unwrap();
    let edge =
        Edge::start(&retrying(&[nobody().await, backend.address()], "attempts: 1")).await.unwrap();
    for _ in 0..4 {
        let mut client = Wire::connect(edge.address()).await.unwrap();
        client.send(&upgrade).await.unwrap();
        // Where there was no connection, nothing was sent.
        assert_eq!(client.read_answer("GET").await.unwrap().status(), 101);
        assert_eq!(client.read_to_end().await.unwrap(), b"");
    }
    assert_eq!(backend.requests().len(), 4);
    assert!(retries(&edge, "ConnectFailure").await >= 1);
}
