//! What a client may send, and how long it may take: each bound, its status, and what becomes of the
//! connection.

use crate::{answers, assert_problem, exchange, forwarding, forwarding_with};
use portico_dataplane::config::Limits;
use portico_tests::{
    backend::{Stage, one_route},
    edge::{Edge, Setup},
    wire::Wire,
};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(600);

fn bounded(limits: Limits) -> Setup {
    Setup { limits, ..Setup::default() }
}

/// A GET whose request line and whose head have these lengths, in so many fields.
fn get(line: usize, head: usize, fields: usize) -> String {
    let path = "a".repeat(line - "GET / HTTP/1.1".len());
    let mut request = format!("GET /{path} HTTP/1.1\r\nHost: www.ep.com\r\nConnection: close\r\n");
    for _ in 3..fields {
        request += "x:\r\n";
    }
    let value = "v".repeat(head - request.len() - "Last: \r\n\r\n".len());
    request + &format!("Last: {value}\r\n\r\n")
}

#[tokio::test]
async fn a_request_line_that_is_too_long_is_414() {
    let (edge, backend) =
        forwarding_with(bounded(Limits { uri_bytes: 100, ..Limits::default() }), "").await;
    let answers = exchange(&edge, get(100, 300, 3)).await;
    assert_eq!(answers[0].status(), 200, "{answers:?}");
    let endless = "GET /".to_owned() + &"a".repeat(100_000);
    for request in [get(101, 300, 3), get(5000, 5200, 3), endless] {
        let answers = exchange(&edge, request).await;
        assert_eq!(answers.len(), 1);
        assert_problem(&answers[0], 414, "UriTooLong");
        assert!(answers[0].closes());
    }
    assert_eq!(backend.requests().len(), 1);
}

#[tokio::test]
async fn a_head_that_is_too_large_is_431() {
    let limits = Limits { head_bytes: 1000, head_fields: 20, ..Limits::default() };
    let (edge, backend) = forwarding_with(bounded(limits), "").await;
    let answers = exchange(&edge, get(20, 1000, 20)).await;
    assert_eq!(answers[0].status(), 200, "{answers:?}");
    let endless = "GET / HTTP/1.1\r\nX: ".to_owned() + &"a".repeat(100_000);
    for request in [get(20, 1001, 20), get(20, 90_000, 20), endless] {
        let answers = exchange(&edge, request).await;
        assert_eq!(answers.len(), 1);
        assert_problem(&answers[0], 431, "HeadTooLarge");
        assert!(answers[0].closes());
    }
    let answers = exchange(&edge, get(20, 500, 21)).await;
    assert_eq!(answers.len(), 1);
    assert_problem(&answers[0], 431, "TooManyFields");
    assert!(answers[0].closes());
    assert_eq!(backend.requests().len(), 1);
}

#[tokio::test]
async fn the_default_bounds_are_those_that_are_documented() {
    let (edge, backend) = forwarding().await;
    let answers = exchange(&edge, get(8 * 1024, 64 * 1024, 100)).await;
    assert_eq!(answers[0].status(), 200, "{answers:?}");
    for (request, status) in [
        (get(8 * 1024 + 1, 64 * 1024, 100), 414),
        (get(8 * 1024, 64 * 1024 + 1, 100), 431),
        (get(8 * 1024, 64 * 1024, 101), 431),
    ] {
        let answers = exchange(&edge, request).await;
        assert_eq!((answers.len(), answers[0].status()), (1, status), "{answers:?}");
    }
    assert_eq!(backend.requests().len(), 1);
}

#[tokio::test]
async fn a_head_that_is_not_whole_in_time_is_408() {
    let limits = Limits { header_timeout: SHORT, idle_timeout: LONG, ..Limits::default() };
    let (edge, backend) = forwarding_with(bounded(limits), "").await;
    for begun in ["G", "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\nHost: www.ep.com\r\nX: y\r\n"] {
        let answers = exchange(&edge, begun).await;
        assert_eq!(answers.len(), 1, "{begun:?}");
        assert_problem(&answers[0], 408, "HeadTimeout");
        assert!(answers[0].closes());
    }
    // Behind a request that was served, too.
    let served = "GET / HTTP/1.1\r\nHost: www.ep.com\r\n\r\n";
    let answers = exchange(&edge, format!("{served}GET / HT")).await;
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[0].text(), "served");
    assert_problem(&answers[1], 408, "HeadTimeout");
    assert_eq!(backend.requests().len(), 1);
}

