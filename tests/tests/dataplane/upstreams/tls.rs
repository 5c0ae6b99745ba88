//! TLS to backends.

use super::{is, outcome};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use portico_tests::{
    backend::{Stage, front_door, route, service},
    edge::{Edge, Setup},
    wire::{Message, PATIENCE, Wire, ask, get},
};
use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// A TLS endpoint that offers `protocols` (RFC 7301), with a certificate that nobody signed.
pub(super) fn acceptor(protocols: &[&str]) -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed(["app.example".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config).into()
}

/// A TLS backend that speaks HTTP/1.1, and does not say so.
async fn tls_backend() -> SocketAddr {
    let acceptor = acceptor(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let Ok(tls) = acceptor.accept(socket).await else { continue };
            let mut wire = Wire::new(tls);
            while let Ok(Some(request)) = wire.read_request().await {
                let body = request.field("x-forwarded-proto") + " " + &request.field("origin");
                let answer =
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                wire.send(answer).await.unwrap();
            }
        }
    });
    address
}

#[tokio::test]
async fn an_https_service_is_spoken_to_whatever_its_certificate() {
    let address = tls_backend().await;
    for protocol in ["https", "kubernetes.io/wss"] {
        let app = route(
            "app",
            "backends: [{service: {name: app, port: 80}}]\nrewrite: {host: a.example}",
        );
        let manifests = [front_door(""), service("app", protocol, &[address]), app].concat();
        let edge = Edge::start(&manifests).await.unwrap();
        for _ in 0..2 {
            let answer =
                ask(edge.address(), get("/", "Origin: http://www.ep.com\r\n")).await.unwrap();
            assert_eq!(answer.text(), "http https://a.example", "{protocol}");
        }
    }
}

#[tokio::test]
async fn an_https_external_must_prove_who_it_is() {
    let port = tls_backend().await.port();
    for host in ["127.0.0.1", "app.localhost"] {
        let to = format!("backends: [{{external: {{url: 'https://{host}:{port}'}}}}]");
        let setup = Setup { allow_external: vec!["127.0.0.0/8"], ..Setup::default() };
        let edge = Edge::start_with(setup, &(front_door("") + &route("app", &to))).await.unwrap();
        assert_eq!(outcome(&edge).await, is(502, "TlsFailed"), "{host}");
    }
}

#[tokio::test]
async fn tls_to_a_backend_without_tls_is_502() {
    let stage = Stage::open().await.unwrap();
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    let services = service("app", "https", &[stage.address().unwrap()]);
    let edge = Edge::start(&[front_door(""), services, app].concat()).await.unwrap();
    let asked = tokio::spawn(ask(edge.address(), get("/", "")));
    let mut backend = stage.accept().await.unwrap();
    backend.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let answer = asked.await.unwrap().unwrap();
    assert_eq!((answer.status(), answer.reason()), is(502, "TlsFailed"));
}

/// Answers with the request's version and target; accepts WebSockets over HTTP/1.1.
async fn serve(tls: TlsStream<TcpStream>) {
    if tls.get_ref().1.alpn_protocol() == Some(b"h2") {
        let answer = |request: hyper::Request<hyper::body::Incoming>| async move {
            let text = format!("{:?} {}", request.version(), request.uri());
            Ok::<_, Infallible>(hyper::Response::new(Full::<Bytes>::from(text)))
        };
        let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let service = hyper::service::service_fn(answer);
        // The edge may close it.
        let _ = http2.serve_connection(TokioIo::new(tls), service).await;
        return;
    }
    let mut wire = Wire::new(tls);
    while let Ok(Some(request)) = wire.read_request().await {
        if request.field("upgrade") == "websocket" {
            wire.send(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello",
            )
            .await
            .unwrap();
            return;
        }
        let text = "HTTP/1.1 ".to_owned() + request.target();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len());
        wire.send(answer).await.unwrap();
    }
}

/// An edge with an https Service that offers `protocols`, and the number of its connections.
async fn negotiating(protocols: &[&str]) -> (Edge, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (acceptor, count) = (acceptor(protocols), Arc::new(AtomicUsize::new(0)));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(tls) = acceptor.accept(socket).await {
                    serve(tls).await;
                }
            });
        }
    });
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    let manifests = [front_door(""), service("app", "https", &[address]), app].concat();
    (Edge::start(&manifests).await.unwrap(), count)
}

