//! Settings, and how connections end.

use super::{
    Client, answer, ask, connect,
    frames::{
        ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS,
        WINDOW_UPDATE, head,
    },
    get, post,
};
use crate::{connections::becomes, forwarding, forwarding_with};
use portico_dataplane::config::Limits;
use portico_tests::{
    backend::{Backend, Stage, one_route},
    edge::{Edge, Setup},
};
use std::time::Duration;

const LAST: u32 = (1 << 31) - 1;

#[tokio::test]
async fn limits_are_announced() {
    let (edge, _backend) = forwarding().await;
    let mut client = Client::connect(&edge).await;
    let settings = client.next().await.unwrap();
    assert_eq!((settings.kind, settings.flags), (SETTINGS, 0));
    let setting = |pair: &[u8]| (pair[1], u32::from_be_bytes(pair[2..6].try_into().unwrap()));
    let mut settings: Vec<_> = settings.payload.chunks(6).map(setting).collect();
    settings.sort_unstable();
    // Streams, a stream's window, the list of fields, extended CONNECT.
    assert_eq!(settings, [(3, 100), (4, 41_943), (6, 262_144), (8, 1)]);
}

#[tokio::test]
async fn further_streams_are_refused() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let mut client = Client::connect(&edge).await;
    for number in 0..=100 {
        let stream = number * 2 + 1;
        client.send(HEADERS, END_HEADERS | END_STREAM, stream, &head("GET", "/", &[])).await;
    }
    let refused = client.of(201).await;
    assert_eq!((refused.kind, refused.code()), (RST_STREAM, 7));
    // Requests in flight go on.
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    backend.send("HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    loop {
        let frame = client.next().await.unwrap();
        if frame.kind == HEADERS {
            break assert_eq!(frame.payload[0], 0x89);
        }
    }
}

/// Goes along with a connection that closes in two steps (RFC 9113 §6.8).
async fn goes_away(client: &mut Client, last: u32) {
    let mut goaways = Vec::new();
    while let Some(frame) = client.next().await {
        match frame.kind {
            PING => client.send(PING, ACK, 0, &frame.payload).await,
            GOAWAY => {
                let last = u32::from_be_bytes(frame.payload[..4].try_into().unwrap());
                goaways.push((last, frame.code()));
            }
            _ => {}
        }
    }
    assert_eq!(goaways, [(LAST, 0), (last, 0)]);
}

#[tokio::test]
async fn a_connection_without_requests_is_closed() {
    let limits = Limits { idle_timeout: Duration::from_millis(300), ..Limits::default() };
    let (edge, _backend) = forwarding_with(Setup { limits, ..Setup::default() }, "").await;
    let mut client = Client::connect(&edge).await;
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &head("GET", "/", &[])).await;
    while client.of(1).await.kind != DATA {}
    goes_away(&mut client, 1).await;
    // One that does not go along is closed too.
    let mut client = Client::connect(&edge).await;
    assert_eq!(client.ends_with().await.last(), Some(&0));
}

#[tokio::test]
async fn draining_lets_requests_end_and_takes_no_more() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let mut client = Client::connect(&edge).await;
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &head("GET", "/", &[])).await;
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    let mut idle = Client::connect(&edge).await;
    idle.next().await.unwrap();
    let drained = tokio::spawn(edge.dataplane.drain(Duration::from_secs(20)));
    goes_away(&mut idle, 0).await;
    let ping = loop {
        let frame = client.next().await.unwrap();
        if frame.kind == PING {
            break frame;
        }
    };
    // It was on its way.
    client.send(HEADERS, END_HEADERS | END_STREAM, 3, &head("GET", "/", &[])).await;
    client.send(PING, ACK, 0, &ping.payload).await;
    let mut second = stage.accept().await.unwrap();
    second.read_request().await.unwrap().unwrap();
    // It was not.
    client.send(HEADERS, END_HEADERS | END_STREAM, 5, &head("GET", "/", &[])).await;
    for backend in [&mut backend, &mut second] {
        backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    }
    let mut whole = Vec::new();
    let mut last = None;
    while let Some(frame) = client.next().await {
        if frame.kind == DATA && frame.flags & END_STREAM != 0 {
            whole.push(frame.stream);
        } else if frame.kind == GOAWAY {
            last = Some(u32::from_be_bytes(frame.payload[..4].try_into().unwrap()));
        }
    }
    whole.sort_unstable();
    assert_eq!((whole, last), (vec![1, 3], Some(3)));
    drop(client);
    assert!(drained.await.unwrap());
}

