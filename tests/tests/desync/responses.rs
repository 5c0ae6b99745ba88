//! Responses from backends: what reaches a client is what a strict reader finds, or an error, and
//! never what stands behind a response.

use crate::{
    Rig, exchange, fuzz,
    generate::{framing, insert_one, message},
    peer::Script,
    strict::{Kind, Message, Reader, Unread},
};
use portico_tests::random::Random;

/// A response named `name`; its body looks like a response named `fake`.
fn response(random: &mut Random, name: &str) -> Vec<u8> {
    let inner = "HTTP/1.1 200 OK\r\nX-Name: fake\r\nContent-Length: 4\r\n\r\nfake";
    let body = if random.percent(50) { inner.into() } else { vec![b'x'; random.below(9)] };
    let status = *random.pick(&[
        "200 OK",
        "200 OK",
        "204 No Content",
        "304 X",
        "404 X",
        "500",
        "99 X",
        "0200 OK",
        "101 X",
    ]);
    let version = if random.percent(93) {
        "HTTP/1.1"
    } else {
        *random.pick(&["HTTP/1.0", "HTTP/1.2", "ICY"])
    };
    let mut bytes = Vec::new();
    if random.percent(15) {
        let interim = *random.pick(&["100 Continue", "103 Early Hints", "102 X"]);
        bytes.extend(format!("HTTP/1.1 {interim}\r\nX-Interim: a\r\n\r\n").bytes());
    }
    let mut fields = vec![format!("X-Name: {name}")];
    let framed = random.percent(85);
    let framing = framing(random, body.len());
    if framed {
        fields.extend(framing.fields);
    }
    if random.percent(20) {
        let extras = [
            "Connection: close",
            "Connection: keep-alive",
            "X-A: \r\n folded",
            "X A: b",
            "Upgrade: websocket",
            "Connection: content-length",
            "Trailer: x-trailer",
        ];
        insert_one(random, &mut fields, &extras);
    }
    let start_line = format!("{version} {status}");
    bytes.extend(message(random, &start_line, &fields, &body, framed && framing.chunked));
    if random.percent(15) {
        random.mutate(&mut bytes);
    }
    if random.percent(15) {
        bytes.extend(inner.bytes());
    }
    bytes
}

/// The final response that a strict reader finds, and whether nothing follows it.
fn expected(
    mut bytes: &[u8],
    method: &str,
    closed: bool,
    reader: Reader,
) -> Result<(Message, bool), Unread> {
    loop {
        let message = Message::read(bytes, Kind::Response(method, closed), reader)?;
        bytes = &bytes[message.length..];
        if message.status() >= 200 {
            return Ok((message, bytes.is_empty()));
        }
        if message.status() == 101 || message.status() < 100 {
            return Err(Unread::Malformed("switched, though nobody asked".to_owned()));
        }
    }
}

/// Sends a request whose response is `bytes`, and another one. Their responses.
fn ask_twice(rig: &Rig, seed: u64, method: &str, script: Script) -> (Vec<u8>, Vec<u8>) {
    let (first, next) = (format!("/r{seed}"), format!("/next-{seed}"));
    rig.peer.script(&first, script);
    let ask = |method: &str, target: &str| {
        let length = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: www.ep.com\r\n{length}Connection: close\r\n\r\n"
        );
        exchange(rig.address(), &[request.as_bytes()], seed)
    };
    let before = rig.peer.written();
    let response = ask(method, &first);
    // What comes after the next request was sent is its response, as far as anyone can tell.
    while rig.peer.written() == before {
        std::thread::yield_now();
    }
    (response, ask("GET", &next))
}

/// Whether this is the response to the request that follows.
fn is_next(response: &[u8], seed: u64) -> bool {
    last(response, "GET").is_ok_and(|response| {
        let mut targets = response.values("x-target");
        response.status() == 200 && targets.any(|target| target == format!("/next-{seed}"))
    })
}

fn check(rig: &Rig, seed: u64) {
    let random = &mut Random::new(seed);
    let method = *random.pick(&["GET", "GET", "POST", "HEAD"]);
    let bytes = response(random, &format!("r{seed}"));
    // A backend that has said all that it says, but not enough, closes; or else this would wait.
    let open = expected(&bytes, method, false, Reader::Tolerant);
    let close = random.percent(20) || open.is_err();
    let pieces: Vec<_> = random.split(&bytes).into_iter().map(<[u8]>::to_vec).collect();
    // A busy kernel may deliver what was written only after the next request, now and then.
    for attempts_left in (0..3).rev() {
        let script = Script { pieces: pieces.clone(), close };
        let (first, second) = ask_twice(rig, seed, method, script);
        let (_, violations) = rig.peer.take();
        let report = || {
            format!(
                "seed {seed}: {method} {:?}, close {close}\nfirst: {:?}\nsecond: {:?}",
                String::from_utf8_lossy(&bytes),
                String::from_utf8_lossy(&first),
                String::from_utf8_lossy(&second)
            )
        };
        assert!(violations.is_empty(), "{violations:?}\n{}", report());
        check_first(&first, &bytes, method, close, &report);
        if is_next(&second, seed) {
            return;
        }
        assert!(attempts_left > 0, "{}", report());
    }
}

fn last(bytes: &[u8], method: &str) -> Result<Message, Unread> {
    let (message, alone) = expected(bytes, method, true, Reader::Strict)?;
    if alone { Ok(message) } else { Err(Unread::Malformed("more than one response".to_owned())) }
}

/// Whether the edge itself made the response.
fn is_refusal(response: &Message) -> bool {
    let mut types = response.values("content-type");
    response.status() == 502 && types.any(|media_type| media_type == "application/problem+json")
}

fn check_first(first: &[u8], bytes: &[u8], method: &str, close: bool, report: &dyn Fn() -> String) {
    let got = last(first, method);
    match expected(bytes, method, close, Reader::Tolerant) {
        Ok((sent, _)) => {
            let got = got.unwrap_or_else(|why| panic!("{why:?}\n{}", report()));
            // The edge may object to more.
            if !is_refusal(&got) {
                assert!(got.values("x-name").eq(sent.values("x-name")), "{}", report());
                assert_eq!((got.status(), &got.body), (sent.status(), &sent.body), "{}", report());
            }
        }
        // A head that is not one: an error. A body that breaks off or is malformed: no whole message.
        Err(_) => {
            if let Ok(got) = got {
                assert!(is_refusal(&got), "{}", report());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_ambiguous_response_reaches_a_client() {
    let rig = Rig::start().await;
    tokio::task::block_in_place(|| fuzz(|seed| check(&rig, seed)));
}
