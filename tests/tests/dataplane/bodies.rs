//! Bodies on their way, and the connections that they leave behind.

use portico_tests::{
    backend::{Backend, Reply, Stage, one_route, route},
    edge::{Edge, Setup},
    wire::{Message, PATIENCE, Wire, ask, get, post},
};
use std::time::Duration;

const MIB: usize = 1 << 20;

/// Bytes in which a lost, doubled or swapped piece shows.
fn pattern(length: usize) -> Vec<u8> {
    (0..length as u32).map(|n| (n ^ (n >> 8) ^ (n >> 16)) as u8).collect()
}

fn echo(request: &Message) -> Reply {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", request.body.len());
    let mut answer = head.into_bytes();
    answer.extend_from_slice(&request.body);
    Reply::raw(answer)
}

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
async fn answers_without_a_body_leave_the_connection_in_step() {
    for (method, answer, length) in [
        ("HEAD", "200 OK\r\nContent-Length: 1234", "1234"),
        ("HEAD", "200 OK\r\nTransfer-Encoding: chunked", ""),
        ("HEAD", "200 OK\r\nX: y", ""),
        ("GET", "204 No Content\r\nX: y", ""),
        ("GET", "304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 99", ""),
        ("GET", "304 Not Modified\r\nETag: \"a\"", ""),
        ("GET", "200 OK\r\nContent-Length: 0", "0"),
        ("POST", "201 Created\r\nContent-Length: 0", "0"),
    ] {
        let raw = format!("HTTP/1.1 {answer}\r\n\r\n");
        let backend = Backend::answering(raw).await.unwrap();
        let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
        let mut client = Wire::connect(edge.address()).await.unwrap();
        for _ in 0..3 {
            let request = get("/", "").replacen("GET", method, 1);
            client.send(&request).await.unwrap();
            let got = client.read_answer(method).await.unwrap();
            assert!(
                answer.starts_with(&got.status().to_string()),
                "{method} {answer}: {}",
                got.head
            );
            assert_eq!(got.field("content-length"), length, "{method} {answer}: {}", got.head);
            assert!(got.body.is_empty());
        }
        assert_eq!(backend.connections(), 1, "{method} {answer}");
    }
}

#[tokio::test]
async fn http_1_0_clients_get_their_answer_until_the_close() {
    for (answer, length) in [
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n",
            "",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd", "4"),
    ] {
        let backend = Backend::answering(answer).await.unwrap();
        let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
        let raw = edge.raw("GET / HTTP/1.0\r\nHost: www.ep.com\r\n\r\n").await.unwrap();
        let (head, body) = raw.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.0 200 OK"), "{raw}");
        assert_eq!(body, "abcd", "{raw}");
        let head = Message { head: head.into(), ..Message::default() };
        assert_eq!(head.field("content-length"), length);
        assert!(head.fields("transfer-encoding").is_empty(), "{raw}");
        assert!(backend.last().unwrap().start_line().ends_with(" HTTP/1.1"));
    }
}

#[tokio::test]
async fn an_http_1_0_backends_answer_passes() {
    for answer in
        ["HTTP/1.0 200 OK\r\n\r\nabcd", "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nabcd"]
    {
        let backend = Backend::scripted(move |_| Reply::raw(answer).then_close()).await.unwrap();
        let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
        for round in 1..=2 {
            let got = ask(edge.address(), get("/", "")).await.unwrap();
            assert_eq!(got.start_line(), "HTTP/1.1 200 OK");
            assert_eq!((got.text().as_str(), got.complete), ("abcd", true), "{answer}");
            assert_eq!(backend.connections(), round);
        }
    }
}

