//! HTTP/2 connections to backends are shared: nobody may take them from others.

use super::outcome;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use portico_tests::{
    backend::{front_door, route, service},
    edge::Edge,
    wire::{PATIENCE, Wire, ask, get},
};
use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::net::TcpListener;

/// A backend that takes `streams` requests at a time on each connection. It never answers `/wait`,
/// never comes to an end with `/large`, and answers the rest with "ok". Returns its address and the
/// number of its connections.
async fn backend(streams: u32) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let answer = |request: hyper::Request<hyper::body::Incoming>| async move {
        let frame = |bytes| Ok::<_, Infallible>(Frame::data(Bytes::from_static(bytes)));
        let body = match request.uri().path() {
            "/wait" => std::future::pending().await,
            "/large" => StreamBody::new(stream::repeat_with(move || frame(&[b'x'; 8192]))).boxed(),
            _ => StreamBody::new(stream::iter([frame(b"ok")])).boxed(),
        };
        Ok::<_, Infallible>(hyper::Response::new(body))
    };
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            http2.max_concurrent_streams(streams);
            let service = hyper::service::service_fn(answer);
            tokio::spawn(http2.serve_connection(TokioIo::new(socket), service));
        }
    });
    (address, count)
}

async fn edge(address: SocketAddr, timeouts: &str) -> Edge {
    let spec = format!("backends: [{{service: {{name: app, port: 80}}}}]\ntimeouts: {timeouts}");
    let services = service("app", "kubernetes.io/h2c", &[address]);
    Edge::start(&[front_door(""), services, route("app", &spec)].concat()).await.unwrap()
}

/// Clients that have sent a request, and read nothing.
async fn waiting(edge: &Edge, target: &str, count: usize) -> Vec<Wire> {
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut client = Wire::connect(edge.address()).await.unwrap();
        client.send(get(target, "")).await.unwrap();
        clients.push(client);
    }
    clients
}

#[tokio::test]
async fn clients_that_do_not_read_hold_back_only_their_own_requests() {
    let (address, connections) = backend(1000).await;
    let edge = edge(address, "{request: 5s}").await;
    // The first request opens a connection for the others.
    assert_eq!(outcome(&edge).await.0, 200);
    let mut clients = waiting(&edge, "/large", 100).await;
    for client in &mut clients {
        assert_eq!(client.read_head().await.unwrap().unwrap().status(), 200);
    }
    // Time for the backend to send as much as it may.
    tokio::time::sleep(Duration::from_millis(500)).await;
    for _ in 0..20 {
        let answer = ask(edge.address(), get("/", "")).await.unwrap();
        assert_eq!((answer.status(), answer.text().as_str()), (200, "ok"));
    }
    // A client that reads gets on, whatever the others do.
    assert!(clients[0].read_chunk().await.unwrap().is_some());
    assert!(connections.load(Ordering::SeqCst) <= 3, "{connections:?}");
}

#[tokio::test]
async fn where_a_connections_streams_are_used_another_one_is_opened() {
    let (address, connections) = backend(10).await;
    let edge = edge(address, "{request: 10s}").await;
    assert_eq!(outcome(&edge).await.0, 200);
    let mut clients = waiting(&edge, "/wait", 35).await;
    let opened = async {
        while connections.load(Ordering::SeqCst) < 4 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, opened).await.expect("all share too few connections");
    for _ in 0..10 {
        assert_eq!(outcome(&edge).await.0, 200);
    }
    // A request opens none that another one has just opened.
    let opened = connections.load(Ordering::SeqCst);
    assert!((4..=8).contains(&opened), "{opened}");
    // None has failed.
    let answered = clients[34].read_head();
    assert!(tokio::time::timeout(Duration::from_millis(300), answered).await.is_err());
}

/// Nobody knows the limit before the backend has told it: what it refuses goes elsewhere.
#[tokio::test]
async fn a_burst_over_a_limit_that_is_not_known_yet_is_answered_whole() {
    let (address, _) = backend(3).await;
    let edge = edge(address, "{request: 20s}").await;
    let mut clients = waiting(&edge, "/", 40).await;
    for client in &mut clients {
        let answer = client.read_answer("GET").await.unwrap();
        assert_eq!((answer.status(), answer.text().as_str()), (200, "ok"));
    }
}

#[tokio::test]
async fn no_wait_for_a_stream_outlasts_the_requests_timeout() {
    for (streams, target) in [(0, "/"), (1, "/wait"), (100, "/wait")] {
        let (address, _) = backend(streams).await;
        let edge = edge(address, "{request: 500ms}").await;
        let mut clients = waiting(&edge, target, 5).await;
        for client in &mut clients {
            let answer = client.read_answer("GET").await.unwrap();
            assert!([502, 504].contains(&answer.status()), "{streams}: {}", answer.text());
        }
    }
}
