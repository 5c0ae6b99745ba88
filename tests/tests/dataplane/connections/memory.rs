//! What connections hold, and who gives way when that is too much.

use super::*;

/// What one connection may add before others, which give way, have closed.
const SLACK: usize = 150_000;

const MEMORY: &str = "portico_connection_memory_bytes";

#[tokio::test]
async fn heads_that_never_end_stay_within_the_budget() {
    const BUDGET: usize = 400_000;
    let (edge, _backend) = edge(Limits { memory: BUDGET, ..Limits::default() }).await;
    let head = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(60_000));
    let mut heads = Vec::new();
    for _ in 0..30 {
        heads.push(say(&edge, &head).await);
        let held = metric(&edge, MEMORY).await;
        assert!(held <= (BUDGET + SLACK) as f64, "{held}");
        let mut client = say(&edge, "").await;
        is_served(&mut client).await;
    }
    becomes(&edge, MEMORY, |held| held <= BUDGET as f64).await;
    assert_eq!(metric(&edge, "portico_connection_memory_limit_bytes").await, BUDGET as f64);
    assert!(metric(&edge, "portico_connections").await < 30.0);
    let closed = "portico_connections_closed_total{reason=\"max-memory\"}";
    assert!(metric(&edge, closed).await >= 24.0);
    // Those longest without a request have gone; the last one has not.
    is_closed(&mut heads[0]).await;
    let last = heads.last_mut().unwrap();
    last.send("\r\nHost: www.ep.com\r\n\r\n").await.unwrap();
    assert_eq!(last.read_answer("GET").await.unwrap().text(), "served");
}

#[tokio::test]
async fn idle_connections_make_room_for_what_others_hold() {
    const BUDGET: usize = 100_000;
    let (edge, _backend) = edge(Limits { memory: BUDGET, ..Limits::default() }).await;
    let mut idle = Vec::new();
    for count in 1..=10 {
        idle.push(say(&edge, "").await);
        open(&edge, count).await;
    }
    let head = format!("GET / HTTP/1.1\r\nHost: www.ep.com\r\nX: {}", "x".repeat(60_000));
    let _head = say(&edge, &head).await;
    is_closed(&mut idle[0]).await;
    is_served(idle.last_mut().unwrap()).await;
    becomes(&edge, MEMORY, |held| held <= BUDGET as f64).await;
}

/// Answers every request with a response that is longer than what the kernel holds.
async fn pour_for_ever(stage: Stage) {
    while let Ok(mut backend) = stage.accept().await {
        tokio::spawn(async move {
            backend.read_head().await.unwrap();
            backend.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n").await.unwrap();
            let piece = vec![b'x'; 100_000];
            // Until the edge closes, or the test ends.
            while backend.send(&piece).await.is_ok() {}
        });
    }
}

#[tokio::test]
async fn clients_that_do_not_read_stay_within_the_budget_and_keep_nobody_out() {
    const BUDGET: usize = 600_000;
    let stage = Stage::open().await.unwrap();
    let limits = Limits { memory: BUDGET, ..Limits::default() };
    let manifests = one_route(stage.address().unwrap(), "");
    let edge = Edge::start_with(Setup { limits, ..Setup::default() }, &manifests).await.unwrap();
    let backends = tokio::spawn(pour_for_ever(stage));
    let mut unread = Vec::new();
    for _ in 0..12 {
        unread.push(say(&edge, GET).await);
        let held = metric(&edge, MEMORY).await;
        assert!(held <= (BUDGET + SLACK) as f64, "{held}");
    }
    let closed = "portico_connections_closed_total{reason=\"max-memory\"}";
    becomes(&edge, closed, |closed| closed >= 6.0).await;
    becomes(&edge, MEMORY, |held| held <= BUDGET as f64).await;
    // A new client has its place; on a busy machine the others may not be gone yet when it comes.
    let mut statuses = Vec::new();
    for _ in 0..10 {
        let head = say(&edge, GET).await.read_head().await;
        statuses.extend(head.ok().flatten().map(|head| head.status()));
        if !statuses.is_empty() {
            break;
        }
    }
    assert_eq!(statuses, [200]);
    backends.abort();
}

#[tokio::test]
async fn an_idle_connection_holds_little_whatever_it_did_before() {
    let (edge, backend) = edge(Limits::default()).await;
    let long = format!(
        "GET / HTTP/1.1\r\nHost: www.ep.com\r\nConnection: keep-alive\r\nX: {}\r\n\r\n",
        "x".repeat(57_000)
    );
    let body = "b".repeat(300_000);
    let post = format!(
        "POST / HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for (bytes, count) in [(GET, 1), (&long, 1), (&post, 1), (&GET.repeat(2000), 2000)] {
        let mut wire = Wire::connect(edge.address()).await.unwrap();
        let mut others = Wire::connect(edge.address()).await.unwrap();
        wire.send(bytes).await.unwrap();
        for _ in 0..count {
            assert_eq!(wire.read_answer("GET").await.unwrap().text(), "served");
        }
        // The other one has never said anything.
        becomes(&edge, MEMORY, |held| held <= 2.0 * 12_000.0).await;
        // Freed buffers come back when they are needed.
        for bytes in [GET, &long, &post, GET] {
            wire.send(bytes).await.unwrap();
            assert_eq!(wire.read_answer("GET").await.unwrap().text(), "served");
        }
        is_served(&mut others).await;
        drop((wire, others));
        open(&edge, 0).await;
        assert_eq!(metric(&edge, MEMORY).await, 0.0);
    }
    assert_eq!(backend.last().unwrap().target(), "/");
}

#[tokio::test]
async fn a_peer_that_does_not_read_holds_no_more_than_documented() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let large = 20_000_000;
    // A client that sends its request and reads nothing.
    let mut client = say(&edge, GET).await;
    let mut backend = stage.accept().await.unwrap();
    backend.read_head().await.unwrap().unwrap();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {large}\r\n\r\n");
    backend.send(answer).await.unwrap();
    let pour = tokio::spawn(async move {
        let piece = vec![b'x'; 100_000];
        for _ in 0..large / piece.len() {
            backend.send(&piece).await.unwrap();
        }
        backend
    });
    becomes(&edge, MEMORY, |held| held > 64_000.0).await;
    tokio::time::sleep(SHORT).await;
    let held = metric(&edge, MEMORY).await;
    assert!(held <= 160_000.0, "{held}");
    let answer = client.read_answer("GET").await.unwrap();
    assert!(answer.complete && answer.body.len() == large);
    let mut backend = pour.await.unwrap();
    // And a backend that reads nothing of a body.
    let head = format!("POST / HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: {large}\r\n\r\n");
    client.send(head).await.unwrap();
    let mut request = backend.read_head().await.unwrap().unwrap();
    let pour = tokio::spawn(async move {
        let piece = vec![b'x'; 100_000];
        for _ in 0..large / piece.len() {
            client.send(&piece).await.unwrap();
        }
        client
    });
    tokio::time::sleep(SHORT * 2).await;
    let held = metric(&edge, MEMORY).await;
    assert!(held <= 160_000.0, "{held}");
    backend.read_body(&mut request).await.unwrap();
    assert!(request.complete && request.body.len() == large);
    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    let mut client = pour.await.unwrap();
    assert_eq!(client.read_answer("POST").await.unwrap().text(), "ok");
}