#[tokio::test]
async fn a_backends_length_is_passed_on_once_and_only_where_it_counts() {
    for (fields, passed) in [
        ("Content-Length: 4, 4\r\nContent-Length: 04", &["4"][..]),
        ("Content-Length: 2\r\nTransfer-Encoding: gzip", &[]),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\nabcd");
        let reply = move |_: &Message| Reply::raw(answer.clone()).then_close();
        let backend = Backend::scripted(reply).await.unwrap();
        let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
        let got = ask(edge.address(), get("/", "")).await.unwrap();
        assert_eq!((got.text().as_str(), got.complete), ("abcd", true), "{fields}: {}", got.head);
        assert_eq!(got.fields("content-length"), passed, "{fields}");
    }
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

#[tokio::test]
async fn connections_to_backends_outlive_those_of_clients() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    for _ in 0..5 {
        let raw = edge.raw(get("/", "Connection: close\r\n")).await.unwrap();
        assert!(raw.ends_with("\r\n\r\nok"), "{raw}");
    }
    let mut client = Wire::connect(edge.address()).await.unwrap();
    for _ in 0..5 {
        client.send(post("/", "", "body")).await.unwrap();
        assert_eq!(client.read_answer("POST").await.unwrap().text(), "ok");
    }
    assert_eq!((backend.requests().len(), backend.connections()), (10, 1));
}

#[tokio::test]
async fn a_backend_that_closes_is_not_asked_on_that_connection_again() {
    let closing = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";
    let backend = Backend::scripted(move |_| Reply::raw(closing).then_close()).await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    for _ in 0..3 {
        client.send(post("/", "", "body")).await.unwrap();
        let answer = client.read_answer("POST").await.unwrap();
        assert_eq!(answer.text(), "ok");
        assert!(!answer.closes(), "{}", answer.head);
    }
    assert_eq!((backend.requests().len(), backend.connections()), (3, 3));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let backend = Backend::scripted(|request| Reply::ok(request.target())).await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    let all = [get("/1", ""), post("/2", "", "body"), get("/3", ""), get("/4", "")].concat();
    client.send(all).await.unwrap();
    for target in ["/1", "/2", "/3", "/4"] {
        assert_eq!(client.read_answer("GET").await.unwrap().text(), target);
    }
    assert_eq!(backend.requests()[1].text(), "body");
}

#[tokio::test]
async fn every_method_keeps_its_body() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    for method in ["GET", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "QUERY"] {
        for framed in [
            "Content-Length: 4\r\n\r\nbody",
            "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        ] {
            let request = format!("{method} / HTTP/1.1\r\nHost: www.ep.com\r\n{framed}");
            assert_eq!(ask(edge.address(), request).await.unwrap().status(), 200);
            let got = backend.last().unwrap();
            assert_eq!(got.text(), "body", "{method} {framed}: {}", got.head);
            assert!(got.complete && got.start_line().starts_with(method), "{}", got.head);
        }
    }
}

#[tokio::test]
async fn a_request_without_a_body_gets_none() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    for (method, fields, length) in
        [("GET", "", ""), ("DELETE", "", ""), ("POST", "Content-Length: 0\r\n", "0")]
    {
        let request = format!("{method} / HTTP/1.1\r\nHost: www.ep.com\r\n{fields}\r\n");
        ask(edge.address(), request).await.unwrap();
        let got = backend.last().unwrap();
        assert_eq!(got.field("content-length"), length, "{}", got.head);
        assert!(got.fields("transfer-encoding").is_empty(), "{}", got.head);
    }
}