/// Requests end when their answers have been handed on; the connection lives until they are written.
#[tokio::test]
async fn answers_that_are_read_late_are_accounted_for_and_outlast_draining() {
    const LENGTH: usize = 60_000;
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n{}", "x".repeat(LENGTH));
    let backend = Backend::answering(answer).await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let mut client = Client::connect_with(&edge, &[(4, 1_000_000)]).await;
    client.send(WINDOW_UPDATE, 0, 0, &100_000_000_u32.to_be_bytes()).await;
    for number in 0..100 {
        let stream = number * 2 + 1;
        client.send(HEADERS, END_HEADERS | END_STREAM, stream, &head("GET", "/", &[])).await;
    }
    becomes(&edge, "portico_connection_memory_bytes", |held| held > 1_000_000.0).await;
    becomes(&edge, "portico_connection_memory_bytes", |held| held < 6_100_000.0).await;
    let drained = tokio::spawn(edge.dataplane.drain(Duration::from_secs(20)));
    // Longer than a client without requests is waited for.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let (mut received, mut whole) = (0, 0);
    while whole < 100 {
        let got = client.next().await.expect("closed");
        if got.kind == PING {
            client.send(PING, ACK, 0, &got.payload).await;
        } else if got.kind == DATA {
            received += got.payload.len();
            whole += usize::from(got.flags & END_STREAM != 0);
        }
    }
    assert_eq!(received, 100 * LENGTH);
    client.rest().await;
    assert!(drained.await.unwrap());
}

/// A client that confirms nothing and goes on asking does not hold up draining.
#[tokio::test]
async fn a_client_that_ignores_draining_is_refused_in_the_end() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let mut client = Client::connect(&edge).await;
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &head("GET", "/", &[])).await;
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    let drained = tokio::spawn(edge.dataplane.drain(Duration::from_secs(20)));
    while client.next().await.unwrap().kind != PING {}
    tokio::time::sleep(Duration::from_millis(1500)).await;
    for stream in [3, 5] {
        client.send(HEADERS, END_HEADERS | END_STREAM, stream, &head("GET", "/", &[])).await;
        let refused = client.of(stream).await;
        assert_eq!((refused.kind, refused.code()), (RST_STREAM, 7));
    }
    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    assert_eq!(client.of(1).await.payload[0], 0x88);
    assert_eq!(client.of(1).await.payload, b"ok");
    client.rest().await;
    drop(client);
    assert!(drained.await.unwrap());
}

/// One request that goes on does not make up for many answers that are not read.
#[tokio::test]
async fn a_client_that_leaves_many_answers_unread_gives_way() {
    let large =
        format!("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{}", "x".repeat(1_000_000));
    let backend = Backend::answering(large).await.unwrap();
    let limits = Limits { memory: 3_000_000, ..Limits::default() };
    let setup = Setup { limits, ..Setup::default() };
    let edge = Edge::start_with(setup, &one_route(backend.address(), "")).await.unwrap();
    let mut client = Client::connect(&edge).await;
    client.send(WINDOW_UPDATE, 0, 0, &100_000_000_u32.to_be_bytes()).await;
    // Its body never ends.
    client.send(HEADERS, END_HEADERS, 1, &head("POST", "/", &[])).await;
    for number in 1..90 {
        let stream = number * 2 + 1;
        client.send(HEADERS, END_HEADERS | END_STREAM, stream, &head("GET", "/", &[])).await;
    }
    let closed = "portico_connections_closed_total{reason=\"max-memory\"}";
    becomes(&edge, closed, |closed| closed >= 1.0).await;
}

#[tokio::test]
async fn a_connection_without_requests_gives_its_place_to_another() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let (edge, _backend) = forwarding_with(Setup { limits, ..Setup::default() }, "").await;
    let sender = connect(&edge).await;
    assert_eq!(ask(&sender, get("/")).await.text(), "served");
    let other = connect(&edge).await;
    assert_eq!(ask(&other, get("/")).await.text(), "served");
}

#[tokio::test]
async fn a_body_that_stops_is_not_waited_for_forever() {
    let stage = Stage::open().await.unwrap();
    let route = one_route(stage.address().unwrap(), "timeouts: {idle: 300ms}");
    let edge = Edge::start(&route).await.unwrap();
    let sender = connect(&edge).await;
    let mut ready = sender.clone().ready().await.unwrap();
    let (response, mut stream) = ready.send_request(post("/"), false).unwrap();
    stream.send_data("half".into(), false).unwrap();
    let answer = answer(response).await;
    assert_eq!((answer.status.as_u16(), answer.reason().as_str()), (408, "BodyTimeout"));
}
