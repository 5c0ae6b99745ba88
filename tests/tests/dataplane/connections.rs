//! Who is served when there are too many connections, and idle ones that go on.

mod memory;

use crate::{answers, assert_problem, forwarding_with};
use portico_dataplane::config::Limits;
use portico_tests::{
    backend::{Backend, Stage, one_route},
    edge::{Edge, Setup},
    wire::{PATIENCE, Wire},
};
use std::time::{Duration, Instant};

const GET: &str = "GET / HTTP/1.1\r\nHost: www.ep.com\r\n\r\n";
/// Longer than an idle connection keeps its buffers.
const IDLE: Duration = Duration::from_millis(400);
const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(600);

async fn edge(limits: Limits) -> (Edge, Backend) {
    let limits = Limits { header_timeout: LONG, idle_timeout: LONG, ..limits };
    forwarding_with(Setup { limits, ..Setup::default() }, "").await
}

/// A connection on which this much has been said.
async fn say(edge: &Edge, bytes: &str) -> Wire {
    let mut wire = Wire::connect(edge.address()).await.unwrap();
    wire.send(bytes).await.unwrap();
    wire
}

/// The edge answers a GET on this connection.
async fn is_served(wire: &mut Wire) {
    wire.send(GET).await.unwrap();
    assert_eq!(wire.read_answer("GET").await.unwrap().text(), "served");
}

/// The edge has closed it, without a response.
async fn is_closed(wire: &mut Wire) {
    assert_eq!(String::from_utf8_lossy(&wire.read_to_end().await.unwrap()), "");
}

/// The value of a metric.
pub(crate) async fn metric(edge: &Edge, name: &str) -> f64 {
    edge.metric(name).await.unwrap()
}

/// Waits until a metric is as it should be.
pub(crate) async fn becomes(edge: &Edge, name: &str, is_right: impl Fn(f64) -> bool) {
    let start = Instant::now();
    loop {
        let value = metric(edge, name).await;
        if is_right(value) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{name} {value}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until as many connections are open.
async fn open(edge: &Edge, count: usize) {
    becomes(edge, "portico_connections", |open| open as usize == count).await;
}

#[tokio::test]
async fn connections_that_say_nothing_keep_nobody_out() {
    let (edge, _backend) = edge(Limits { connections: 3, ..Limits::default() }).await;
    let mut silent = Vec::new();
    for count in 1..=3 {
        silent.push(say(&edge, "").await);
        open(&edge, count).await;
    }
    let mut clients = Vec::new();
    for silent in &mut silent {
        let mut client = say(&edge, "").await;
        is_served(&mut client).await;
        // The longest idle one gives way.
        is_closed(silent).await;
        clients.push(client);
    }
    for client in &mut clients {
        is_served(client).await;
    }
    let closed = "portico_connections_closed_total{reason=\"max-connections\"}";
    assert_eq!(metric(&edge, closed).await, 3.0);
}

#[tokio::test]
async fn idle_connections_give_way_before_unfinished_heads_which_do_too() {
    let (edge, _backend) = edge(Limits { connections: 3, ..Limits::default() }).await;
    let mut first = say(&edge, "GET / HTTP/1.1\r\n").await;
    open(&edge, 1).await;
    let mut second = say(&edge, "GET / HTTP/1.1\r\n").await;
    open(&edge, 2).await;
    let mut idle = say(&edge, "").await;
    open(&edge, 3).await;
    // Time enough for the edge to have read what has been said.
    tokio::time::sleep(SHORT).await;
    let mut third = say(&edge, "GET / HTTP/1.1\r\n").await;
    is_closed(&mut idle).await;
    tokio::time::sleep(SHORT).await;
    let mut fourth = say(&edge, "GET / HTTP/1.1\r\n").await;
    is_closed(&mut first).await;
    for wire in [&mut second, &mut third, &mut fourth] {
        wire.send("Host: www.ep.com\r\n\r\n").await.unwrap();
        assert_eq!(wire.read_answer("GET").await.unwrap().text(), "served");
    }
}

#[tokio::test]
async fn connections_with_requests_never_give_way_and_new_ones_wait() {
    let limits = Limits { connections: 2, ..Limits::default() };
    let stage = Stage::open().await.unwrap();
    let manifests = one_route(stage.address().unwrap(), "");
    let edge = Edge::start_with(Setup { limits, ..Setup::default() }, &manifests).await.unwrap();
    let mut busy = Vec::new();
    for _ in 0..2 {
        let client = say(&edge, GET).await;
        let mut backend = stage.accept().await.unwrap();
        backend.read_request().await.unwrap().unwrap();
        busy.push((client, backend));
    }
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.push(say(&edge, GET).await);
    }
    // Time enough for the edge to do wrong.
    tokio::time::sleep(IDLE).await;
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let mut backends = Vec::new();
    for (mut client, mut backend) in busy {
        backend.send(answer).await.unwrap();
        assert_eq!(client.read_answer("GET").await.unwrap().text(), "ok");
        // It is idle now, and gives way.
        is_closed(&mut client).await;
        // The next client's request takes the only connection to the backend that is idle.
        backend.read_request().await.unwrap().unwrap();
        backends.push(backend);
    }
    // The third client gets the place of the first, while the second still waits for its response.
    backends[0].send(answer).await.unwrap();
    assert_eq!(waiting[0].read_answer("GET").await.unwrap().text(), "ok");
    backends[0].read_request().await.unwrap().unwrap();
    for (client, backend) in [(2, 0), (1, 1)] {
        backends[backend].send(answer).await.unwrap();
        assert_eq!(waiting[client].read_answer("GET").await.unwrap().text(), "ok");
    }
}

#[tokio::test]
async fn a_connection_that_waits_for_its_place_is_served_while_draining() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let stage = Stage::open().await.unwrap();
    let manifests = one_route(stage.address().unwrap(), "");
    let edge = Edge::start_with(Setup { limits, ..Setup::default() }, &manifests).await.unwrap();
    let mut busy = say(&edge, GET).await;
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    let mut waiting = say(&edge, GET).await;
    tokio::time::sleep(SHORT).await;
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let (drained, ()) = tokio::join!(edge.dataplane.drain(LONG), async {
        let mut second = stage.accept().await.unwrap();
        second.read_request().await.unwrap().unwrap();
        for backend in [&mut second, &mut backend] {
            backend.send(answer).await.unwrap();
        }
        for client in [&mut waiting, &mut busy] {
            assert_eq!(client.read_answer("GET").await.unwrap().text(), "ok");
        }
    });
    assert!(drained);
}

