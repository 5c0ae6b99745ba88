//! What a check sends, over which protocol, and which answers are a success.

use super::{Patient, block, edge, is_healthy, select, unhealthy, until};
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use portico_dataplane::table::{CheckMethod, HealthCheck};
use portico_tests::{
    backend::{Backend, Reply, front_door, route, service},
    edge::{Edge, Setup},
    tls::Authority,
    wire::Wire,
};
use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;

#[tokio::test]
async fn a_check_is_a_plain_request_that_says_who_asks() {
    for (method, host, path, sent) in [
        (CheckMethod::Get, None, "/healthz", ("GET /healthz HTTP/1.1", "app.web")),
        (
            CheckMethod::Head,
            Some("x.test:8080"),
            "/health?a=b%20c",
            ("HEAD /health?a=b%20c HTTP/1.1", "x.test:8080"),
        ),
    ] {
        let patient = Patient::called("one").await;
        let host = host.map(|host| host.parse().unwrap());
        let terms = HealthCheck { method, host, path: path.to_owned(), ..block() };
        let _edge = edge(&[patient.address()], terms).await;
        until("checks", async || patient.checks().len() > 2).await;
        let check = patient.checks().remove(0);
        assert_eq!(check.start_line(), sent.0);
        assert!(check.field("host").starts_with(sent.1), "{check:?}");
        assert_eq!(check.field("user-agent"), "portico-health");
        assert_eq!(check.lines().count(), 3, "{check:?}");
        assert_eq!(patient.backend.connections(), 1);
    }
}

#[tokio::test]
async fn expect_says_which_statuses_are_a_success_and_no_redirect_is_followed() {
    for (expect, status, is_success) in [
        (vec![200..=399], 302, true),
        (vec![200..=399], 404, false),
        (vec![200..=200], 302, false),
        (vec![401..=401, 500..=599], 503, true),
    ] {
        let elsewhere = Backend::saying("elsewhere").await.unwrap();
        let to = elsewhere.address();
        let answer = format!(
            "HTTP/1.1 {status} Says\r\nLocation: http://{to}/healthz\r\nContent-Length: 0\r\n\r\n"
        );
        let backend = Backend::answering(answer).await.unwrap();
        let terms = HealthCheck { expect: expect.clone(), ..block() };
        let edge = edge(&[backend.address()], terms).await;
        if is_success {
            until("checks", async || backend.requests().len() > 6).await;
            assert!(is_healthy(&edge, backend.address()), "{expect:?} {status}");
        } else {
            let reason = unhealthy(&edge, backend.address()).await;
            assert_eq!(reason, format!("status {status}"), "{expect:?}");
        }
        assert!(elsewhere.requests().is_empty());
    }
}

#[tokio::test]
async fn a_body_is_read_so_far_that_the_connection_can_be_used_again() {
    for (length, is_kept) in [(60 * 1024, true), (1024 * 1024, false)] {
        let body = "b".repeat(length);
        let backend = Backend::scripted(move |_| Reply::ok(&body)).await.unwrap();
        let _edge = edge(&[backend.address()], block()).await;
        until("checks", async || backend.requests().len() > 4).await;
        assert_eq!(backend.connections() == 1, is_kept, "{length}");
    }
}

/// What a backend has seen of its requests.
type Seen = Arc<Mutex<Vec<String>>>;

/// Serves HTTP/2 with prior knowledge.
async fn h2c_backend(seen: Seen) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let seen = seen.clone();
            let answer = move |request: hyper::Request<hyper::body::Incoming>| {
                let text =
                    format!("{:?} {} {}", request.version(), request.method(), request.uri());
                seen.lock().unwrap().push(text);
                async { Ok::<_, Infallible>(hyper::Response::new(Full::new(Bytes::new()))) }
            };
            let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let service = hyper::service::service_fn(answer);
            tokio::spawn(http2.serve_connection(TokioIo::new(socket), service));
        }
    });
    address
}

#[tokio::test]
async fn a_service_that_speaks_http_2_is_checked_over_it() {
    let seen = Seen::default();
    let address = h2c_backend(seen.clone()).await;
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    let manifests = [front_door(""), service("app", "kubernetes.io/h2c", &[address]), app].concat();
    let edge = Edge::start(&front_door("")).await.unwrap();
    edge.serve_selecting(&manifests, &select(block())).await.unwrap();
    until("checks", async || seen.lock().unwrap().len() > 4).await;
    let first = seen.lock().unwrap()[0].clone();
    assert!(first.starts_with("HTTP/2.0 GET http://app.web"), "{first}");
    assert!(first.ends_with("/healthz"), "{first}");
    assert!(is_healthy(&edge, address));
}

#[tokio::test]
async fn checks_use_the_tls_of_the_backend() {
    let (own, other) = (Authority::new("own").unwrap(), Authority::new("other").unwrap());
    for (authority, is_trusted) in [(&own, true), (&other, false)] {
        let acceptor = authority.issue(&["app.internal"]).unwrap().acceptor(None).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Seen::default();
        let noted = seen.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let Ok(tls) = acceptor.accept(socket).await else { continue };
                let seen = noted.clone();
                tokio::spawn(async move {
                    let mut wire = Wire::new(tls);
                    while let Ok(Some(request)) = wire.read_request().await {
                        seen.lock().unwrap().push(request.start_line().to_owned());
                        let _ = wire.send("HTTP/1.1 204 No Content\r\n\r\n").await;
                    }
                });
            }
        });
        let to = "{service: {name: app, port: 80}, tls: {serverName: app.internal, caRef: {kind: ConfigMap, name: own}}}";
        let app = route("app", &format!("backends: [{to}]"));
        let services = service("app", "https", &[address]);
        let manifests = [front_door(""), services, own.config_map("own"), app].concat();
        let edge = Edge::start_with(Setup::default(), &front_door("")).await.unwrap();
        edge.serve_selecting(&manifests, &select(block())).await.unwrap();
        if is_trusted {
            until("checks", async || seen.lock().unwrap().len() > 4).await;
            assert_eq!(seen.lock().unwrap()[0], "GET /healthz HTTP/1.1");
            assert!(is_healthy(&edge, address));
        } else {
            assert_eq!(unhealthy(&edge, address).await, "TlsFailed");
            assert!(seen.lock().unwrap().is_empty());
        }
    }
}
