//! What the spans of requests say.

use super::{Recorder, parts};
use http::{Method, Version};
use portico_dataplane::trace::Parents;
use portico_tests::{
    backend::{Backend, Reply, Stage, front_door, one_route, route},
    wire::{Wire, ask, get},
};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

#[tokio::test]
async fn a_span_says_what_the_access_log_says() {
    let backend = Backend::saying("served").await.unwrap();
    let spec = "matches: [{path: /api/*}]\nrewrite: {path: /v1/*}";
    let manifests = one_route(backend.address(), spec);
    let (edge, recorder) = Recorder::edge(&manifests, 1.0, Parents::Follow).await;
    let request = get("/api/a%20b?secret=1", "User-Agent: test/1\r\n");
    let answer = ask(edge.address(), request).await.unwrap();
    let (span, got) = (recorder.one().await, backend.request().unwrap());
    assert_eq!(span.request_id, answer.field("x-request-id"));
    assert_eq!(span.request_id, got.field("x-request-id"));
    assert_eq!((span.method, span.version), (Some(Method::GET), Some(Version::HTTP_11)));
    assert_eq!((span.host.as_deref(), span.port), (Some("www.ep.com"), Some(80)));
    assert_eq!(span.path.as_deref(), Some("/api/a%20b"));
    assert_eq!(span.pattern.as_deref(), Some("/api/*"));
    assert_eq!(span.route.unwrap().to_string(), "web/app");
    assert_eq!(span.user_agent.as_deref(), Some("test/1"));
    assert_eq!(span.client.unwrap().to_string(), "127.0.0.1");
    assert_eq!(span.peer.unwrap().ip().to_string(), "127.0.0.1");
    assert_eq!((span.status, span.reason, span.is_server_error), (Some(200), "", false));
    assert_eq!((span.received, span.sent), (0, 6));
    let [only] = &span.tries[..] else { panic!("{:?}", span.tries) };
    assert_eq!((&*only.backend, only.endpoint), ("web/app:80", backend.address()));
    assert_eq!(only.url, "http://www.ep.com/v1/a%20b");
    assert_eq!((only.status, only.reason), (Some(200), ""));
    assert!(only.start + only.duration <= span.duration);
}

#[tokio::test]
async fn every_try_is_a_span_that_its_backend_is_told_of() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let backend = Backend::scripted(|_| match ASKED.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::raw("HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
        1 => Reply::raw("").then_close(),
        _ => Reply::ok("ok"),
    });
    let backend = backend.await.unwrap();
    let spec = "ejection: {disabled: true}\nretry: {attempts: 3, budget: 100, backoff: 1ms, on: [\"503\", Reset]}";
    let manifests = one_route(backend.address(), spec);
    let (edge, recorder) = Recorder::edge(&manifests, 1.0, Parents::Follow).await;
    assert_eq!(ask(edge.address(), get("/", "")).await.unwrap().status(), 200);
    let span = recorder.one().await;
    let outcomes: Vec<_> = span.tries.iter().map(|one| (one.status, one.reason)).collect();
    assert_eq!(outcomes, [(Some(503), ""), (None, "BackendBroken"), (Some(200), "")]);
    let ids: Vec<_> = span.tries.iter().map(|one| one.span_id.to_string()).collect();
    let told = backend.requests().into_iter().map(|got| {
        let [trace, id, _] = parts(&got.field("traceparent"));
        assert_eq!(trace, span.context.trace_id.to_string());
        id
    });
    assert_eq!(told.collect::<Vec<_>>(), ids);
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
    assert!(span.tries.is_sorted_by_key(|one| one.start));
}

#[tokio::test]
async fn refusals_are_spans_too() {
    let backend = Backend::saying("ok").await.unwrap();
    let spec = "matches: [{path: /api/*}]";
    let manifests = one_route(backend.address(), spec);
    let (edge, recorder) = Recorder::edge(&manifests, 1.0, Parents::Follow).await;
    for (request, status, reason) in [
        (get("/elsewhere", ""), 404, "NoRoute"),
        ("GET / HTTP/1.1\r\nHost: other\r\n\r\n".to_owned(), 404, "NoHost"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400, "InvalidHost"),
        ("GET / HTTP/1.1\r\nHost: a\nb: c\r\n\r\n".to_owned(), 400, "MalformedHead"),
    ] {
        let answer = edge.raw(&request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.unwrap().starts_with(&format!("HTTP/1.1 {status} ")), "{request}");
        let span = recorder.one().await;
        assert_eq!((span.status, span.reason), (Some(status), reason));
        assert_eq!((span.tries.len(), span.is_server_error), (0, false));
        // Nothing of a head without a valid host is sure to be the request's.
        assert_eq!(span.method.is_some(), status == 404, "{span:?}");
    }
    assert_eq!(backend.requests().len(), 0);
}

#[tokio::test]
async fn a_backend_that_is_gone_is_an_error_of_the_server() {
    let gone = Stage::open().await.unwrap().address().unwrap();
    let (edge, recorder) = Recorder::edge(&one_route(gone, ""), 1.0, Parents::Follow).await;
    assert_eq!(ask(edge.address(), get("/", "")).await.unwrap().status(), 502);
    let span = recorder.one().await;
    assert_eq!((span.reason, span.is_server_error), ("ConnectFailed", true));
    assert!(!span.tries.is_empty());
    assert!(span.tries.iter().all(|one| (one.status, one.reason) == (None, "ConnectFailed")));
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_span_and_the_try() {
    let stage = Stage::open().await.unwrap();
    let manifests = one_route(stage.address().unwrap(), "");
    let (edge, recorder) = Recorder::edge(&manifests, 1.0, Parents::Follow).await;
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(get("/", "")).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    drop(client);
    let span = recorder.one().await;
    assert_eq!((span.status, span.reason), (None, "ClientClosed"));
    let [only] = &span.tries[..] else { panic!("{:?}", span.tries) };
    assert_eq!((only.status, only.reason), (None, "ClientClosed"));
}

#[tokio::test]
async fn what_nobody_takes_is_dropped_and_requests_go_on() {
    let manifests = front_door("") + &route("app", "respond: {status: 204}");
    let (edge, recorder) = Recorder::edge(&manifests, 1.0, Parents::Follow).await;
    let mut client = Wire::connect(edge.address()).await.unwrap();
    for _ in 0..30 {
        client.send(get("/", "").repeat(100)).await.unwrap();
        for _ in 0..100 {
            assert_eq!(client.read_answer("GET").await.unwrap().status(), 204);
        }
    }
    // The last one ends shortly after its response.
    let (taken, mut dropped) = recorder.0.take();
    assert_eq!(taken.len(), 2_048);
    let mut late = 0;
    while taken.len() as u64 + dropped + late < 3_000 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let (more, more_dropped) = recorder.0.take();
        (late, dropped) = (late + more.len() as u64, dropped + more_dropped);
    }
    assert!(late <= 1, "{late}");
}