#[tokio::test]
async fn the_first_byte_of_a_connection_has_the_time_of_a_head() {
    let limits = Limits { header_timeout: SHORT, idle_timeout: LONG, ..Limits::default() };
    let (edge, _backend) = forwarding_with(Setup { limits, ..Setup::default() }, "").await;
    is_closed(&mut say(&edge, "").await).await;
    is_closed(&mut say(&edge, "\r\n").await).await;
    // Between requests it is the idle time that counts.
    let mut client = say(&edge, "").await;
    is_served(&mut client).await;
    tokio::time::sleep(SHORT * 3).await;
    is_served(&mut client).await;
}

#[tokio::test]
async fn one_client_has_no_more_connections_than_it_may() {
    let limits = Limits { connections_per_client: Some(2), ..Limits::default() };
    let (edge, _backend) = edge(limits).await;
    let mut first = say(&edge, "").await;
    is_served(&mut first).await;
    let mut second = say(&edge, "").await;
    is_served(&mut second).await;
    for _ in 0..3 {
        is_closed(&mut Wire::connect(edge.address()).await.unwrap()).await;
    }
    let refused = "portico_connections_closed_total{reason=\"max-connections-per-client\"}";
    assert_eq!(metric(&edge, refused).await, 3.0);
    drop(first);
    open(&edge, 1).await;
    is_served(&mut say(&edge, "").await).await;
    is_served(&mut second).await;
}

#[tokio::test]
async fn a_connection_that_was_idle_is_the_same_as_before() {
    let limits = Limits { header_timeout: IDLE, idle_timeout: LONG, ..Limits::default() };
    let (edge, backend) = forwarding_with(Setup { limits, ..Setup::default() }, "").await;
    let mut client = say(&edge, GET).await;
    assert_eq!(client.read_answer("GET").await.unwrap().text(), "served");
    tokio::time::sleep(IDLE).await;
    // A head in pieces, a body behind it, and two requests in one.
    let post = "POST /a HTTP/1.1\r\nHost: www.ep.com\r\nTransfer-Encoding: chunked\r\n\r\n";
    for piece in [&post[..10], &post[10..], "3\r\nabc\r\n", "0\r\n\r\n"] {
        client.send(piece).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(client.read_answer("POST").await.unwrap().text(), "served");
    assert_eq!(backend.last().unwrap().body, b"abc");
    tokio::time::sleep(IDLE).await;
    client.send(GET.repeat(2)).await.unwrap();
    for _ in 0..2 {
        assert_eq!(client.read_answer("GET").await.unwrap().text(), "served");
    }
    tokio::time::sleep(IDLE).await;
    client.send("GET / HTTP/1.1\r\nHo").await.unwrap();
    let late = answers(&mut client).await;
    assert_problem(&late[0], 408, "HeadTimeout");
    assert!(late[0].closes());

    let mut client = say(&edge, GET).await;
    assert_eq!(client.read_answer("GET").await.unwrap().text(), "served");
    tokio::time::sleep(IDLE).await;
    client.send("GET / HTTP/1.1\r\nHost : x\r\n\r\n").await.unwrap();
    let refused = answers(&mut client).await;
    assert_problem(&refused[0], 400, "MalformedHead");
    assert!(refused[0].closes());

    let mut client = say(&edge, GET).await;
    assert_eq!(client.read_answer("GET").await.unwrap().text(), "served");
    tokio::time::sleep(IDLE).await;
    client.shut().await.unwrap();
    is_closed(&mut client).await;
}
