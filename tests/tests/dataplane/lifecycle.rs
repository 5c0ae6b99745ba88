//! Clients that leave, connections that leave HTTP, a dataplane that ends, and large bodies on their
//! way.

use crate::{answers, forwarding, forwarding_with};
use portico_tests::{
    backend::{Stage, one_route},
    edge::{Edge, Setup},
    wire::Wire,
};
use std::{io::ErrorKind, time::Duration};
use tokio::net::TcpStream;

const GET: &str = "GET / HTTP/1.1\r\nHost: www.ep.com\r\n\r\n";
const WEBSOCKET: &str = "GET / HTTP/1.1\r\nHost: www.ep.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCHING: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(100);

/// A dataplane in front of a backend whose connections the test takes itself.
async fn staged() -> (Edge, Stage) {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    (edge, stage)
}

/// A client whose request has reached the backend; both ends.
async fn under_way(edge: &Edge, stage: &Stage, request: &str) -> (Wire, Wire) {
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(request).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_head().await.unwrap().unwrap();
    (client, backend)
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_request_along() {
    let (edge, stage) = staged().await;
    let post = "POST / HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: 10\r\n\r\n";
    for request in [GET, WEBSOCKET, post, &format!("{post}01234"), &format!("{post}0123456789")] {
        let (client, mut backend) = under_way(&edge, &stage, request).await;
        drop(client);
        let rest = backend.read_to_end().await.unwrap();
        assert!(rest.len() <= 10, "{request:?}: {rest:?}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_an_answer_ends_it_at_the_backend() {
    let (edge, stage) = staged().await;
    let (mut client, mut backend) = under_way(&edge, &stage, GET).await;
    backend
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        .await
        .unwrap();
    assert_eq!(client.read_head().await.unwrap().unwrap().status(), 200);
    drop(client);
    assert!(backend.read_to_end().await.unwrap().is_empty());
}

/// Waits until nobody listens there any more.
async fn refused(address: std::net::SocketAddr) {
    let refusal = async {
        loop {
            match TcpStream::connect(address).await {
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => return,
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    };
    tokio::time::timeout(LONG, refusal).await.expect("the listener stays open");
}

#[tokio::test]
async fn draining_closes_listeners_and_idle_connections() {
    let setup = Setup { workers: 3, ..Setup::default() };
    let (edge, _backend) = forwarding_with(setup, "").await;
    let address = edge.address();
    let mut fresh = Wire::connect(address).await.unwrap();
    let mut kept = Wire::connect(address).await.unwrap();
    kept.send(GET).await.unwrap();
    assert!(!kept.read_answer("GET").await.unwrap().closes());
    let mut begun = Wire::connect(address).await.unwrap();
    begun.send("GET / HTTP/1.1\r\nHo").await.unwrap();
    assert!(edge.dataplane.drain(LONG).await);
    for wire in [&mut fresh, &mut kept, &mut begun] {
        assert!(wire.read_to_end().await.unwrap().is_empty());
    }
    refused(address).await;
}

#[tokio::test]
async fn no_request_of_a_busy_client_is_lost_to_draining() {
    let (edge, _backend) = forwarding().await;
    let address = edge.address();
    let ask_until_closed = || async move {
        let mut wire = Wire::connect(address).await.unwrap();
        loop {
            wire.send(GET).await.unwrap();
            let answer = wire.read_answer("GET").await.expect("an answer to every request");
            assert_eq!(answer.status(), 200);
            if answer.closes() {
                return;
            }
        }
    };
    let clients: Vec<_> = (0..8).map(|_| tokio::spawn(ask_until_closed())).collect();
    // All of them are under way.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(edge.dataplane.drain(LONG).await);
    for client in clients {
        client.await.unwrap();
    }
}

#[tokio::test]
async fn a_request_in_flight_is_answered_while_draining_and_its_connection_closes() {
    let (edge, stage) = staged().await;
    let address = edge.address();
    let (mut client, mut backend) = under_way(&edge, &stage, GET).await;
    let post = "POST / HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: 5\r\n\r\nhe";
    let (mut uploading, mut taking) = under_way(&edge, &stage, post).await;
    let drained = tokio::spawn(edge.dataplane.drain(LONG));
    refused(address).await;
    assert!(!drained.is_finished());

    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    let answers_got = answers(&mut client).await;
    assert_eq!(answers_got.len(), 1);
    assert_eq!(answers_got[0].text(), "ok");
    assert!(answers_got[0].closes());
    assert!(!drained.is_finished());

    uploading.send("llo").await.unwrap();
    assert_eq!(taking.read(5).await.unwrap(), b"hello");
    taking.send("HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    assert_eq!(uploading.read_answer("POST").await.unwrap().status(), 204);
    assert!(drained.await.unwrap());
}

#[tokio::test]
async fn what_does_not_end_in_time_is_cut_off_and_draining_says_so() {
    for request in [GET, WEBSOCKET] {
        let (edge, stage) = staged().await;
        let (mut client, mut backend) = under_way(&edge, &stage, request).await;
        if request == WEBSOCKET {
            backend.send(SWITCHING).await.unwrap();
            assert_eq!(client.read_head().await.unwrap().unwrap().status(), 101);
            client.send("ping").await.unwrap();
            assert_eq!(backend.read(4).await.unwrap(), b"ping");
        }
        assert!(!edge.dataplane.drain(SHORT).await);
        assert!(client.read_to_end().await.unwrap().is_empty());
        assert!(backend.read_to_end().await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_tunnel_that_ends_while_draining_ends_it() {
    let (edge, stage) = staged().await;
    let address = edge.address();
    let (mut client, mut backend) = under_way(&edge, &stage, WEBSOCKET).await;
    backend.send(SWITCHING).await.unwrap();
    assert_eq!(client.read_head().await.unwrap().unwrap().status(), 101);
    let drained = tokio::spawn(edge.dataplane.drain(LONG));
    refused(address).await;
    client.send("still here").await.unwrap();
    assert_eq!(backend.read(10).await.unwrap(), b"still here");
    assert!(!drained.is_finished());
    drop(client);
    drop(backend);
    assert!(drained.await.unwrap());
}

const BODY: usize = 50 * 1024 * 1024;
const SIP: usize = 64 * 1024;
const BOUND: usize = 30 * 1024 * 1024;

/// The memory that this process holds, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// Sends a body as fast as it is taken.
async fn pour(mut wire: Wire) -> Wire {
    let chunk = vec![b'x'; SIP];
    for _ in 0..BODY / SIP {
        wire.send(&chunk).await.unwrap();
    }
    wire
}

/// Takes a body slowly; how much memory the process held meanwhile, at most.
async fn sip(wire: &mut Wire) -> usize {
    let mut most = 0;
    for _ in 0..BODY / SIP {
        assert_eq!(wire.read(SIP).await.unwrap().len(), SIP);
        most = most.max(resident());
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
    most
}

#[tokio::test]
async fn a_large_body_is_not_kept_in_memory_for_a_slow_receiver() {
    let (edge, stage) = staged().await;
    let post = format!("POST / HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: {BODY}\r\n\r\n");
    let before = resident();
    let (client, mut backend) = under_way(&edge, &stage, &post).await;
    let pouring = tokio::spawn(pour(client));
    let most = sip(&mut backend).await;
    assert!(most < before + BOUND, "{before} bytes before, {most} meanwhile");
    let mut client = pouring.await.unwrap();

    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\n\r\n");
    backend.send(head).await.unwrap();
    assert_eq!(client.read_head().await.unwrap().unwrap().status(), 200);
    let pouring = tokio::spawn(pour(backend));
    let most = sip(&mut client).await;
    assert!(most < before + BOUND, "{before} bytes before, {most} meanwhile");
    pouring.await.unwrap();
}
