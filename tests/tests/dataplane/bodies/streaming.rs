//! Bodies are streamed, both ways at once, and at the pace of whoever reads them.

use super::{MIB, echo, pattern};
use portico_tests::{
    backend::{Backend, Reply, Stage, one_route},
    edge::Edge,
    wire::{Wire, ask, get},
};
use std::time::Duration;

#[tokio::test]
async fn large_bodies_pass_whole_in_either_framing() {
    let backend = Backend::scripted(echo).await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let body = pattern(2 * MIB + 1);
    let mut chunked = Vec::new();
    for chunk in body.chunks(70_001) {
        chunked.extend_from_slice(format!("{:x};x=y\r\n", chunk.len()).as_bytes());
        chunked.extend_from_slice(chunk);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let sized = format!("Content-Length: {}\r\n", body.len());
    for (field, wire_body) in [(&*sized, &body), ("Transfer-Encoding: chunked\r\n", &chunked)] {
        let mut request =
            format!("POST / HTTP/1.1\r\nHost: www.ep.com\r\n{field}\r\n").into_bytes();
        request.extend_from_slice(wire_body);
        let answer = ask(edge.address(), request).await.unwrap();
        assert!(answer.body == body && answer.complete, "{field}");
        assert!(backend.last().unwrap().body == body, "{field}");
    }
}

#[tokio::test]
async fn a_large_answer_passes_whole_in_any_framing() {
    let body = pattern(2 * MIB + 1);
    let mut chunked =
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len())
            .into_bytes();
    chunked.extend_from_slice(&body);
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    let mut until_close = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    until_close.extend_from_slice(&body);
    for (answer, close) in [(chunked, false), (until_close, true)] {
        let backend = Backend::scripted(move |_| {
            let reply = Reply::raw(answer.clone());
            if close { reply.then_close() } else { reply }
        });
        let backend = backend.await.unwrap();
        let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
        let mut client = Wire::connect(edge.address()).await.unwrap();
        for round in 1..=2 {
            client.send(get("/", "")).await.unwrap();
            let answer = client.read_answer("GET").await.unwrap();
            assert!(answer.body == body && answer.complete);
            assert_eq!(answer.fields("transfer-encoding"), ["chunked"]);
            assert_eq!(backend.connections(), if close { round } else { 1 });
        }
    }
}

/// MiB, more than all sockets' buffers on the way hold.
const BEYOND_BUFFERS: usize = 64;

async fn pour(mut wire: Wire) -> Wire {
    let piece = vec![b'x'; MIB];
    for _ in 0..BEYOND_BUFFERS {
        wire.send(&piece).await.unwrap();
    }
    wire
}

/// Shows that a body stops while nobody reads it, and comes whole when somebody does.
async fn stalls_and_comes(sender: Wire, reader: &mut Wire) -> Wire {
    let mut pouring = tokio::spawn(pour(sender));
    let stalled = tokio::time::timeout(Duration::from_secs(1), &mut pouring).await;
    assert!(stalled.is_err(), "all of it was taken although nobody reads");
    for _ in 0..BEYOND_BUFFERS {
        assert_eq!(reader.read(MIB).await.unwrap().len(), MIB);
    }
    pouring.await.unwrap()
}

#[tokio::test]
async fn what_one_end_does_not_read_the_other_can_not_send() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    let length = BEYOND_BUFFERS * MIB;
    let head = format!("PUT / HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: {length}\r\n\r\n");
    client.send(head).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_head().await.unwrap().unwrap();
    let mut client = stalls_and_comes(client, &mut backend).await;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    backend.send(head).await.unwrap();
    assert_eq!(client.read_head().await.unwrap().unwrap().status(), 200);
    stalls_and_comes(backend, &mut client).await;
}

#[tokio::test]
async fn an_answer_may_come_before_the_requests_end() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    for body in ["no!", ""] {
        let mut client = Wire::connect(edge.address()).await.unwrap();
        client
            .send("POST / HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: 1000000\r\n\r\nhalf")
            .await
            .unwrap();
        let mut backend = stage.accept().await.unwrap();
        backend.read_head().await.unwrap().unwrap();
        assert_eq!(backend.read(4).await.unwrap(), b"half");
        let answer =
            format!("HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        backend.send(answer).await.unwrap();
        let answer = client.read_answer("POST").await.unwrap();
        assert_eq!((answer.status(), answer.text().as_str()), (403, body));
    }
}

#[tokio::test]
async fn both_bodies_can_run_at_once() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client
        .send("POST / HTTP/1.1\r\nHost: www.ep.com\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await
        .unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_head().await.unwrap().unwrap();
    backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
    let answer = client.read_head().await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    for word in ["one", "two", "three"] {
        let chunk = format!("{:x}\r\n{word}\r\n", word.len());
        client.send(&chunk).await.unwrap();
        assert_eq!(backend.read_chunk().await.unwrap().unwrap(), word.as_bytes());
        backend.send(&chunk).await.unwrap();
        assert_eq!(client.read_chunk().await.unwrap().unwrap(), word.as_bytes());
    }
    client.send("0\r\n\r\n").await.unwrap();
    assert_eq!(backend.read_chunk().await.unwrap().unwrap(), b"");
    backend.send("0\r\n\r\n").await.unwrap();
    assert_eq!(client.read_chunk().await.unwrap().unwrap(), b"");
}

/// `timeouts.request` ends with the head of the answer.
#[tokio::test]
async fn bodies_that_run_at_once_may_pause() {
    let stage = Stage::open().await.unwrap();
    let spec = "timeouts: {request: 1s, idle: 20s}";
    let edge = Edge::start(&one_route(stage.address().unwrap(), spec)).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client
        .send("POST / HTTP/1.1\r\nHost: www.ep.com\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await
        .unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_head().await.unwrap().unwrap();
    backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
    client.read_head().await.unwrap().unwrap();
    for _ in 0..2 {
        client.send("1\r\na\r\n").await.unwrap();
        assert_eq!(backend.read_chunk().await.unwrap().unwrap(), b"a");
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    client.send("0\r\n\r\n").await.unwrap();
    assert_eq!(backend.read_chunk().await.unwrap().unwrap(), b"");
    backend.send("0\r\n\r\n").await.unwrap();
    assert_eq!(client.read_chunk().await.unwrap().unwrap(), b"");
}
