//! HTTP/2 to backends, with prior knowledge.

use super::{OK, is, nobody, outcome};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use portico_tests::{
    backend::{Backend, front_door, route, service},
    edge::Edge,
    wire::{Wire, ask, get},
};
use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{net::TcpListener, sync::Notify};

/// Serves HTTP/2 with prior knowledge.
async fn serve<B, F>(
    answer: impl Fn(hyper::Request<hyper::body::Incoming>) -> F + Clone + Send + 'static,
) -> SocketAddr
where
    F: Future<Output = Result<hyper::Response<B>, Infallible>> + Send + 'static,
    B: hyper::body::Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let service = hyper::service::service_fn(answer.clone());
            tokio::spawn(http2.serve_connection(TokioIo::new(socket), service));
        }
    });
    address
}

/// A backend that speaks HTTP/2 with prior knowledge; its answers tell the request.
async fn h2c_backend() -> SocketAddr {
    let tell = |request: hyper::Request<hyper::body::Incoming>| async move {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap();
        let trailers = body.trailers().map_or(0, http::HeaderMap::len);
        let body = body.to_bytes();
        let has = |name: &str| head.headers.contains_key(name);
        let hops = ["connection", "upgrade", "transfer-encoding", "host"].map(has);
        let text = format!(
            "{:?} {} {} len={} trailers={trailers} hops={} via={:?}",
            head.version,
            head.method,
            head.uri,
            body.len(),
            hops.contains(&true),
            head.headers["via"],
        );
        Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::from(text))))
    };
    serve(tell).await
}

#[tokio::test]
async fn a_service_may_speak_http_2_in_the_clear() {
    let address = h2c_backend().await;
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    let manifests = [front_door(""), service("app", "kubernetes.io/h2c", &[address]), app].concat();
    let edge = Edge::start(&manifests).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    let chunked = "POST /c HTTP/1.1\r\nHost: www.ep.com\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n";
    for (request, tells) in [
        (get("/a?b", ""), "HTTP/2.0 GET http://www.ep.com/a?b len=0 trailers=0 hops=false"),
        (chunked.to_owned(), "HTTP/2.0 POST http://www.ep.com/c len=4 trailers=1 hops=false"),
        (
            get("/t", "Connection: te, x-hop\r\nTE: trailers\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n"),
            "HTTP/2.0 GET http://www.ep.com/t len=0 trailers=0 hops=false",
        ),
    ] {
        client.send(&request).await.unwrap();
        let answer = client.read_answer("GET").await.unwrap();
        assert_eq!(answer.start_line(), "HTTP/1.1 200 OK");
        assert_eq!(answer.text(), format!("{tells} via=\"1.1 portico-test\""), "{request}");
    }
}

/// An HTTP/2 backend that answers with trailers, and tells those that it got in its body.
async fn h2c_backend_with_trailers() -> SocketAddr {
    let tell = |request: hyper::Request<hyper::body::Incoming>| async move {
        let body = request.into_body().collect().await.unwrap();
        let mut names: Vec<_> =
            body.trailers().into_iter().flat_map(http::HeaderMap::keys).collect();
        names.sort_by_key(|name| name.as_str());
        let told = Bytes::from(format!("{names:?}"));
        let trailers = [
            "grpc-status",
            "my_data",
            "set-cookie",
            "access-control-allow-origin",
            "via",
            "x-edited",
        ];
        let trailers: http::HeaderMap = trailers
            .map(|name| (http::HeaderName::from_static(name), http::HeaderValue::from_static("0")))
            .into_iter()
            .collect();
        let announced =
            "grpc-status, my_data, set-cookie, access-control-allow-origin, via, x-edited";
        let answer = hyper::Response::builder().header("trailer", announced);
        // A stream has no length, so that trailers can follow it in HTTP/1.1 too.
        let frames = [Frame::data(told), Frame::trailers(trailers)].map(Ok::<_, Infallible>);
        let body = StreamBody::new(futures_util::stream::iter(frames));
        Ok::<_, Infallible>(answer.body(body).unwrap())
    };
    serve(tell).await
}

