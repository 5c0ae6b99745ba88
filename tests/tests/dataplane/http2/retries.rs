//! Clients of HTTP/2 get what those of HTTP/1.1 do where requests are tried again, or kept with an
//! endpoint; and so do backends.

use super::{ask, ask_whole, connect, get};
use http::{HeaderMap, Request};
use portico_tests::{
    backend::{Backend, Reply, Stage, front_door, one_route, route, service},
    edge::Edge,
    wire::Message,
};
use std::sync::atomic::{AtomicUsize, Ordering};

const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy";

async fn busy_once() -> Backend {
    let seen = AtomicUsize::new(0);
    let script = move |_: &Message| match seen.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::raw(BUSY),
        _ => Reply::ok("served"),
    };
    Backend::scripted(script).await.unwrap()
}

#[tokio::test]
async fn a_body_is_sent_again_with_its_trailers() {
    for (body, has_trailers) in [(&b""[..], false), (b"body", false), (b"body", true)] {
        let backend = busy_once().await;
        let manifests = one_route(backend.address(), "retry: {\"on\": [\"503\"]}");
        let edge = Edge::start(&manifests).await.unwrap();
        let sender = connect(&edge).await;
        let trailers: HeaderMap = match has_trailers {
            true => [("x-sum".parse().unwrap(), "7".parse().unwrap())].into_iter().collect(),
            false => HeaderMap::new(),
        };
        let request = Request::put("http://www.ep.com/x").header("trailer", "x-sum");
        let answer = ask_whole(&sender, request.body(()).unwrap(), body, trailers).await;
        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, "served"));
        let requests = backend.requests();
        assert_eq!(requests.len(), 2);
        for request in requests {
            assert!(request.complete && request.body == body);
            assert_eq!(request.trailers.len(), usize::from(has_trailers));
        }
    }
}

#[tokio::test]
async fn a_client_stays_with_its_endpoint() {
    let (a, b) = (Backend::saying("a").await.unwrap(), Backend::saying("b").await.unwrap());
    let spec = "backends: [{service: {name: app, port: 80}}]\naffinity: {cookie: home}";
    let services = service("app", "http", &[a.address(), b.address()]);
    let manifests = [front_door(""), services, route("app", spec)].concat();
    let edge = Edge::start(&manifests).await.unwrap();
    let sender = connect(&edge).await;
    let first = ask(&sender, get("/")).await;
    let (cookie, _) = first.field("set-cookie").split_once(';').unwrap();
    drop((a.take(), b.take()));
    for _ in 0..6 {
        // In crumbs (RFC 9113 §8.2.3).
        let request = Request::get("http://www.ep.com/").header("cookie", "x=1");
        let request = request.header("cookie", cookie).header("cookie", "y=2");
        let answer = ask(&sender, request.body(()).unwrap()).await;
        assert_eq!((answer.text(), answer.field("set-cookie")), (first.text(), ""));
    }
    let seen: Vec<_> = [a.take(), b.take()].concat();
    assert_eq!(seen.len(), 6);
    assert!(seen.iter().all(|request| request.fields("cookie") == ["x=1; y=2"]));
}

#[tokio::test]
async fn a_full_endpoint_is_told_as_to_everyone() {
    let stage = Stage::open().await.unwrap();
    let manifests = one_route(stage.address().unwrap(), "limits: {requests: 1, queue: 0}");
    let edge = Edge::start(&manifests).await.unwrap();
    let sender = connect(&edge).await;
    let held = tokio::spawn({
        let sender = sender.clone();
        async move { ask(&sender, get("/held")).await }
    });
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    let answer = ask(&sender, get("/")).await;
    assert_eq!((answer.status.as_u16(), answer.reason().as_str()), (503, "Overloaded"));
    assert_eq!(answer.field("retry-after"), "1");
    let grpc = Request::post("http://www.ep.com/a.B/C").header("content-type", "application/grpc");
    let answer = ask(&sender, grpc.body(()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.field("grpc-status")), (200, "14"));
    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    assert_eq!(held.await.unwrap().text(), "ok");
}
