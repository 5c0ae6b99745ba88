//! HTTP/2 backends frame by frame: what they refuse, cut off, or send too much of.

use super::{
    http2_peer::{DATA, END_STREAM, GOAWAY, OK, Peer, RST_STREAM, WINDOW_UPDATE},
    is,
};
use crate::http2::frames::field;
use portico_dataplane::config::Limits;
use portico_tests::{
    backend::{Stage, front_door, route, service},
    edge::{Edge, Setup},
    wire::{Message, Wire, ask, get, post},
};

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

async fn staged(setup: Setup) -> (Stage, Edge) {
    let stage = Stage::open().await.unwrap();
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    let services = service("app", "kubernetes.io/h2c", &[stage.address().unwrap()]);
    let manifests = [front_door(""), services, app].concat();
    let edge = Edge::start_with(setup, &manifests).await.unwrap();
    (stage, edge)
}

/// Requests for `/` are given up after 100 ms, those for `/slow` are not.
async fn staged_with_haste() -> (Stage, Edge) {
    let stage = Stage::open().await.unwrap();
    let app = "backends: [{service: {name: app, port: 80}}]";
    let manifests = [
        front_door(""),
        service("app", "kubernetes.io/h2c", &[stage.address().unwrap()]),
        route("slow", &format!("matches: [{{path: /slow}}]\n{app}")),
        route("hasty", &format!("matches: [{{path: /}}]\n{app}\ntimeouts: {{request: 100ms}}")),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    (stage, edge)
}

/// The answer to a request that a backend's only connection answers by `script`.
async fn answered(
    setup: Setup,
    request: &str,
    script: impl AsyncFnOnce(&mut Peer, u32),
) -> Message {
    let (stage, edge) = staged(setup).await;
    let asked = tokio::spawn(ask(edge.address(), request.to_owned()));
    let mut peer = Peer::accept(&stage).await;
    let (stream, _) = peer.request().await;
    script(&mut peer, stream).await;
    asked.await.unwrap().unwrap()
}

#[tokio::test]
async fn what_the_backend_did_not_process_is_sent_again_whatever_the_method() {
    const REFUSED: &[u8] = &[0, 0, 0, 7];
    const NONE_PROCESSED: &[u8] = &[0; 8];
    let body = "b".repeat(60_000);
    for (kind, payload) in [(RST_STREAM, REFUSED), (GOAWAY, NONE_PROCESSED)] {
        for (request, length) in [
            (get("/", ""), 0),
            (post("/", "", "body"), 4),
            (post("/", "", &body), body.len()),
            (get("/", "").replacen("GET", "DELETE", 1), 0),
        ] {
            let (stage, edge) = staged(Setup::default()).await;
            let asked = tokio::spawn(ask(edge.address(), request.clone()));
            let mut first = Peer::accept(&stage).await;
            let (stream, has_body) = first.request().await;
            if has_body {
                first.body(length).await;
            }
            first.send(kind, 0, if kind == GOAWAY { 0 } else { stream }, payload).await;
            let mut second = Peer::accept(&stage).await;
            let (stream, has_body) = second.request().await;
            let got = if has_body { second.body(usize::MAX).await } else { Vec::new() };
            assert_eq!(got.len(), length);
            second.answer(stream).await;
            let answer = asked.await.unwrap().unwrap();
            assert_eq!((answer.status(), answer.text().as_str()), (200, "ok"));
        }
    }
}

#[tokio::test]
async fn a_backend_that_refuses_everything_is_asked_only_so_often() {
    let (stage, edge) = staged(Setup::default()).await;
    let asked = tokio::spawn(ask(edge.address(), post("/", "", "body")));
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let refusing = async move {
        loop {
            let (mut peer, counted) = (Peer::accept(&stage).await, counted.clone());
            tokio::spawn(async move {
                loop {
                    let (stream, _) = peer.request().await;
                    counted.fetch_add(1, Ordering::SeqCst);
                    peer.send(RST_STREAM, 0, stream, &[0, 0, 0, 7]).await;
                }
            });
        }
    };
    tokio::select! {
        answer = asked => {
            let answer = answer.unwrap().unwrap();
            assert_eq!((answer.status(), answer.reason()), is(502, "BackendBroken"));
        }
        () = refusing => {}
    }
    assert_eq!(count.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn what_may_have_been_processed_is_not_sent_again() {
    // INTERNAL_ERROR, CANCEL.
    for code in [2, 8] {
        let request = post("/", "", "body");
        let answer = answered(Setup::default(), &request, async |peer, stream| {
            peer.send(RST_STREAM, 0, stream, &[0, 0, 0, code]).await;
        });
        let answer = answer.await;
        assert_eq!((answer.status(), answer.reason()), is(502, "BackendBroken"), "{code}");
    }
    // What follows the refusal of a body that was too large to keep would be another body.
    let large = post("/", "", &"b".repeat(200_000));
    let answer = answered(Setup::default(), &large, async |peer, stream| {
        peer.send(WINDOW_UPDATE, 0, 0, &1_000_000_u32.to_be_bytes()).await;
        peer.send(WINDOW_UPDATE, 0, stream, &1_000_000_u32.to_be_bytes()).await;
        peer.body(200_000).await;
        peer.send(RST_STREAM, 0, stream, &[0, 0, 0, 7]).await;
    });
    assert_eq!(answer.await.status(), 502);
}

#[tokio::test]
async fn only_its_end_completes_an_answer() {
    for (code, ended, is_complete) in
        [(0, false, false), (0, true, true), (8, false, false), (2, false, false)]
    {
        let request = get("/", "");
        let answer = answered(Setup::default(), &request, async |peer, stream| {
            peer.head(stream, OK).await;
            peer.send(DATA, if ended { END_STREAM } else { 0 }, stream, b"half").await;
            peer.send(RST_STREAM, 0, stream, &[0, 0, 0, code]).await;
        });
        let answer = answer.await;
        assert_eq!((answer.status(), answer.text().as_str()), (200, "half"));
        assert_eq!(answer.complete, is_complete, "{code} {ended}");
    }
}

#[tokio::test]
async fn an_answer_before_the_end_of_its_request_is_whole() {
    let (stage, edge) = staged(Setup::default()).await;
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client
        .send("POST / HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: 10\r\n\r\nhalf")
        .await
        .unwrap();
    let mut peer = Peer::accept(&stage).await;
    let (stream, _) = peer.request().await;
    peer.answer(stream).await;
    peer.send(RST_STREAM, 0, stream, &[0; 4]).await;
    let answer = client.read_answer("POST").await.unwrap();
    assert_eq!((answer.status(), answer.text().as_str(), answer.complete), (200, "ok", true));
}

#[tokio::test]
async fn a_head_may_be_as_long_as_over_http_1() {
    for (kib, outcome_is) in [(100, is(200, "")), (140, is(502, "BackendMalformed"))] {
        let limits = Limits { response_fields: 200, ..Limits::default() };
        let setup = Setup { limits, ..Setup::default() };
        let request = get("/", "");
        let answer = answered(setup, &request, async |peer, stream| {
            let value = "v".repeat(1024);
            let fields = (0..kib).flat_map(|n| field(&format!("x-{n}"), &value));
            let block: Vec<_> = OK.iter().copied().chain(fields).collect();
            peer.head(stream, &block).await;
            peer.send(DATA, END_STREAM, stream, b"ok").await;
        });
        let answer = answer.await;
        assert_eq!((answer.status(), answer.reason()), outcome_is, "{kib}");
    }
}

#[tokio::test]
async fn an_answers_fields_and_interim_answers_are_bounded() {
    for (interim, fields, outcome_is) in [
        (16, 100, is(200, "")),
        (17, 0, is(502, "BackendMalformed")),
        (0, 101, is(502, "BackendMalformed")),
    ] {
        let request = get("/", "");
        let answer = answered(Setup::default(), &request, async |peer, stream| {
            for _ in 0..interim {
                // `:status: 100`, which goes no further, and a field.
                let mut block = vec![0x08, 3, b'1', b'0', b'0'];
                block.extend(field("link", "</a>"));
                peer.head(stream, &block).await;
            }
            let fields = (0..fields).flat_map(|_| field("x-a", "b"));
            let block: Vec<_> = OK.iter().copied().chain(fields).collect();
            peer.head(stream, &block).await;
            peer.send(DATA, END_STREAM, stream, b"ok").await;
        });
        let answer = answer.await;
        assert_eq!((answer.status(), answer.reason()), outcome_is, "{interim} {fields}");
    }
}

/// However many requests are given up on a connection, and whatever the backend still sends for
/// them when they are forgotten, the others on it get their responses.
#[tokio::test]
async fn requests_that_are_given_up_end_no_others() {
    const CLIENTS: usize = 50;
    const EACH: usize = 24;
    let (stage, edge) = staged_with_haste().await;
    let address = edge.address();
    let slow = tokio::spawn(ask(address, get("/slow", "")));
    let mut peer = Peer::accept(&stage).await;
    let (first, _) = peer.request().await;
    peer.head(first, OK).await;
    peer.send(DATA, 0, first, b"first ").await;
    let hasty = (0..CLIENTS).map(|_| {
        tokio::spawn(async move {
            for _ in 0..EACH {
                assert_eq!(ask(address, get("/", "")).await.unwrap().status(), 504);
            }
        })
    });
    let hasty: Vec<_> = hasty.collect();
    let mut given_up = Vec::new();
    while given_up.len() < CLIENTS * EACH {
        let frame = peer.frame().await;
        if frame.kind == RST_STREAM {
            given_up.push(frame.stream);
        }
    }
    for client in hasty {
        client.await.unwrap();
    }
    // Resets are remembered for a second.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let after = tokio::spawn(ask(address, get("/slow", "")));
    let (second, _) = peer.request().await;
    for stream in given_up {
        peer.send(DATA, 0, stream, b"late").await;
    }
    for (stream, asked, text) in [(first, slow, "first last"), (second, after, "last")] {
        if stream == second {
            peer.head(stream, OK).await;
        }
        peer.send(DATA, END_STREAM, stream, b"last").await;
        let answer = asked.await.unwrap().unwrap();
        assert_eq!((answer.text().as_str(), answer.complete), (text, true));
    }
}

/// However small the frames are that a client does not read, the others on the connection go on,
/// and it gets all of them.
#[tokio::test]
async fn small_frames_that_a_client_does_not_read_hold_back_only_its_own_request() {
    const SMALL: usize = 20_000;
    let (stage, edge) = staged(Setup::default()).await;
    let mut slow = Wire::connect(edge.address()).await.unwrap();
    slow.send(get("/", "")).await.unwrap();
    let mut peer = Peer::accept(&stage).await;
    let (stream, _) = peer.request().await;
    peer.head(stream, OK).await;
    let large = peer.fill(stream).await;
    peer.bytes(stream, SMALL).await;
    for _ in 0..3 {
        let asked = tokio::spawn(ask(edge.address(), get("/", "")));
        let (other, _) = peer.request().await;
        peer.answer(other).await;
        let answer = asked.await.unwrap().unwrap();
        assert_eq!((answer.status(), answer.text().as_str()), (200, "ok"));
    }
    peer.send(DATA, END_STREAM, stream, b"last").await;
    let answer = slow.read_answer("GET").await.unwrap();
    assert_eq!((answer.status(), answer.complete), (200, true));
    assert_eq!(answer.body.len(), large + SMALL + 4);
    assert!(answer.body.ends_with(b"blast"));
}

/// Nor do those that are on their way when a request is given up.
#[tokio::test]
async fn small_frames_for_requests_that_were_given_up_end_no_others() {
    let (stage, edge) = staged_with_haste().await;
    let slow = tokio::spawn(ask(edge.address(), get("/slow", "")));
    let mut peer = Peer::accept(&stage).await;
    let (first, _) = peer.request().await;
    let hasty = tokio::spawn(ask(edge.address(), get("/", "")));
    let (second, _) = peer.request().await;
    while peer.frame().await.kind != RST_STREAM {}
    peer.head(second, OK).await;
    peer.bytes(second, 20_000).await;
    peer.answer(first).await;
    let answer = slow.await.unwrap().unwrap();
    assert_eq!((answer.text().as_str(), answer.complete), ("ok", true));
    assert_eq!(hasty.await.unwrap().unwrap().status(), 504);
}
