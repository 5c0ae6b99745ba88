//! Exchanges that end early.

use super::MIB;
use portico_tests::{
    backend::{Stage, one_route},
    edge::Edge,
    wire::{PATIENCE, Wire, get, post},
};
use std::time::Duration;

#[tokio::test]
async fn a_client_that_leaves_before_its_answer_leaves_the_backend_too() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(get("/", "")).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    drop(client);
    assert!(backend.read_to_end().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_client_that_has_said_all_still_gets_its_answers() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    for requests in [
        &[get("/1", "")][..],
        &[get("/1", ""), get("/2", "")],
        &[post("/1", "", "body"), get("/2", "")],
        // The start of a request that is never completed takes nothing from the one before.
        &[get("/1", ""), "GET /never HTTP/1.1\r\nHost: w".to_owned()],
    ] {
        let mut client = Wire::connect(edge.address()).await.unwrap();
        client.send(requests.concat()).await.unwrap();
        client.shut().await.unwrap();
        let mut backend = stage.accept().await.unwrap();
        for request in requests.iter().filter(|request| !request.contains("never")) {
            let got = backend.read_request().await.unwrap().unwrap();
            assert_eq!(got.target(), request.split(' ').nth(1).unwrap());
            // Time for the edge to see that the client says no more.
            tokio::time::sleep(Duration::from_millis(100)).await;
            backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
            backend.send("2\r\nok\r\n0\r\n\r\n").await.unwrap();
            let answer = client.read_answer("GET").await.unwrap();
            assert_eq!((answer.status(), answer.text().as_str()), (200, "ok"), "{requests:?}");
            assert!(answer.complete, "{requests:?}");
        }
        assert!(client.read_to_end().await.unwrap().is_empty(), "{requests:?}");
        // The next client gets a connection of its own.
        drop(backend);
    }
}

#[tokio::test]
async fn a_client_that_leaves_within_its_body_never_completes_it() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    for framed in
        ["Content-Length: 9\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"]
    {
        let mut client = Wire::connect(edge.address()).await.unwrap();
        client.send(format!("POST / HTTP/1.1\r\nHost: www.ep.com\r\n{framed}")).await.unwrap();
        let mut backend = stage.accept().await.unwrap();
        let mut request = backend.read_head().await.unwrap().unwrap();
        drop(client);
        backend.read_body(&mut request).await.unwrap();
        assert_eq!((request.text().as_str(), request.complete), ("half", false), "{framed}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_within_its_answer_stops_the_backend() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(get("/", "")).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n").await.unwrap();
    assert_eq!(client.read_head().await.unwrap().unwrap().status(), 200);
    drop(client);
    let stopped = async {
        while backend.send("1\r\na\r\n").await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, stopped).await.expect("the backend still sends to nobody");
}

/// A reset would take the answer from a client that is still sending (RFC 9112 §9.6).
#[tokio::test]
async fn a_client_that_is_still_sending_can_read_an_early_answer() {
    const LENGTH: usize = 8 * MIB;
    let stage = Stage::open().await.unwrap();
    let app = one_route(stage.address().unwrap(), "matches: [{path: /app}]");
    let edge = Edge::start(&app).await.unwrap();
    for (target, status) in [("/app", 403), ("/none", 404)] {
        let mut client = Wire::connect(edge.address()).await.unwrap();
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: {LENGTH}\r\n\r\n"
        );
        client.send(head).await.unwrap();
        if status == 403 {
            let mut backend = stage.accept().await.unwrap();
            backend.read_head().await.unwrap().unwrap();
            let refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
            backend.send(refusal).await.unwrap();
            // It reads no more, but is in no hurry to close either.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let piece = vec![b'x'; MIB];
        for _ in 0..LENGTH / MIB {
            if client.send(&piece).await.is_err() {
                break;
            }
        }
        let answer = client.read_answer("POST").await.unwrap();
        assert_eq!((answer.status(), answer.complete), (status, true));
    }
}
