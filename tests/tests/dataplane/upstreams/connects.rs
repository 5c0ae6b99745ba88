//! Endpoints that accept no connections, and how long the others' connections are kept.

use super::{black_hole, nobody, outcome};
use portico_tests::{
    backend::{Backend, Reply, Stage, front_door, one_route, route, service},
    edge::Edge,
    wire::{Wire, ask, get},
};
use std::time::Duration;
use tokio::net::TcpListener;

#[tokio::test]
async fn an_endpoint_that_accepts_nothing_costs_few_requests_an_attempt() {
    let (_listener, _waiting, hole) = black_hole().await;
    for (dead, timeouts) in [(nobody().await, ""), (hole, "\ntimeouts: {connect: 300ms}")] {
        let backend = Backend::saying("ok").await.unwrap();
        let app =
            route("app", &format!("backends: [{{service: {{name: app, port: 80}}}}]{timeouts}"));
        let services = service("app", "http", &[dead, backend.address()]);
        let edge = Edge::start(&[front_door(""), services, app].concat()).await.unwrap();
        let began = std::time::Instant::now();
        for _ in 0..200 {
            assert_eq!(outcome(&edge).await.0, 200);
        }
        // It is tried again after a second, then after two, four, …
        let attempts = 2 + u64::from(began.elapsed().as_secs() as u32);
        let failures: u64 = edge
            .metric("portico_upstream_connect_failures_total{backend=\"web/app:80\"}")
            .await
            .unwrap();
        assert!((1..=attempts).contains(&failures), "{failures} failures");
        // All requests went over one connection to the endpoint that is there.
        assert_eq!(backend.connections(), 1);
        assert_eq!(
            edge.metric::<u64>("portico_upstream_connects_total{backend=\"web/app:80\"}")
                .await
                .unwrap(),
            1
        );
    }
}

#[tokio::test]
async fn an_endpoint_that_comes_back_is_used_again() {
    let stage = Stage::open().await.unwrap();
    let address = stage.address().unwrap();
    drop(stage);
    let other = Backend::saying("other").await.unwrap();
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    let services = service("app", "http", &[address, other.address()]);
    let edge = Edge::start(&[front_door(""), services, app].concat()).await.unwrap();
    for _ in 0..4 {
        assert_eq!(ask(edge.address(), get("/", "")).await.unwrap().text(), "other");
    }
    let listener = TcpListener::bind(address).await.unwrap();
    let back = async {
        loop {
            let mut wire = Wire::new(listener.accept().await.unwrap().0);
            if wire.read_request().await.is_ok_and(|request| request.is_some()) {
                wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nback").await.unwrap();
            }
        }
    };
    let asking = async {
        while ask(edge.address(), get("/", "")).await.unwrap().text() != "back" {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = back => {}
        used = tokio::time::timeout(portico_tests::wire::PATIENCE, asking) => used.unwrap(),
    }
}

#[tokio::test]
async fn a_connection_is_not_used_once_the_backend_may_be_closing_it() {
    for (fields, connections) in [
        ("", 1),
        ("Keep-Alive: timeout=60\r\n", 1),
        ("Keep-Alive: timeout=1\r\n", 2),
        ("Keep-Alive: timeout=18446744073709551615\r\n", 1),
    ] {
        let backend = Backend::scripted(move |_| {
            Reply::raw(format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\n\r\nok"))
        });
        let backend = backend.await.unwrap();
        let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
        for _ in 0..2 {
            let post = "POST / HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: 4\r\n\r\nbody";
            assert_eq!(ask(edge.address(), post).await.unwrap().status(), 200);
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
        assert_eq!(backend.connections(), connections, "{fields}");
    }
}