const WEBSOCKET: &str = "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

#[tokio::test]
async fn an_https_backend_chooses_the_version_of_http() {
    for (protocols, text, connections_are) in [
        (&["h2", "http/1.1"][..], "HTTP/2.0 https://www.ep.com/a?b", 1..=1),
        (&["h2"], "HTTP/2.0 https://www.ep.com/a?b", 1..=1),
        (&["http/1.1"], "HTTP/1.1 /a?b", 1..=10),
        (&[], "HTTP/1.1 /a?b", 1..=10),
    ] {
        let (edge, connections) = negotiating(protocols).await;
        let address = edge.address();
        let check = |answer: Message| {
            assert_eq!((answer.status(), answer.text().as_str()), (200, text), "{protocols:?}");
        };
        let asked: Vec<_> = (0..10).map(|_| tokio::spawn(ask(address, get("/a?b", "")))).collect();
        for asked in asked {
            check(asked.await.unwrap().unwrap());
        }
        let opened = connections.load(Ordering::SeqCst);
        assert!(connections_are.contains(&opened), "{protocols:?}: {opened}");
        // Each leaves its connection to the next one.
        for _ in 0..10 {
            check(ask(address, get("/a?b", "")).await.unwrap());
        }
        assert_eq!(connections.load(Ordering::SeqCst), opened, "{protocols:?}");
    }
}

#[tokio::test]
async fn a_websocket_for_an_https_backend_goes_over_http_1() {
    let (edge, _) = negotiating(&["h2", "http/1.1"]).await;
    // A connection of HTTP/2 exists.
    assert_eq!(outcome(&edge).await.0, 200);
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(get("/", WEBSOCKET)).await.unwrap();
    assert_eq!(client.read_answer("GET").await.unwrap().status(), 101);
    assert_eq!(client.read(5).await.unwrap(), b"hello");
    let (edge, _) = negotiating(&["h2"]).await;
    let answer = ask(edge.address(), get("/", WEBSOCKET)).await.unwrap();
    assert_eq!((answer.status(), answer.reason()), is(501, "UpgradeUnsupported"));
}

/// An edge with an https Service at `address`, and Routes whose names are their paths and whose
/// `timeouts.connect` differ.
async fn connecting_within(address: SocketAddr, routes: [(&str, &str); 2]) -> Edge {
    let routes = routes.map(|(name, connect)| {
        let app = "backends: [{service: {name: app, port: 80}}]";
        let timeouts = format!("timeouts: {{connect: {connect}, request: 60s}}");
        route(name, &format!("matches: [{{path: /{name}}}]\n{app}\n{timeouts}"))
    });
    let manifests = [front_door(""), service("app", "https", &[address]), routes.concat()];
    Edge::start(&manifests.concat()).await.unwrap()
}

#[tokio::test]
async fn a_request_outlasts_another_one_that_opened_its_connection_with_less_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let edge = connecting_within(address, [("short", "200ms"), ("long", "10s")]).await;
    let short = tokio::spawn(ask(edge.address(), get("/short", "")));
    let _silent = listener.accept().await.unwrap();
    let long = tokio::spawn(ask(edge.address(), get("/long", "")));
    let answer = short.await.unwrap().unwrap();
    assert_eq!((answer.status(), answer.reason()), is(504, "ConnectTimeout"));
    let second = tokio::time::timeout(PATIENCE, listener.accept()).await;
    let (socket, _) = second.expect("the other one gives up too").unwrap();
    let tls = acceptor(&["h2"]).accept(socket).await.unwrap();
    tokio::spawn(serve(tls));
    assert_eq!(long.await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn a_request_waits_for_anothers_connection_no_longer_than_it_may_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let edge = connecting_within(address, [("endless", "0s"), ("short", "200ms")]).await;
    let _endless = tokio::spawn(ask(edge.address(), get("/endless", "")));
    let _silent = listener.accept().await.unwrap();
    let answer = ask(edge.address(), get("/short", "")).await.unwrap();
    assert_eq!((answer.status(), answer.reason()), is(504, "ConnectTimeout"));
}
