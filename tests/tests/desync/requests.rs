//! Requests from clients: what reaches the backend is what a strict reader finds in the client's
//! bytes, and nothing that stands behind something malformed.

use crate::{
    Rig, exchange, fuzz,
    generate::{framing, insert_one, message},
    strict::{Kind, Message, Reader, Unread},
};
use portico_tests::random::Random;
use std::collections::HashMap;

/// A request for `/r/NAME`; its body looks like a request for `/r/NAME-body`.
fn request(random: &mut Random, name: &str) -> Vec<u8> {
    let inner = format!("GET /r/{name}-body HTTP/1.1\r\nHost: www.ep.com\r\n\r\n");
    let body = if random.percent(50) { inner.into_bytes() } else { vec![b'x'; random.below(9)] };
    let method = *random.pick(&["GET", "POST", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "get"]);
    let version = if random.percent(90) {
        "HTTP/1.1"
    } else {
        *random.pick(&["HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "http/1.1"])
    };
    let target = if random.percent(95) {
        format!("/r/{name}")
    } else {
        format!("http://www.ep.com/r/{name}")
    };
    let mut fields = vec!["Host: www.ep.com".to_owned()];
    let has_body = random.percent(70);
    let framing = framing(random, body.len());
    if has_body {
        fields.extend(framing.fields);
    }
    if random.percent(25) {
        let extras = [
            "Expect: 100-continue",
            "Connection: close",
            "Connection: keep-alive",
            "Connection: upgrade\r\nUpgrade: websocket",
            "Connection: upgrade, transfer-encoding\r\nUpgrade: h2c",
            "Connection: host",
            "TE: trailers",
            "Trailer: x-trailer",
            "X-A: \r\n folded",
            "X A: b",
            "Host: other.example",
            "X-Empty:",
        ];
        insert_one(random, &mut fields, &extras);
    }
    let start_line = format!("{method} {target} {version}");
    let sent: &[u8] = if has_body { &body } else { &[] };
    let mut bytes = message(random, &start_line, &fields, sent, has_body && framing.chunked);
    if random.percent(15) {
        random.mutate(&mut bytes);
    }
    if random.percent(3) {
        bytes.truncate(1 + random.below(bytes.len()));
    }
    bytes
}

/// What a strict reader finds before the first thing that is malformed.
fn expected(mut bytes: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    loop {
        // RFC 9112 §2.2: an empty line before a request line is ignored.
        bytes = bytes.strip_prefix(b"\r\n").unwrap_or(bytes);
        match Message::read(bytes, Kind::Request, Reader::Tolerant) {
            Ok(message) => {
                bytes = &bytes[message.length..];
                messages.push(message);
            }
            Err(Unread::Incomplete | Unread::Malformed(_)) => return messages,
        }
    }
}

fn path(message: &Message) -> &str {
    let target = message.target();
    target.strip_prefix("http://www.ep.com").unwrap_or(target)
}

/// `sent` holds what clients have sent so far, by path.
fn check(rig: &Rig, sent: &mut HashMap<String, Vec<Message>>, seed: u64) {
    let random = &mut Random::new(seed);
    let mut bytes = Vec::new();
    for number in 0..=random.below(4) {
        bytes.extend(request(random, &format!("{seed}-{number}")));
    }
    bytes.extend(
        format!("GET /r/{seed}-end HTTP/1.1\r\nHost: www.ep.com\r\nConnection: close\r\n\r\n")
            .bytes(),
    );
    let pieces = random.split(&bytes);
    let received = exchange(rig.address(), &pieces, seed);
    let (requests, violations) = rig.peer.take();
    let report = || {
        let received = String::from_utf8_lossy(&received).into_owned();
        format!(
            "seed {seed}: {:?}\nbackend: {requests:#?}\nclient: {received:?}",
            String::from_utf8_lossy(&bytes)
        )
    };
    assert!(violations.is_empty(), "{violations:?}\n{}", report());

    let expected = expected(&bytes);
    for message in &expected {
        sent.entry(path(message).to_owned()).or_default().push(message.clone());
    }
    // Those of an earlier connection may have come late. A mutation may have made two names equal.
    for request in &requests {
        let same = |sent: &Message| sent.body == request.body && sent.method() == request.method();
        let found = sent.get(request.target()).is_some_and(|sent| sent.iter().any(same));
        assert!(found, "no client's: {}\n{}", request.start_line, report());
    }
    check_responses(&received, &expected, &report);
}

/// Every response is a strict one, and belongs to the request whose turn it is.
fn check_responses(mut received: &[u8], requests: &[Message], report: &dyn Fn() -> String) {
    let mut requests = requests.iter();
    while !received.is_empty() {
        let request = requests.next();
        let method = request.map_or("GET", Message::method);
        let response = loop {
            let response =
                match Message::read(received, Kind::Response(method, true), Reader::Strict) {
                    Ok(response) => response,
                    Err(why) => panic!("{why:?}\n{}", report()),
                };
            received = &received[response.length..];
            if response.status() >= 200 {
                break response;
            }
        };
        if let Some(target) = response.values("x-target").next() {
            assert_eq!(request.map(path), Some(target), "{}", report());
        }
        if request.is_none() {
            assert!(response.status() >= 400 && received.is_empty(), "{}", report());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_ambiguous_request_reaches_a_backend() {
    let rig = Rig::start().await;
    let mut sent = HashMap::new();
    tokio::task::block_in_place(|| fuzz(|seed| check(&rig, &mut sent, seed)));
}