#[tokio::test]
async fn trailers_over_http_2_pass_through_the_same_filters() {
    let address = h2c_backend_with_trailers().await;
    let spec = "backends: [{service: {name: app, port: 80}}]
requestHeaders: {set: [{name: x-api-key, value: k}]}
responseHeaders: {remove: [x-edited]}";
    let app = route("app", spec);
    let manifests = [front_door(""), service("app", "kubernetes.io/h2c", &[address]), app].concat();
    let edge = Edge::start(&manifests).await.unwrap();
    let request = "POST / HTTP/1.1\r\nHost: www.ep.com\r\nTE: trailers\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\n\r\n\
        4\r\nbody\r\n0\r\nX-Sum: 1\r\nX-Api-Key: 1\r\nX-Forwarded-For: 1\r\nCookie: a=1\r\nmy_data: 1\r\n\r\n";
    let answer = ask(edge.address(), request).await.unwrap();
    assert_eq!(answer.text(), "[\"x-sum\"]");
    let trailers = answer.trailers.join("\n").to_ascii_lowercase();
    assert_eq!(trailers, "grpc-status: 0\nmy_data: 0");
    assert_eq!(answer.field("trailer"), "grpc-status, my_data");
}

#[tokio::test]
async fn a_websocket_for_an_h2c_service_is_501() {
    let address = h2c_backend().await;
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    let manifests = [front_door(""), service("app", "kubernetes.io/h2c", &[address]), app].concat();
    let edge = Edge::start(&manifests).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    let upgrade = get("/u", "Connection: upgrade\r\nUpgrade: websocket\r\n");
    for (request, outcome_is) in [
        (upgrade.clone(), is(501, "UpgradeUnsupported")),
        (get("/", ""), is(200, "")),
        (upgrade, is(501, "UpgradeUnsupported")),
    ] {
        client.send(&request).await.unwrap();
        let answer = client.read_answer("GET").await.unwrap();
        assert_eq!((answer.status(), answer.reason()), outcome_is, "{request}");
    }
}

#[tokio::test]
async fn an_h2c_service_that_is_not_there_is_502() {
    let plain = Backend::answering(OK).await.unwrap();
    for (address, reason) in
        [(nobody().await, "ConnectFailed"), (plain.address(), "BackendMalformed")]
    {
        let app = route("app", "backends: [{service: {name: app, port: 80}}]");
        let manifests = [front_door(""), service("app", "kubernetes.io/h2c", &[address]), app];
        let edge = Edge::start(&manifests.concat()).await.unwrap();
        for _ in 0..2 {
            assert_eq!(outcome(&edge).await, is(502, reason));
        }
    }
}

/// An HTTP/2 backend whose connections each end when their second request has come.
async fn forgetful_h2c_backend() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (count, enough) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
                let ended = enough.clone();
                let answer = move |_: hyper::Request<hyper::body::Incoming>| {
                    let (count, enough) = (count.clone(), enough.clone());
                    async move {
                        if count.fetch_add(1, Ordering::SeqCst) > 0 {
                            enough.notify_one();
                            std::future::pending::<()>().await;
                        }
                        Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::from("ok"))))
                    }
                };
                let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                let serving = http2
                    .serve_connection(TokioIo::new(socket), hyper::service::service_fn(answer));
                tokio::select! {
                    _ = serving => {}
                    () = ended.notified() => {}
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn over_http_2_too_only_what_is_safe_is_sent_again() {
    let post = "POST / HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: 4\r\n\r\nbody";
    let to_get = get("/", "");
    for (second, status) in [(to_get.as_str(), 200), (post, 502)] {
        let address = forgetful_h2c_backend().await;
        let app = route("app", "backends: [{service: {name: app, port: 80}}]");
        let services = service("app", "kubernetes.io/h2c", &[address]);
        let edge = Edge::start(&[front_door(""), services, app].concat()).await.unwrap();
        let first = ask(edge.address(), get("/", "")).await.unwrap();
        assert_eq!(first.status(), 200);
        let second = ask(edge.address(), second).await.unwrap();
        assert_eq!(second.status(), status, "{}", second.text());
        let third = ask(edge.address(), get("/", "")).await.unwrap();
        assert_eq!(third.status(), 200);
    }
}

#[tokio::test]
async fn an_h2c_endpoint_that_refuses_is_passed_over() {
    let endpoints = [nobody().await, h2c_backend().await];
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    let services = service("app", "kubernetes.io/h2c", &endpoints);
    let edge = Edge::start(&[front_door(""), services, app].concat()).await.unwrap();
    for _ in 0..10 {
        assert_eq!(outcome(&edge).await.0, 200);
    }
}
