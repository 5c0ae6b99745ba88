//! WebSockets over HTTP/2 (RFC 8441).

use super::{ask, connect, counts, get};
use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream, client::SendRequest, ext::Protocol};
use http::{HeaderValue, Method, Request, Response};
use portico_tests::{
    backend::{Backend, Stage, front_door, one_route, route, service},
    edge::Edge,
    wire::{PATIENCE, Wire},
};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// A backend's answer to a handshake.
fn switch(accept: &str) -> String {
    let fields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: chat";
    format!("HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n{accept}\r\n")
}

fn handshake(protocol: &'static str) -> Request<()> {
    let mut request = Request::builder()
        .method(Method::CONNECT)
        .uri("http://www.ep.com/socket?q")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "chat")
        .body(())
        .unwrap();
    // Nothing is sent before the answer in any case.
    request.headers_mut().insert("expect", HeaderValue::from_static("100-continue"));
    request.extensions_mut().insert(Protocol::from_static(protocol));
    request
}

/// Sends a handshake; the response, and what the client sends after it.
async fn shake(
    sender: &SendRequest<Bytes>,
    request: Request<()>,
) -> (Response<RecvStream>, SendStream<Bytes>) {
    let mut sender = sender.clone().ready().await.unwrap();
    let (response, stream) = sender.send_request(request, false).unwrap();
    (timeout(PATIENCE, response).await.expect("no answer").unwrap(), stream)
}

/// A backend that switches, and the client's ends.
async fn open(sender: &SendRequest<Bytes>, stage: &Stage) -> (Wire, RecvStream, SendStream<Bytes>) {
    let backend = async {
        let mut backend = stage.accept().await.unwrap();
        let request = backend.read_request().await.unwrap().unwrap();
        assert_eq!(request.start_line(), "GET /socket?q HTTP/1.1");
        for (name, value) in [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-protocol", "chat"),
            ("host", "www.ep.com"),
            ("via", "2 portico-test"),
        ] {
            assert_eq!(request.field(name), value, "{name}");
        }
        let key = request.field("sec-websocket-key");
        assert_eq!(key.len(), 24);
        let accept = derive_accept_key(key.as_bytes());
        backend.send(switch(&format!("Sec-WebSocket-Accept: {accept}\r\n"))).await.unwrap();
        backend
    };
    let (backend, (response, stream)) =
        tokio::join!(backend, shake(sender, handshake("websocket")));
    assert_eq!(response.status(), 200);
    let names: Vec<_> = response.headers().keys().map(|name| name.as_str().to_owned()).collect();
    for absent in ["connection", "upgrade", "sec-websocket-accept", "content-length"] {
        assert!(!names.iter().any(|name| name == absent), "{names:?}");
    }
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    (backend, response.into_body(), stream)
}

async fn read(body: &mut RecvStream, length: usize) -> Vec<u8> {
    let mut read = Vec::new();
    while read.len() < length {
        let data = timeout(PATIENCE, body.data()).await.unwrap().unwrap().unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        read.extend(data);
    }
    read
}

#[tokio::test]
async fn bytes_pass_both_ways_until_either_side_ends() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let sender = connect(&edge).await;
    let (mut backend, mut body, mut stream) = open(&sender, &stage).await;
    for n in 0..5_u8 {
        stream.send_data(vec![n; 100_000].into(), false).unwrap();
        assert_eq!(backend.read(100_000).await.unwrap(), [n; 100_000]);
        backend.send([n ^ 255; 100_000]).await.unwrap();
        assert_eq!(read(&mut body, 100_000).await, [n ^ 255; 100_000]);
    }
    stream.send_data("last".into(), true).unwrap();
    assert_eq!(backend.read_to_end().await.unwrap(), b"last");
    backend.send("the backend's last").await.unwrap();
    drop(backend);
    assert_eq!(read(&mut body, 18).await, b"the backend's last");
    while let Some(data) = timeout(PATIENCE, body.data()).await.unwrap() {
        assert!(data.unwrap().is_empty());
    }
    // A client that resets it leaves the backend, and other requests alone.
    let (mut backend, _body, mut stream) = open(&sender, &stage).await;
    stream.send_reset(Reason::CANCEL);
    assert!(backend.read_to_end().await.unwrap().is_empty());
    let (mut backend, mut body, _stream) = open(&sender, &stage).await;
    backend.send("x").await.unwrap();
    assert_eq!(read(&mut body, 1).await, b"x");
}

