//! TLS to backends.

use super::{is, outcome};
use portico_tests::{
    backend::{Stage, front_door, route, service},
    edge::{Edge, Setup},
    wire::{Wire, ask, get},
};
use std::{net::SocketAddr, sync::Arc};
use tokio::net::TcpListener;

/// A TLS listener with a certificate that nobody signed; answers one request per connection.
async fn tls_backend() -> SocketAddr {
    let made = rcgen::generate_simple_self_signed(["app.example".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
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
