//! Backends and clients that take too long.

use super::{black_hole, is};
use portico_tests::{
    backend::{Backend, Stage, front_door, one_route, route, service},
    edge::Edge,
    wire::{Wire, ask, get},
};
use std::time::Duration;

#[tokio::test]
async fn what_takes_too_long_is_504() {
    let (_listener, _waiting, full) = black_hole().await;
    let silent = Stage::open().await.unwrap();
    let silent = silent.address().unwrap();
    for (address, timeouts, reason) in [
        (full, "{connect: 200ms}", "ConnectTimeout"),
        (full, "{connect: 0s, request: 200ms}", "BackendTimeout"),
        (full, "{connect: 10s, request: 200ms}", "BackendTimeout"),
        (silent, "{request: 200ms}", "BackendTimeout"),
    ] {
        let edge = one_route(address, &format!("timeouts: {timeouts}"));
        let edge = Edge::start(&edge).await.unwrap();
        // On one connection, which goes on.
        let mut client = Wire::connect(edge.address()).await.unwrap();
        for _ in 0..2 {
            client.send(get("/", "")).await.unwrap();
            let answer = client.read_answer("GET").await.unwrap();
            assert_eq!((answer.status(), answer.reason()), is(504, reason), "{timeouts}");
        }
    }
}

#[tokio::test]
async fn an_endpoint_that_never_accepts_is_passed_over_however_short_the_timeout() {
    let (_listener, _waiting, full) = black_hole().await;
    let other = Backend::saying("other").await.unwrap();
    let spec = "backends: [{service: {name: app, port: 80}}]\ntimeouts: {request: 300ms}";
    let services = service("app", "http", &[full, other.address()]);
    let edge = Edge::start(&[front_door(""), services, route("app", spec)].concat()).await.unwrap();
    let mut late = 0;
    for _ in 0..10 {
        match ask(edge.address(), get("/", "")).await.unwrap().status() {
            504 => late += 1,
            status => assert_eq!(status, 200),
        }
    }
    assert_eq!(late, 1);
}

#[tokio::test]
async fn an_answer_that_stops_coming_is_broken_off() {
    for half in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let backend = Backend::answering(half).await.unwrap();
        let edge = one_route(backend.address(), "timeouts: {idle: 200ms}");
        let edge = Edge::start(&edge).await.unwrap();
        let got = ask(edge.address(), get("/", "")).await.unwrap();
        assert_eq!((got.status(), got.text().as_str(), got.complete), (200, "half", false));
    }
}

#[tokio::test]
async fn an_answer_that_keeps_coming_is_not() {
    let stage = Stage::open().await.unwrap();
    let spec = "timeouts: {request: 2s, idle: 2s}";
    let edge = Edge::start(&one_route(stage.address().unwrap(), spec)).await.unwrap();
    let asked = tokio::spawn(ask(edge.address(), get("/", "")));
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n").await.unwrap();
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        backend.send("x").await.unwrap();
    }
    let answer = asked.await.unwrap().unwrap();
    assert_eq!((answer.text().as_str(), answer.complete), ("xxxxxx", true));
}

#[tokio::test]
async fn a_client_whose_body_stops_coming_is_told_so() {
    let stage = Stage::open().await.unwrap();
    let spec = "timeouts: {request: 1s}";
    let edge = Edge::start(&one_route(stage.address().unwrap(), spec)).await.unwrap();
    let request = "POST / HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: 10\r\n\r\nhalf";
    let asked = tokio::spawn(ask(edge.address(), request));
    let mut backend = stage.accept().await.unwrap();
    let mut request = backend.read_head().await.unwrap().unwrap();
    let answer = asked.await.unwrap().unwrap();
    assert_eq!((answer.status(), answer.reason()), is(408, "BodyTimeout"));
    assert!(answer.closes());
    backend.read_body(&mut request).await.unwrap();
    assert!(!request.complete);
}

#[tokio::test]
async fn a_body_that_has_ended_is_not_idle_while_its_answer_is_awaited() {
    let spec = "timeouts: {request: 10s, idle: 100ms}";
    for body in [
        "Content-Length: 4\r\n\r\nbody",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
    ] {
        let stage = Stage::open().await.unwrap();
        let edge = Edge::start(&one_route(stage.address().unwrap(), spec)).await.unwrap();
        let request = format!("POST / HTTP/1.1\r\nHost: www.ep.com\r\n{body}");
        let asked = tokio::spawn(ask(edge.address(), request));
        let mut backend = stage.accept().await.unwrap();
        backend.read_request().await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(400)).await;
        backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        assert_eq!(asked.await.unwrap().unwrap().status(), 200, "{body:?}");
    }
}
