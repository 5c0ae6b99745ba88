//! Limits for each endpoint, and the queue for its places.

use crate::assert_problem;
use portico_dataplane::serve::EndpointState;
use portico_tests::{
    backend::{Backend, Stage, front_door, one_route, route, service},
    edge::{Edge, Setup},
    wire::{Wire, ask, get},
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, task::JoinSet, time::timeout};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn limited(endpoints: &[SocketAddr], limits: &str) -> String {
    let spec = format!("backends: [{{service: {{name: app, port: 80}}}}]\nlimits: {{{limits}}}");
    [front_door(""), service("app", "http", endpoints), route("app", &spec)].concat()
}

/// A client whose request the backend has, and has not answered.
async fn held(edge: &Edge, stage: &Stage) -> (Wire, Wire) {
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(get("/held", "")).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    (client, backend)
}

/// A client whose request waits: it has no answer for a while.
async fn waiting(edge: &Edge) -> Wire {
    loop {
        let mut client = Wire::connect(edge.address()).await.unwrap();
        client.send(get("/waiting", "")).await.unwrap();
        let answer = tokio::time::timeout(Duration::from_millis(300), client.read_head()).await;
        match answer {
            Err(_) => return client,
            Ok(head) => assert_eq!(head.unwrap().unwrap().status(), 503),
        }
    }
}

#[tokio::test]
async fn beyond_its_limit_an_endpoint_gets_no_request() {
    let stage = Stage::open().await.unwrap();
    let manifests = limited(&[stage.address().unwrap()], "requests: 1, queue: 0");
    let edge = Edge::start(&manifests).await.unwrap();
    let (mut client, mut backend) = held(&edge, &stage).await;
    for _ in 0..3 {
        let answer = ask(edge.address(), get("/", "")).await.unwrap();
        assert_problem(&answer, 503, "Overloaded");
        assert_eq!(answer.field("retry-after"), "1");
    }
    // In flight is what has not ended, and not what has not begun.
    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no").await.unwrap();
    let mut head = client.read_head().await.unwrap().unwrap();
    let answer = ask(edge.address(), get("/", "")).await.unwrap();
    assert_problem(&answer, 503, "Overloaded");
    backend.send("k").await.unwrap();
    client.read_body(&mut head).await.unwrap();
    let mut next = Wire::connect(edge.address()).await.unwrap();
    next.send(get("/next", "")).await.unwrap();
    assert_eq!(backend.read_request().await.unwrap().unwrap().target(), "/next");
    backend.send(OK).await.unwrap();
    assert_eq!(next.read_answer("GET").await.unwrap().text(), "ok");
    let sample = "portico_requests_total{route=\"web/app\",code=\"503\",reason=\"Overloaded\"}";
    assert_eq!(edge.metric::<u64>(sample).await.unwrap(), 4);
}

#[tokio::test]
async fn while_another_has_a_place_nobody_waits() {
    let (stage, free) = (Stage::open().await.unwrap(), Backend::saying("free").await.unwrap());
    let manifests = limited(
        &[stage.address().unwrap(), free.address()],
        "requests: 1, queue: 9, queueTime: 20s",
    );
    let edge = Edge::start(&manifests).await.unwrap();
    // Until one is held.
    let _held = loop {
        let mut client = Wire::connect(edge.address()).await.unwrap();
        client.send(get("/", "")).await.unwrap();
        tokio::select! {
            answer = client.read_answer("GET") => assert_eq!(answer.unwrap().text(), "free"),
            backend = stage.accept() => break (client, backend.unwrap()),
        }
    };
    for _ in 0..10 {
        assert_eq!(ask(edge.address(), get("/", "")).await.unwrap().text(), "free");
    }
}

