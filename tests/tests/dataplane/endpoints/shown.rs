//! What is shown of endpoints.

use super::*;
use portico_tests::{
    backend::{Stage, one_route},
    wire::Wire,
};

/// A request whose backend has begun to answer: both ends.
async fn begun(head: &str, fields: &str) -> (Edge, Stage, Wire, Wire) {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(get("/", fields)).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    assert_eq!(in_flight(&edge, &stage), 1);
    backend.send(head).await.unwrap();
    client.read_head().await.unwrap().unwrap();
    (edge, stage, client, backend)
}

fn in_flight(edge: &Edge, stage: &Stage) -> u32 {
    shown(edge, stage.address().unwrap()).in_flight
}

#[tokio::test]
async fn a_request_is_in_flight_until_its_response_has_ended() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbo";
    let (edge, stage, mut client, mut backend) = begun(head, "").await;
    assert_eq!(client.read(2).await.unwrap(), b"bo");
    assert_eq!(in_flight(&edge, &stage), 1);
    backend.send("dy").await.unwrap();
    assert_eq!(client.read(2).await.unwrap(), b"dy");
    until(async || in_flight(&edge, &stage) == 0).await;
    assert!(shown(&edge, stage.address().unwrap()).latency_seconds.is_some());
}

#[tokio::test]
async fn a_response_whose_client_leaves_is_no_longer_in_flight() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbo";
    let (edge, stage, client, _backend) = begun(head, "").await;
    drop(client);
    until(async || in_flight(&edge, &stage) == 0).await;
}

#[tokio::test]
async fn a_tunnel_is_in_flight_until_it_ends() {
    let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let fields = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
    let (edge, stage, mut client, mut backend) = begun(head, fields).await;
    client.send("ping").await.unwrap();
    assert_eq!(backend.read(4).await.unwrap(), b"ping");
    assert_eq!(in_flight(&edge, &stage), 1);
    drop((client, backend));
    until(async || in_flight(&edge, &stage) == 0).await;
}
