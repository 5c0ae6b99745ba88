//! gRPC: all kinds of calls to a backend that speaks HTTP/2, and what the edge itself answers.

use super::{Answer, answer, ask_whole, connect, counts, post};
use crate::forwarding;
use bytes::Bytes;
use h2::{RecvStream, server::SendResponse};
use http::{HeaderMap, HeaderValue, Request, Response};
use portico_tests::{
    backend::{front_door, route, service},
    edge::Edge,
    wire::PATIENCE,
};
use std::net::SocketAddr;
use tokio::{net::TcpListener, time::timeout};

fn call(path: &str) -> Request<()> {
    let mut request = post(path);
    for (name, value) in [("content-type", "application/grpc+proto"), ("te", "trailers")] {
        request.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    request
}

/// Answers the pieces of a request's body as its path says, then ends with a status; refuses `/denied` in its head.
async fn echo(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    assert_eq!(request.headers()["te"], "trailers");
    let mut response = Response::builder().header("content-type", "application/grpc+proto");
    if request.uri().path() == "/denied" {
        response = response.header("grpc-status", "7").header("grpc-message", "no");
        respond.send_response(response.body(()).unwrap(), true).unwrap();
        return;
    }
    let mut sender = respond.send_response(response.body(()).unwrap(), false).unwrap();
    let path = request.uri().path().to_owned();
    let mut body = request.into_body();
    let mut received = 0;
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        received += data.len();
        // Several for one, one for all, or one for each.
        match &*path {
            "/list" => (0..5).for_each(|_| sender.send_data(data.clone(), false).unwrap()),
            "/sum" => {}
            _ => sender.send_data(data, false).unwrap(),
        }
    }
    if path == "/sum" {
        sender.send_data(received.to_string().into(), false).unwrap();
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    sender.send_trailers(trailers).unwrap();
}

async fn backend() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(socket).await.unwrap();
                while let Some(Ok((request, respond))) = connection.accept().await {
                    tokio::spawn(echo(request, respond));
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn calls_of_every_kind_pass() {
    let app =
        route("app", "backends: [{service: {name: app, port: 80}}]\ntimeouts: {request: 500ms}");
    let services = service("app", "kubernetes.io/h2c", &[backend().await]);
    let edge = Edge::start(&[front_door(""), services, app].concat()).await.unwrap();
    let sender = connect(&edge).await;
    // One message each way, and a refusal that is all in the head.
    let unary = ask_whole(&sender, call("/unary"), b"\0\0\0\0\x01a", HeaderMap::new()).await;
    assert_eq!(
        (unary.body.as_slice(), &unary.trailers["grpc-status"]),
        (&b"\0\0\0\0\x01a"[..], &HeaderValue::from_static("0"))
    );
    let denied = ask_whole(&sender, call("/denied"), b"\0\0\0\0\0", HeaderMap::new()).await;
    assert_eq!((denied.field("grpc-status"), denied.field("grpc-message")), ("7", "no"));
    assert!(denied.body.is_empty() && denied.trailers.is_empty());
    // One side streams.
    let listed = ask_whole(&sender, call("/list"), b"abc", HeaderMap::new()).await;
    assert_eq!(
        (listed.text().as_str(), listed.trailers["grpc-status"].to_str().unwrap()),
        ("abc".repeat(5).as_str(), "0")
    );
    let mut ready = sender.clone().ready().await.unwrap();
    let (response, mut stream) = ready.send_request(call("/sum"), false).unwrap();
    for n in 0..4 {
        stream.send_data(Bytes::from_static(&[0; 100]), n == 3).unwrap();
    }
    let summed = timeout(PATIENCE, answer(response)).await.unwrap();
    assert_eq!(
        (summed.text().as_str(), summed.trailers["grpc-status"].to_str().unwrap()),
        ("400", "0")
    );
    // Both sides stream, and each answer comes before the next message; longer than a request may
    // take until its answer begins.
    let mut ready = sender.clone().ready().await.unwrap();
    let (response, mut stream) = ready.send_request(call("/both"), false).unwrap();
    let mut body = timeout(PATIENCE, response).await.unwrap().unwrap().into_body();
    for n in 0..4_u8 {
        stream.send_data(vec![n; 100].into(), false).unwrap();
        let data = timeout(PATIENCE, body.data()).await.unwrap().unwrap().unwrap();
        assert_eq!(data, vec![n; 100]);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    stream.send_data(Bytes::new(), true).unwrap();
    assert!(timeout(PATIENCE, body.data()).await.unwrap().is_none());
    let trailers = timeout(PATIENCE, body.trailers()).await.unwrap().unwrap().unwrap();
    assert_eq!(trailers["grpc-status"], "0");
}

fn refused(answer: &Answer) -> (u16, &str, &str) {
    (answer.status.as_u16(), answer.field("content-type"), answer.field("grpc-status"))
}

#[tokio::test]
async fn what_the_edge_answers_is_a_status_of_grpc() {
    let (edge, _backend) = forwarding().await;
    let sender = connect(&edge).await;
    let mut elsewhere = call("/");
    *elsewhere.uri_mut() = "http://nobody.example/".parse().unwrap();
    let mut large = call("/");
    large.headers_mut().insert("x-a", HeaderValue::from_str(&"b".repeat(70_000)).unwrap());
    for (request, status) in [(elsewhere, "12"), (call("/%zz"), "13"), (large, "8")] {
        let answer = ask_whole(&sender, request, b"", HeaderMap::new()).await;
        assert_eq!(refused(&answer), (200, "application/grpc", status));
        assert!(!answer.field("grpc-message").is_empty());
        assert!(answer.body.is_empty() && answer.trailers.is_empty());
        assert!(!answer.field("x-request-id").is_empty());
    }
    // Counted as what they are.
    for labels in [
        ["code=\"404\"", "reason=\"NoHost\""],
        ["code=\"400\"", "reason=\"InvalidPath\""],
        ["code=\"431\"", "reason=\"HeadTooLarge\""],
    ] {
        counts(&edge, &labels).await;
    }
}