#[tokio::test]
async fn what_waits_is_served_when_a_place_becomes_free() {
    let stage = Stage::open().await.unwrap();
    let manifests = limited(&[stage.address().unwrap()], "requests: 1, queue: 1, queueTime: 20s");
    let setup = Setup { workers: 2, ..Setup::default() };
    let edge = Edge::start_with(setup, &manifests).await.unwrap();
    let (mut client, mut backend) = held(&edge, &stage).await;
    let gone = waiting(&edge).await;
    let answer = ask(edge.address(), get("/", "")).await.unwrap();
    assert_problem(&answer, 503, "Overloaded");
    // One that goes away leaves its place to another.
    drop(gone);
    let mut second = waiting(&edge).await;
    backend.send(OK).await.unwrap();
    assert_eq!(client.read_answer("GET").await.unwrap().text(), "ok");
    // Over the same connection, or over one of the other worker's.
    let request = tokio::select! {
        request = backend.read_request() => match request.unwrap() {
            Some(request) => (request, backend),
            None => {
                let mut other = stage.accept().await.unwrap();
                (other.read_request().await.unwrap().unwrap(), other)
            }
        },
        other = stage.accept() => {
            let mut other = other.unwrap();
            (other.read_request().await.unwrap().unwrap(), other)
        }
    };
    let (request, mut backend) = request;
    assert_eq!(request.target(), "/waiting");
    backend.send(OK).await.unwrap();
    assert_eq!(second.read_answer("GET").await.unwrap().text(), "ok");
}

#[tokio::test]
async fn nobody_waits_longer_than_is_allowed() {
    for (limits, timeouts) in [("queueTime: 300ms", "20s"), ("queueTime: 20s", "1s")] {
        let stage = Stage::open().await.unwrap();
        let limits = format!("requests: 1, queue: 5, {limits}");
        let manifests = limited(&[stage.address().unwrap()], &limits)
            + &format!("\n  timeouts: {{request: {timeouts}}}");
        let edge = Edge::start(&manifests).await.unwrap();
        let held = held(&edge, &stage).await;
        let began = Instant::now();
        let answer = ask(edge.address(), get("/", "")).await.unwrap();
        let expected = if timeouts == "1s" { 1000 } else { 300 };
        assert!(began.elapsed() >= Duration::from_millis(expected));
        // The one that is held has as much time, and may have left its place just before.
        let is_late = timeouts == "1s" && answer.reason() == "BackendTimeout";
        assert!(is_late || answer.reason() == "Overloaded", "{answer:?}");
        drop(held);
    }
}

/// A backend that counts its requests at a time. How many connections there are it can't tell: it sees
/// one close after the edge has opened another.
#[derive(Default)]
struct Peaks {
    requests: AtomicUsize,
    most_requests: AtomicUsize,
}

async fn counting() -> (SocketAddr, Arc<Peaks>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, peaks) = (listener.local_addr().unwrap(), Arc::<Peaks>::default());
    let shared = peaks.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let peaks = shared.clone();
            tokio::spawn(async move {
                let mut wire = Wire::new(socket);
                while let Ok(Some(_)) = wire.read_request().await {
                    let open = peaks.requests.fetch_add(1, Ordering::SeqCst) + 1;
                    peaks.most_requests.fetch_max(open, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    peaks.requests.fetch_sub(1, Ordering::SeqCst);
                    let _ = wire.send(OK).await;
                }
            });
        }
    });
    (address, peaks)
}

#[tokio::test]
async fn limits_hold_over_all_workers_and_everyone_is_served() {
    for (limits, requests) in [("requests: 3", 3), ("connections: 3", 3), ("connections: 1", 1)] {
        let (address, peaks) = counting().await;
        let limits = format!("{limits}, queue: 1000, queueTime: 20s");
        let setup = Setup { workers: 3, ..Setup::default() };
        let edge = Edge::start_with(setup, &limited(&[address], &limits)).await.unwrap();
        let mut clients = JoinSet::new();
        for _ in 0..24 {
            let address = edge.address();
            clients.spawn(async move {
                let mut client = Wire::connect(address).await.unwrap();
                for _ in 0..5 {
                    client.send(get("/", "")).await.unwrap();
                    assert_eq!(client.read_answer("GET").await.unwrap().status(), 200);
                }
            });
        }
        clients.join_all().await;
        let most = |of: &AtomicUsize| of.load(Ordering::SeqCst);
        assert!(most(&peaks.most_requests) <= requests, "{limits}");
        assert!(most(&peaks.most_requests) > requests / 2, "{limits}");
    }
}

