//! Trailer fields, both ways: which of them pass, and that none becomes a header.

use portico_tests::{
    backend::{Backend, one_route},
    edge::Edge,
    wire::{Wire, ask, get},
};

#[tokio::test]
async fn trailers_of_a_request_stay_trailers() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let request = "POST / HTTP/1.1\r\nHost: www.ep.com\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
        4\r\nbody\r\n0\r\nX-Sum: 7\r\n\r\n";
    assert_eq!(ask(edge.address(), request).await.unwrap().status(), 200);
    let got = backend.request().unwrap();
    assert!(got.fields("x-sum").is_empty(), "{}", got.head);
    assert_eq!(got.text(), "body");
    assert_eq!(got.trailers.join("").to_ascii_lowercase(), "x-sum: 7");
}

#[tokio::test]
async fn trailers_of_an_answer_stay_trailers() {
    let backend = Backend::answering(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 7\r\n\r\n",
    )
    .await
    .unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    for (fields, trailers) in [("TE: trailers\r\nConnection: TE\r\n", "x-sum: 7"), ("", "")] {
        let answer = ask(edge.address(), get("/", fields)).await.unwrap();
        assert!(answer.fields("x-sum").is_empty(), "{}", answer.head);
        assert_eq!((answer.text().as_str(), answer.complete), ("body", true));
        assert_eq!(answer.trailers.join("").to_ascii_lowercase(), trailers, "{fields}");
    }
}

/// Trailer lines: all that a head's filters would end, and three that pass.
const TRAILERS: [&str; 24] = [
    "X-Sum",
    "Content-Digest",
    "Grpc-Status",
    "Cookie",
    "Set-Cookie",
    "Authorization",
    "Upgrade",
    "Via",
    "Host",
    "Content-Length",
    "Content-Type",
    "Location",
    "Access-Control-Allow-Origin",
    "X-Forwarded-For",
    "X_Forwarded_For",
    "Forwarded",
    "X-Real-IP",
    "X-Request-Id",
    "X-Original-URL",
    "X-Private",
    "X-Api-Key",
    "x_api-key",
    "X-Gone",
    "X-Tenant",
];

/// A body with them, and the head's fields that announce them.
fn with_trailers() -> (String, String) {
    let lines: String = TRAILERS.iter().map(|name| format!("{name}: 7\r\n")).collect();
    let announced = TRAILERS.join(", ");
    (
        format!("Transfer-Encoding: chunked\r\nConnection: X-Private\r\nTrailer: {announced}\r\n"),
        format!("4\r\nbody\r\n0\r\n{lines}\r\n"),
    )
}

const PASSED: &str = "x-sum: 7\ncontent-digest: 7\ngrpc-status: 7";

#[tokio::test]
async fn trailers_of_a_request_say_nothing_that_its_head_could_not() {
    let backend = Backend::saying("ok").await.unwrap();
    let spec = "matches: [{headers: [{name: x-tenant, value: blue}]}]
requestHeaders: {set: [{name: x-api-key, value: k}], remove: [x-gone]}";
    let edge = Edge::start(&one_route(backend.address(), spec)).await.unwrap();
    let (fields, body) = with_trailers();
    let request =
        format!("POST / HTTP/1.1\r\nHost: www.ep.com\r\nX-Tenant: blue\r\n{fields}\r\n{body}");
    assert_eq!(ask(edge.address(), request).await.unwrap().status(), 200);
    let got = backend.request().unwrap();
    assert_eq!(got.trailers.join("\n").to_ascii_lowercase(), PASSED);
    assert_eq!(got.field("trailer"), "x-sum, content-digest, grpc-status");
    assert_eq!((got.field("x-api-key"), got.field("x-tenant")), ("k".into(), "blue".into()));
}

#[tokio::test]
async fn trailers_of_an_answer_say_nothing_that_its_head_could_not() {
    let (fields, body) = with_trailers();
    let answer = format!("HTTP/1.1 200 OK\r\n{fields}\r\n{body}");
    let backend = Backend::answering(answer).await.unwrap();
    let spec = "responseHeaders: {set: [{name: x-api-key, value: k}], remove: [x-gone], add: [{name: x-tenant, value: a}]}";
    let edge = Edge::start(&one_route(backend.address(), spec)).await.unwrap();
    let answer = ask(edge.address(), get("/", "TE: trailers\r\nConnection: TE\r\n")).await.unwrap();
    assert_eq!((answer.text().as_str(), answer.complete), ("body", true));
    assert_eq!(answer.trailers.join("\n").to_ascii_lowercase(), PASSED);
    assert_eq!(answer.field("trailer"), "x-sum, content-digest, grpc-status");
    assert_eq!(answer.field("x-api-key"), "k");
}

#[tokio::test]
async fn a_body_whose_trailers_all_end_here_is_whole() {
    let (fields, _) = with_trailers();
    let end = "4\r\nbody\r\n0\r\nCookie: a=1\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n";
    let backend =
        Backend::answering(format!("HTTP/1.1 200 OK\r\n{fields}\r\n{end}")).await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    for _ in 0..2 {
        let fields = format!("{fields}TE: trailers\r\nConnection: TE\r\n");
        let request = format!("POST / HTTP/1.1\r\nHost: www.ep.com\r\n{fields}\r\n{end}");
        client.send(request).await.unwrap();
        let answer = client.read_answer("POST").await.unwrap();
        assert_eq!((answer.text().as_str(), answer.complete), ("body", true));
        assert!(answer.trailers.is_empty(), "{:?}", answer.trailers);
        let got = backend.last().unwrap();
        assert_eq!((got.text().as_str(), got.complete), ("body", true));
        assert!(got.trailers.is_empty(), "{:?}", got.trailers);
    }
}
