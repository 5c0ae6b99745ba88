//! Statuses that are tried again.

use super::{BUSY, OK, backend_of, retries, retrying};
use portico_tests::{
    backend::Backend,
    edge::Edge,
    wire::{ask, get, post},
};
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_listed_status_is_tried_again_and_its_connection_kept() {
    let backend = backend_of(&[BUSY, OK]).await;
    let edge = Edge::start(&retrying(&[backend.address()], "on: [\"503\"]")).await.unwrap();
    let answer = ask(edge.address(), get("/", "X-A: b\r\n")).await.unwrap();
    assert_eq!((answer.status(), answer.text().as_str()), (200, "ok"));
    let requests = backend.requests();
    assert_eq!(requests.len(), 2);
    // The second is the first, and not what became of it.
    assert_eq!(requests[0].head, requests[1].head);
    assert_eq!((backend.connections(), retries(&edge, "503").await), (1, 1));
}

#[tokio::test]
async fn an_unlisted_status_and_one_to_a_post_are_the_answer() {
    let backend = Backend::answering(BUSY).await.unwrap();
    for (retry, request) in [
        ("on: [\"502\"]", get("/", "")),
        ("on: [\"503\"]", post("/", "", "")),
        ("on: [\"503\"], attempts: 0", get("/", "")),
    ] {
        let edge = Edge::start(&retrying(&[backend.address()], retry)).await.unwrap();
        let answer = ask(edge.address(), request).await.unwrap();
        assert_eq!((answer.status(), answer.text().as_str()), (503, "busy"));
        assert_eq!((backend.take().len(), retries(&edge, "503").await), (1, 0), "{retry}");
    }
}

#[tokio::test]
async fn the_last_answer_is_the_clients() {
    let backend =
        backend_of(&[BUSY, BUSY, BUSY, "HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nlast"]);
    let backend = backend.await;
    let retry = "attempts: 3, backoff: 1ms, on: [\"503\", \"429\"]";
    let edge = Edge::start(&retrying(&[backend.address()], retry)).await.unwrap();
    let answer = ask(edge.address(), get("/", "")).await.unwrap();
    assert_eq!((answer.status(), answer.text().as_str()), (503, "last"));
    assert_eq!((backend.requests().len(), retries(&edge, "503").await), (4, 3));
}

/// Two endpoints that are both busy: each is asked before one is asked again.
#[tokio::test]
async fn every_endpoint_is_asked_before_one_is_asked_again() {
    let (a, b) = (Backend::answering(BUSY).await.unwrap(), Backend::answering(BUSY).await.unwrap());
    let retry = "on: [\"503\"], backoff: 1ms";
    let edge = Edge::start(&retrying(&[a.address(), b.address()], retry)).await.unwrap();
    for _ in 0..10 {
        assert_eq!(ask(edge.address(), get("/", "")).await.unwrap().status(), 503);
    }
    assert_eq!((a.requests().len(), b.requests().len()), (10, 10));
}

#[tokio::test]
async fn a_short_retry_after_is_waited_for() {
    for answer in [
        "HTTP/1.1 503 No\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 429 No\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
    ] {
        let answers: &'static [&'static str] = Box::leak(Box::new([answer, OK]));
        let backend = backend_of(answers).await;
        let retry = "on: [\"503\", \"429\"]";
        let edge = Edge::start(&retrying(&[backend.address()], retry)).await.unwrap();
        let began = Instant::now();
        assert_eq!(ask(edge.address(), get("/", "")).await.unwrap().text(), "ok");
        assert!(began.elapsed() >= Duration::from_secs(1));
        assert_eq!(backend.requests().len(), 2);
    }
}

#[tokio::test]
async fn a_long_retry_after_is_spent_elsewhere_or_is_the_answer() {
    let busy = "HTTP/1.1 503 No\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n";
    let (busy, alive) =
        (Backend::answering(busy).await.unwrap(), Backend::saying("alive").await.unwrap());
    let retry = "attempts: 3, on: [\"503\"]";
    let edge = Edge::start(&retrying(&[busy.address()], retry)).await.unwrap();
    let answer = ask(edge.address(), get("/", "")).await.unwrap();
    assert_eq!((answer.status(), answer.field("retry-after").as_str()), (503, "2"));
    assert_eq!(busy.take().len(), 1);
    edge.serve(&retrying(&[busy.address(), alive.address()], retry)).await.unwrap();
    while busy.requests().is_empty() {
        assert_eq!(ask(edge.address(), get("/", "")).await.unwrap().text(), "alive");
    }
}

#[tokio::test]
async fn what_can_not_be_waited_for_is_not() {
    let backend = Backend::answering(BUSY).await.unwrap();
    let retry = "on: [\"503\"], attempts: 5, backoff: 10s";
    let manifests = retrying(&[backend.address()], retry) + "\n  timeouts: {request: 5s}";
    let edge = Edge::start(&manifests).await.unwrap();
    assert_eq!(ask(edge.address(), get("/", "")).await.unwrap().text(), "busy");
    assert_eq!((backend.requests().len(), retries(&edge, "503").await), (1, 0));
}