/// What clients, the backend, metrics and `/debug/backends` see where connections are limited.
#[tokio::test]
async fn beyond_its_limit_an_endpoint_gets_no_connection() {
    let stage = Stage::open().await.unwrap();
    let address = stage.address().unwrap();
    let manifests = limited(&[address], "connections: 2, queue: 1, queueTime: 20s");
    let edge = Edge::start(&manifests).await.unwrap();
    let (first, second) = (held(&edge, &stage).await, held(&edge, &stage).await);
    let mut third = waiting(&edge).await;
    for _ in 0..3 {
        let answer = ask(edge.address(), get("/", "")).await.unwrap();
        assert_problem(&answer, 503, "Overloaded");
        assert_eq!(answer.field("retry-after"), "1");
    }
    let none = timeout(Duration::from_millis(300), stage.accept()).await;
    assert!(none.is_err(), "a third connection");
    let shown = || edge.dataplane.backends().remove(0).endpoints.remove(0);
    assert_eq!((shown().state, shown().in_flight), (EndpointState::Healthy, 2));
    // Over the connection that is free then, after whatever else waited for it.
    let (mut client, mut backend) = first;
    backend.send(OK).await.unwrap();
    assert_eq!(client.read_answer("GET").await.unwrap().text(), "ok");
    assert_eq!(backend.read_request().await.unwrap().unwrap().target(), "/waiting");
    backend.send(OK).await.unwrap();
    assert_eq!(third.read_answer("GET").await.unwrap().text(), "ok");
    // One that its backend closes makes room for another.
    drop((second, backend));
    let fourth = held(&edge, &stage).await;
    let overloaded = "portico_requests_total{route=\"web/app\",code=\"503\",reason=\"Overloaded\"}";
    assert_eq!(edge.metric::<u64>(overloaded).await.unwrap(), 3);
    let healthy = "portico_backend_endpoints{backend=\"web/app:80\",state=\"healthy\"}";
    assert_eq!(edge.metric::<u64>(healthy).await.unwrap(), 1);
    drop(fourth);
}

/// Idle connections of other workers give way, and not only when they are used.
#[tokio::test]
async fn an_idle_connection_of_another_worker_keeps_nobody_waiting() {
    let (address, _) = counting().await;
    let setup = Setup { workers: 2, ..Setup::default() };
    let limits = "connections: 1, queue: 5, queueTime: 20s";
    let edge = Edge::start_with(setup, &limited(&[address], limits)).await.unwrap();
    for _ in 0..12 {
        let answer = ask(edge.address(), get("/", "")).await.unwrap();
        assert_eq!((answer.status(), answer.text().as_str()), (200, "ok"));
    }
}

#[tokio::test]
async fn a_tunnel_is_in_flight_until_it_ends() {
    let upgrade = get(
        "/",
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
    );
    let stage = Stage::open().await.unwrap();
    let manifests = one_route(stage.address().unwrap(), "limits: {requests: 1, queue: 0}");
    let edge = Edge::start(&manifests).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(&upgrade).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    backend
        .send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n")
        .await
        .unwrap();
    assert_eq!(client.read_answer("GET").await.unwrap().status(), 101);
    let answer = ask(edge.address(), get("/", "")).await.unwrap();
    assert_problem(&answer, 503, "Overloaded");
    drop((client, backend));
    // That it has ended can't be told from outside.
    let mut next = waiting(&edge).await;
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    backend.send(OK).await.unwrap();
    assert_eq!(next.read_answer("GET").await.unwrap().text(), "ok");
}
