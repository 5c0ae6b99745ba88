//! Connections that carry several requests: none gets what belongs to another.

use portico_tests::{
    backend::{Backend, Reply, Stage, one_route, route},
    edge::{Edge, Setup},
    wire::{Wire, get, post},
};
use std::time::Duration;

#[tokio::test]
async fn connections_to_backends_outlive_those_of_clients() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    for _ in 0..5 {
        let raw = edge.raw(get("/", "Connection: close\r\n")).await.unwrap();
        assert!(raw.ends_with("\r\n\r\nok"), "{raw}");
    }
    let mut client = Wire::connect(edge.address()).await.unwrap();
    for _ in 0..5 {
        client.send(post("/", "", "body")).await.unwrap();
        assert_eq!(client.read_answer("POST").await.unwrap().text(), "ok");
    }
    assert_eq!((backend.requests().len(), backend.connections()), (10, 1));
}

#[tokio::test]
async fn a_backend_that_closes_is_not_asked_on_that_connection_again() {
    let closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    let backend = Backend::scripted(move |_| Reply::raw(closing).then_close()).await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    for _ in 0..3 {
        client.send(post("/", "", "body")).await.unwrap();
        let answer = client.read_answer("POST").await.unwrap();
        assert_eq!(answer.text(), "ok");
        assert!(!answer.closes(), "{}", answer.head);
    }
    assert_eq!((backend.requests().len(), backend.connections()), (3, 3));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let backend = Backend::scripted(|request| Reply::ok(request.target())).await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    let all = [get("/1", ""), post("/2", "", "body"), get("/3", ""), get("/4", "")].concat();
    client.send(all).await.unwrap();
    for target in ["/1", "/2", "/3", "/4"] {
        assert_eq!(client.read_answer("GET").await.unwrap().text(), target);
    }
    assert_eq!(backend.requests()[1].text(), "body");
}

/// Bytes that no request asked for must never become another client's answer.
#[tokio::test]
async fn what_a_backend_says_unasked_is_nobodys_answer() {
    const EVIL: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    for (method, answer) in [
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\n\r\n"),
        ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    ] {
        for at_once in [true, false] {
            let stage = Stage::open().await.unwrap();
            let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
            let mut client = Wire::connect(edge.address()).await.unwrap();
            client.send(get("/", "").replacen("GET", method, 1)).await.unwrap();
            let mut first = stage.accept().await.unwrap();
            first.read_request().await.unwrap().unwrap();
            first.send(format!("{answer}{}", if at_once { EVIL } else { "" })).await.unwrap();
            client.read_answer(method).await.unwrap();
            if !at_once {
                first.send(EVIL).await.unwrap();
                // On its way; that the edge has it can't be told from outside.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            client.send(get("/", "")).await.unwrap();
            let mut second = stage.accept().await.unwrap();
            second.read_request().await.unwrap().unwrap();
            second.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood").await.unwrap();
            let answer = client.read_answer("GET").await.unwrap();
            assert_eq!(answer.text(), "good", "{method} {answer:?} {at_once}");
        }
    }
}

#[tokio::test]
async fn everyone_gets_the_answer_to_their_own_request() {
    let backend =
        Backend::scripted(|request| Reply::ok(&request.text().repeat(100))).await.unwrap();
    let setup = Setup { workers: 2, ..Setup::default() };
    let edge = Edge::start_with(setup, &one_route(backend.address(), "")).await.unwrap();
    let address = edge.address();
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..100 {
        clients.spawn(async move {
            let mut client = Wire::connect(address).await.unwrap();
            for round in 0..20 {
                let body = format!("<{number} {round}>");
                client.send(post("/", "", &body)).await.unwrap();
                let answer = client.read_answer("POST").await.unwrap();
                assert_eq!(answer.text(), body.repeat(100));
            }
        });
    }
    clients.join_all().await;
    assert_eq!(backend.requests().len(), 2000);
}

/// What nobody reads of a request is no request of its own.
#[tokio::test]
async fn a_body_that_is_not_wanted_is_not_read_as_a_request() {
    let backend = Backend::saying("ok").await.unwrap();
    let fixed = route("fixed", "matches: [{path: /fixed}]\nrespond: {body: hi}");
    let manifests = one_route(backend.address(), "matches: [{path: /app}]") + &fixed;
    let edge = Edge::start(&manifests).await.unwrap();
    for target in ["/fixed", "/none"] {
        let hidden = get("/app", "");
        let raw = edge.raw(post(target, "", &hidden) + &get("/fixed", "Connection: close\r\n"));
        let raw = raw.await.unwrap();
        assert!(raw.ends_with("\r\n\r\nhi") || raw.matches("HTTP/1.1").count() == 1, "{raw}");
    }
    assert!(backend.requests().is_empty());
}
