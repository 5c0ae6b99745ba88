//! Which requests are sent again when a kept connection dies, whatever `retry` says.

use super::{OK, is};
use portico_tests::{
    backend::{Backend, Stage, one_route},
    edge::Edge,
    wire::{Message, Wire, ask, get},
};
use std::time::Duration;

/// A Route whose `retry` sends nothing again.
const ONCE: &str = "retry: {disabled: true}";

/// How the edge answers the second of two requests whose connection the backend closes behind the
/// second one's arrival; `answer` is what it says before. And what the backend's next connection
/// gets, if there is one before that answer.
async fn second(request: &str, answer: &str) -> (Message, Option<Message>) {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), ONCE)).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(get("/first", "")).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    backend.send(OK).await.unwrap();
    client.read_answer("GET").await.unwrap();

    client.send(request).await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    backend.send(answer).await.unwrap();
    drop(backend);
    let method = request.split(' ').next().unwrap();
    let again = async {
        let mut backend = stage.accept().await.unwrap();
        let request = backend.read_request().await.unwrap().unwrap();
        backend.send(if method == "HEAD" { "HTTP/1.1 200 OK\r\n\r\n" } else { OK }).await.unwrap();
        request
    };
    tokio::select! {
        answer = client.read_answer(method) => (answer.unwrap(), None),
        request = again => (client.read_answer(method).await.unwrap(), Some(request)),
    }
}

#[tokio::test]
async fn a_safe_request_without_a_body_is_sent_again_when_a_kept_connection_dies() {
    for method in ["GET", "HEAD", "OPTIONS"] {
        let request = get("/second?q", "X-A: b\r\n").replacen("GET", method, 1);
        let (answer, again) = second(&request, "").await;
        assert_eq!(answer.status(), 200, "{method}");
        let again = again.expect(method);
        assert_eq!(again.start_line(), format!("{method} /second?q HTTP/1.1"));
        assert_eq!(again.fields("x-a"), ["b"]);
        assert_eq!(again.fields("via"), ["1.1 portico-test"]);
    }
}

#[tokio::test]
async fn what_may_have_had_an_effect_is_not_sent_again() {
    for (method, body) in [
        ("POST", "Content-Length: 4\r\n\r\nbody"),
        ("POST", "Content-Length: 0\r\n\r\n"),
        ("PUT", "Content-Length: 4\r\n\r\nbody"),
        ("DELETE", "\r\n"),
        ("PATCH", "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"),
        ("GET", "Content-Length: 4\r\n\r\nbody"),
    ] {
        let request = format!("{method} / HTTP/1.1\r\nHost: www.ep.com\r\n{body}");
        let (answer, again) = second(&request, "").await;
        assert_eq!((answer.status(), answer.reason()), is(502, "BackendBroken"), "{method}");
        assert!(again.is_none(), "{method} {body}");
    }
}

#[tokio::test]
async fn a_request_is_not_sent_again_once_its_answer_has_begun() {
    for begun in ["H", "HTTP/1.1 200 OK\r\nContent-"] {
        let (answer, again) = second(&get("/", ""), begun).await;
        assert_eq!((answer.status(), answer.reason()), is(502, "BackendBroken"), "{begun}");
        assert!(again.is_none(), "{begun}");
    }
}

#[tokio::test]
async fn a_request_is_not_sent_again_on_a_fresh_connection() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), ONCE)).await.unwrap();
    for _ in 0..2 {
        let asked = tokio::spawn(ask(edge.address(), get("/", "")));
        let mut backend = stage.accept().await.unwrap();
        backend.read_request().await.unwrap().unwrap();
        drop(backend);
        assert_eq!(asked.await.unwrap().unwrap().status(), 502);
    }
}

#[tokio::test]
async fn a_kept_connection_that_the_backend_has_closed_costs_no_request() {
    let backend = Backend::scripted(|_| portico_tests::backend::Reply::raw(OK).then_close());
    let backend = backend.await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    for round in 1..=20 {
        let request = "POST / HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: 4\r\n\r\nbody";
        client.send(request).await.unwrap();
        assert_eq!(client.read_answer("POST").await.unwrap().status(), 200, "{round}");
        // The close is on its way; that the edge has seen it can't be told from outside.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((backend.requests().len(), backend.connections()), (20, 20));
}