#[tokio::test]
async fn bytes_that_drip_in_do_not_move_a_heads_deadline() {
    let limits = Limits { header_timeout: SHORT, idle_timeout: LONG, ..Limits::default() };
    let (edge, _backend) = forwarding_with(bounded(limits), "").await;
    let (reader, mut writer) =
        tokio::net::TcpStream::connect(edge.address()).await.unwrap().into_split();
    let drip = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        writer.write_all(b"GET / HTTP/1.1\r\nX: ").await.unwrap();
        // Until the edge closes.
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(SHORT / 20).await;
        }
    });
    let mut wire = Wire::new(tokio::io::join(reader, tokio::io::sink()));
    let answers = answers(&mut wire).await;
    assert_problem(&answers[0], 408, "HeadTimeout");
    drip.abort();
}

#[tokio::test]
async fn an_idle_connection_is_closed_without_a_word() {
    let limits = Limits { header_timeout: LONG, idle_timeout: SHORT, ..Limits::default() };
    let (edge, _backend) = forwarding_with(bounded(limits), "").await;
    // Empty lines begin no request.
    for said in ["", "\r\n", "\r\n\r\n\r\n"] {
        assert!(exchange(&edge, said).await.is_empty(), "{said:?}");
    }
    let answers = exchange(&edge, "GET / HTTP/1.1\r\nHost: www.ep.com\r\n\r\n").await;
    assert_eq!(answers.len(), 1);
    assert!(!answers[0].closes());
}

#[tokio::test]
async fn a_backend_that_takes_its_time_is_not_the_clients_fault() {
    let limits = Limits { header_timeout: SHORT, idle_timeout: SHORT, ..Limits::default() };
    let stage = Stage::open().await.unwrap();
    let manifests = one_route(stage.address().unwrap(), "timeouts: {request: 0s, idle: 0s}");
    let edge = Edge::start_with(bounded(limits), &manifests).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send("GET / HTTP/1.1\r\nHost: www.ep.com\r\n\r\n").await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    tokio::time::sleep(SHORT * 3).await;
    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n").await.unwrap();
    tokio::time::sleep(SHORT * 3).await;
    backend.send("ok").await.unwrap();
    assert_eq!(client.read_answer("GET").await.unwrap().text(), "ok");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413() {
    let limits = Limits { body_bytes: Some(10), ..Limits::default() };
    let (edge, backend) = forwarding_with(bounded(limits), "").await;
    let post = |framing: &str| format!("POST / HTTP/1.1\r\nHost: www.ep.com\r\n{framing}");
    for allowed in [
        "Content-Length: 10\r\nConnection: close\r\n\r\n0123456789",
        "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\nT: trailer\r\n\r\n",
    ] {
        let answers = exchange(&edge, post(allowed)).await;
        assert_eq!(answers[0].status(), 200, "{allowed} {answers:?}");
        assert_eq!(backend.last().unwrap().body, b"0123456789");
    }
    let large = "x".repeat(1 << 20);
    for refused in [
        "Content-Length: 11\r\n\r\n0123456789a".to_owned(),
        "Content-Length: 11\r\nExpect: 100-continue\r\n\r\n".to_owned(),
        format!("Content-Length: {}\r\n\r\n{large}", large.len()),
        "Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n6\r\n56789a\r\n0\r\n\r\n".to_owned(),
        format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{large}\r\n0\r\n\r\n", large.len()),
    ] {
        let answers = exchange(&edge, post(&refused)).await;
        assert_eq!(answers.len(), 1);
        assert_problem(&answers[0], 413, "BodyTooLarge");
        assert!(answers[0].closes());
    }
    let whole = backend.requests().into_iter().filter(|got| got.complete);
    assert_eq!(whole.count(), 2);
}

#[tokio::test]
async fn a_body_that_stops_coming_is_408() {
    for spec in ["timeouts: {request: 100ms}", "timeouts: {request: 0s, idle: 100ms}"] {
        let (edge, backend) = forwarding_with(Setup::default(), spec).await;
        for cut in [
            "Content-Length: 10\r\n\r\n01234",
            "Content-Length: 10\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n",
            "Transfer-Encoding: chunked\r\n\r\n5\r\n01",
        ] {
            let answers =
                exchange(&edge, format!("POST / HTTP/1.1\r\nHost: www.ep.com\r\n{cut}")).await;
            assert_eq!(answers.len(), 1, "{spec} {cut:?}");
            assert_problem(&answers[0], 408, "BodyTimeout");
            assert!(answers[0].closes());
        }
        assert!(backend.requests().iter().all(|got| !got.complete));
    }
}
