//! The dataplane over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod affinity;
mod answers;
mod balancing;
mod bodies;
mod connections;
mod cors;
mod distance;
mod endpoints;
mod explain;
mod framing;
mod headers;
mod health;
mod hosts;
mod http2;
mod interim;
mod isolation;
mod lifecycle;
mod limits;
mod not_accepted;
mod observe;
mod paths;
mod places;
mod predicates;
mod retries;
mod rewriting;
mod rules;
mod swap;
mod tls;
mod traces;
mod trailers;
mod trust;
mod upgrades;
mod upstreams;

use portico_tests::{
    backend::{Backend, one_route},
    edge::{Edge, Setup},
    wire::{Message, Wire},
};

/// A dataplane whose one Route forwards everything of www.ep.com to a backend, which records it.
async fn forwarding() -> (Edge, Backend) {
    forwarding_with(Setup::default(), "").await
}

/// The same, with bounds, and with further lines of the Route's spec.
async fn forwarding_with(setup: Setup, spec: &str) -> (Edge, Backend) {
    let backend = Backend::saying("served").await.unwrap();
    let edge = Edge::start_with(setup, &one_route(backend.address(), spec)).await.unwrap();
    (edge, backend)
}

/// Sends bytes on a connection of their own; the answers until the edge closes it. They should make
/// it close.
async fn exchange(edge: &Edge, bytes: impl AsRef<[u8]>) -> Vec<Message> {
    let mut wire = Wire::connect(edge.address()).await.unwrap();
    wire.send(bytes).await.unwrap();
    answers(&mut wire).await
}

/// The answers on a connection until the edge closes it.
async fn answers(wire: &mut Wire) -> Vec<Message> {
    let mut answers = Vec::new();
    while let Some(mut answer) = wire.read_head().await.unwrap() {
        wire.read_body(&mut answer).await.unwrap();
        answers.push(answer);
    }
    answers
}

/// The status of the only answer to these bytes, and the `reason` of its problem details.
async fn sole(edge: &Edge, bytes: impl AsRef<[u8]>) -> (u16, String) {
    let answers = exchange(edge, bytes.as_ref()).await;
    let [answer] = &answers[..] else {
        panic!("{} answers to {}", answers.len(), String::from_utf8_lossy(bytes.as_ref()));
    };
    (answer.status(), answer.reason())
}

/// Checks an answer that the edge makes itself.
fn assert_problem(answer: &Message, status: u16, reason: &str) {
    assert_eq!((answer.status(), answer.reason().as_str()), (status, reason), "{answer:?}");
    assert_eq!(answer.field("content-type"), "application/problem+json");
    assert!(answer.complete, "{answer:?}");
    let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(problem["status"], status);
    assert_eq!(problem["requestId"], answer.field("x-request-id"));
    assert!(answer.field("x-request-id").len() > 16, "{answer:?}");
    for member in ["type", "title", "detail"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
    }
}