#[tokio::test]
async fn one_whose_client_leaves_after_its_end_is_over() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let sender = connect(&edge).await;
    let (mut backend, _body, mut stream) = open(&sender, &stage).await;
    stream.send_data("last".into(), true).unwrap();
    // The backend goes on, and says nothing.
    assert_eq!(backend.read_to_end().await.unwrap(), b"last");
    stream.send_reset(Reason::CANCEL);
    counts(&edge, &["portico_requests_total", "code=\"101\"", "reason=\"ClientClosed\""]).await;
}

/// Firefox closes a WebSocket and leaves its side of the stream open.
#[tokio::test]
async fn one_whose_backend_has_ended_does_not_wait_for_its_client_for_long() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let sender = connect(&edge).await;
    let (mut backend, mut body, mut stream) = open(&sender, &stage).await;
    backend.send("last").await.unwrap();
    drop(backend);
    assert_eq!(read(&mut body, 4).await, b"last");
    while let Some(data) = timeout(PATIENCE, body.data()).await.unwrap() {
        assert!(data.unwrap().is_empty());
    }
    let reset = timeout(PATIENCE, std::future::poll_fn(|cx| stream.poll_reset(cx))).await;
    assert_eq!(reset.unwrap().unwrap(), Reason::NO_ERROR);
    counts(&edge, &["portico_requests_total", "code=\"101\"", "reason=\"\""]).await;
}

#[tokio::test]
async fn one_that_pauses_for_too_long_ends_with_what_has_been_sent() {
    let stage = Stage::open().await.unwrap();
    let edge =
        Edge::start(&one_route(stage.address().unwrap(), "timeouts: {idle: 300ms}")).await.unwrap();
    let sender = connect(&edge).await;
    let (mut backend, mut body, _stream) = open(&sender, &stage).await;
    backend.send("last").await.unwrap();
    assert_eq!(read(&mut body, 4).await, b"last");
    while let Some(data) = timeout(PATIENCE, body.data()).await.unwrap() {
        assert!(data.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_101_that_does_not_answer_the_key_opens_none() {
    for accept in ["", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"] {
        let backend = Backend::answering(switch(accept)).await.unwrap();
        let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
        let sender = connect(&edge).await;
        let (response, _stream) = shake(&sender, handshake("websocket")).await;
        assert_eq!(response.status(), 502);
    }
}

#[tokio::test]
async fn only_a_101_opens_one_and_only_for_websocket() {
    let backend = Backend::saying("no WebSocket here").await.unwrap();
    let app = "backends: [{service: {name: app, port: 80}}]";
    let manifests = [
        front_door(""),
        service("app", "http", &[backend.address()]),
        service("h2", "kubernetes.io/h2c", &[backend.address()]),
        route("app", app),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    let sender = connect(&edge).await;
    for protocol in ["websocket", "WebSocket", "foo"] {
        let (response, _stream) = shake(&sender, handshake(protocol)).await;
        assert_eq!(response.status(), 501, "{protocol}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
    assert_eq!(backend.take().len(), 1);
    let cors = "cors: {allowOrigins: ['https://app.ep.com'], disallowedOrigin: Reject}";
    let rejecting = [
        front_door(""),
        service("app", "http", &[backend.address()]),
        route("app", &format!("{app}\n{cors}")),
    ];
    edge.serve(&rejecting.concat()).await.unwrap();
    let mut request = handshake("websocket");
    request.headers_mut().insert("origin", HeaderValue::from_static("https://evil.example"));
    let (response, _stream) = shake(&sender, request).await;
    assert_eq!(response.status(), 403);
    assert!(backend.take().is_empty());
    assert_eq!(ask(&sender, get("/")).await.text(), "no WebSocket here");
}