#[tokio::test]
async fn a_client_that_leaves_before_its_answer_leaves_the_backend_too() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(get("/", "")).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    drop(client);
    assert!(backend.read_to_end().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_client_that_leaves_within_its_body_never_completes_it() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    for framed in
        ["Content-Length: 9\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"]
    {
        let mut client = Wire::connect(edge.address()).await.unwrap();
        client.send(format!("POST / HTTP/1.1\r\nHost: www.ep.com\r\n{framed}")).await.unwrap();
        let mut backend = stage.accept().await.unwrap();
        let mut request = backend.read_head().await.unwrap().unwrap();
        drop(client);
        backend.read_body(&mut request).await.unwrap();
        assert_eq!((request.text().as_str(), request.complete), ("half", false), "{framed}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_within_its_answer_stops_the_backend() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(get("/", "")).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    backend.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n").await.unwrap();
    assert_eq!(client.read_head().await.unwrap().unwrap().status(), 200);
    drop(client);
    let stopped = async {
        while backend.send("1\r\na\r\n").await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, stopped).await.expect("the backend still sends to nobody");
}

/// Bytes that no request asked for must never become another client's answer.
#[tokio::test]
async fn what_a_backend_says_unasked_is_nobodys_answer() {
    const EVIL: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    for (method, answer) in [
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\n\r\n"),
        ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    ] {
        for at_once in [true, false] {
            let stage = Stage::open().await.unwrap();
            let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
            let mut client = Wire::connect(edge.address()).await.unwrap();
            client.send(get("/", "").replacen("GET", method, 1)).await.unwrap();
            let mut first = stage.accept().await.unwrap();
            first.read_request().await.unwrap().unwrap();
            first.send(format!("{answer}{}", if at_once { EVIL } else { "" })).await.unwrap();
            client.read_answer(method).await.unwrap();
            if !at_once {
                first.send(EVIL).await.unwrap();
                // On its way; that the edge has it can't be told from outside.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            client.send(get("/", "")).await.unwrap();
            let mut second = stage.accept().await.unwrap();
            second.read_request().await.unwrap().unwrap();
            second.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood").await.unwrap();
            let answer = client.read_answer("GET").await.unwrap();
            assert_eq!(answer.text(), "good", "{method} {answer:?} {at_once}");
        }
    }
}

#[tokio::test]
async fn everyone_gets_the_answer_to_their_own_request() {
    let backend =
        Backend::scripted(|request| Reply::ok(&request.text().repeat(100))).await.unwrap();
    let setup = Setup { workers: 2, ..Setup::default() };
    let edge = Edge::start_with(setup, &one_route(backend.address(), "")).await.unwrap();
    let address = edge.address();
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..100 {
        clients.spawn(async move {
            let mut client = Wire::connect(address).await.unwrap();
            for round in 0..20 {
                let body = format!("<{number} {round}>");
                client.send(post("/", "", &body)).await.unwrap();
                let answer = client.read_answer("POST").await.unwrap();
                assert_eq!(answer.text(), body.repeat(100));
            }
        });
    }
    clients.join_all().await;
    assert_eq!(backend.requests().len(), 2000);
}

/// What nobody reads of a request is no request of its own.
#[tokio::test]
async fn a_body_that_is_not_wanted_is_not_read_as_a_request() {
    let backend = Backend::saying("ok").await.unwrap();
    let fixed = route("fixed", "matches: [{path: /fixed}]\nrespond: {body: hi}");
    let manifests = one_route(backend.address(), "matches: [{path: /app}]") + &fixed;
    let edge = Edge::start(&manifests).await.unwrap();
    for target in ["/fixed", "/none"] {
        let hidden = get("/app", "");
        let raw = edge.raw(post(target, "", &hidden) + &get("/fixed", "Connection: close\r\n"));
        let raw = raw.await.unwrap();
        assert!(raw.ends_with("\r\n\r\nhi") || raw.matches("HTTP/1.1").count() == 1, "{raw}");
    }
    assert!(backend.requests().is_empty());
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

/// A reset would take the answer from a client that is still sending (RFC 9112 §9.6).
#[tokio::test]
async fn a_client_that_is_still_sending_can_read_an_early_answer() {
    const LENGTH: usize = 8 * MIB;
    let stage = Stage::open().await.unwrap();
    let app = one_route(stage.address().unwrap(), "matches: [{path: /app}]");
    let edge = Edge::start(&app).await.unwrap();
    for (target, status) in [("/app", 403), ("/none", 404)] {
        let mut client = Wire::connect(edge.address()).await.unwrap();
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: {LENGTH}\r\n\r\n"
        );
        client.send(head).await.unwrap();
        if status == 403 {
            let mut backend = stage.accept().await.unwrap();
            backend.read_head().await.unwrap().unwrap();
            let refusal = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
            backend.send(refusal).await.unwrap();
            // It reads no more, but is in no hurry to close either.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let piece = vec![b'x'; MIB];
        for _ in 0..LENGTH / MIB {
            if client.send(&piece).await.is_err() {
                break;
            }
        }
        let answer = client.read_answer("POST").await.unwrap();
        assert_eq!((answer.status(), answer.complete), (status, true));
    }
}
