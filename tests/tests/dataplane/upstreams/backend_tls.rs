//! `tls` of a backend: who it must be, and who it is told that Portico is.

use super::{is, outcome};
use portico_tests::{
    backend::{front_door, route, service},
    edge::{Edge, Setup},
    tls::{Authority, Pair},
    wire::{Message, Wire, ask, get},
};
use std::{net::SocketAddr, sync::Arc};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A backend that answers with the name that it was sent, or `-`, and the number of the client's
/// certificates.
async fn backend(pair: &Pair, clients: Option<&Authority>) -> SocketAddr {
    let acceptor = pair.acceptor(clients).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(tls) = acceptor.accept(socket).await else { return };
                let session = tls.get_ref().1;
                let certificates = session.peer_certificates().map_or(0, <[_]>::len);
                let text = format!("{} {certificates}", session.server_name().unwrap_or("-"));
                let mut wire = Wire::new(tls);
                while let Ok(Some(_)) = wire.read_request().await {
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", text.len());
                    wire.send(head + &text).await.unwrap();
                }
            });
        }
    });
    address
}

/// An edge with a Route to a backend with this `tls`, a Service or a URL.
async fn edge(backend: &str, tls: &str, services: &str, objects: &str) -> Edge {
    let app = route("app", &format!("backends: [{{{backend}, tls: {tls}}}]"));
    let manifests = [front_door("").as_str(), services, objects, &app].concat();
    let setup = Setup { allow_external: vec!["127.0.0.0/8"], ..Setup::default() };
    Edge::start_with(setup, &manifests).await.unwrap()
}

/// What becomes of a request there.
async fn asked(backend: &str, tls: &str, services: &str, objects: &str) -> Message {
    let edge = edge(backend, tls, services, objects).await;
    ask(edge.address(), get("/", "")).await.unwrap()
}

const SERVICE: &str = "service: {name: app, port: 80}";
const VERIFIED: &str = "{serverName: app.internal, caRef: {kind: ConfigMap, name: own}}";

#[tokio::test]
async fn a_service_with_an_authority_must_prove_who_it_is() {
    let (own, other) = (Authority::new("own").unwrap(), Authority::new("other").unwrap());
    for (pair, outcome) in [
        (own.issue(&["app.internal"]), is(200, "")),
        (own.issue(&["other.internal", "app.internal"]), is(200, "")),
        (own.issue(&["other.internal"]), is(502, "TlsFailed")),
        (own.issue_expired(&["app.internal"]), is(502, "TlsFailed")),
        (other.issue(&["app.internal"]), is(502, "TlsFailed")),
    ] {
        let services = service("app", "https", &[backend(&pair.unwrap(), None).await]);
        let answer = asked(SERVICE, VERIFIED, &services, &own.config_map("own")).await;
        assert_eq!((answer.status(), answer.reason()), outcome);
        if answer.status() == 200 {
            assert_eq!(answer.text(), "app.internal 0");
        }
    }
}

#[tokio::test]
async fn without_an_authority_a_service_is_only_sent_the_name() {
    let pair = Authority::new("any").unwrap().issue(&["other.internal"]).unwrap();
    let services = service("app", "https", &[backend(&pair, None).await]);
    for (tls, text) in [("{serverName: app.internal}", "app.internal 0"), ("{}", "- 0")] {
        assert_eq!(asked(SERVICE, tls, &services, "").await.text(), text);
    }
}

#[tokio::test]
async fn an_external_host_may_have_another_authority_and_another_name() {
    let own = Authority::new("own").unwrap();
    let pair = own.issue(&["app.localhost"]).unwrap();
    let port = backend(&pair, None).await.port();
    let ca = "caRef: {kind: ConfigMap, name: own}";
    for (host, tls, outcome) in [
        ("app.localhost", format!("{{{ca}}}"), is(200, "")),
        ("127.0.0.1", format!("{{{ca}}}"), is(502, "TlsFailed")),
        ("127.0.0.1", format!("{{{ca}, serverName: app.localhost}}"), is(200, "")),
        ("app.localhost", "{}".to_owned(), is(502, "TlsFailed")),
    ] {
        let url = format!("external: {{url: 'https://{host}:{port}'}}");
        let answer = asked(&url, &tls, "", &own.config_map("own")).await;
        assert_eq!((answer.status(), answer.reason()), outcome, "{host} {tls}");
    }
}

#[tokio::test]
async fn an_external_host_that_prefers_http_2_is_spoken_to_in_it() {
    let own = Authority::new("own").unwrap();
    let acceptor = own.issue(&["app.localhost"]).unwrap().acceptor(None).unwrap();
    let mut config = (**acceptor.config()).clone();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut http2 =
            h2::server::handshake(acceptor.accept(socket).await.unwrap()).await.unwrap();
        while let Some(Ok((_, mut respond))) = http2.accept().await {
            respond.send_response(http::Response::new(()), true).unwrap();
        }
    });
    let url = format!("external: {{url: 'https://app.localhost:{port}'}}");
    let tls = "{caRef: {kind: ConfigMap, name: own}}";
    let edge = edge(&url, tls, "", &own.config_map("own")).await;
    for _ in 0..3 {
        assert_eq!(outcome(&edge).await, is(200, ""));
    }
}

#[tokio::test]
async fn a_backend_that_asks_for_a_certificate_gets_the_routes() {
    let own = Authority::new("own").unwrap();
    let address = backend(&own.issue(&["app.internal"]).unwrap(), Some(&own)).await;
    let services = service("app", "https", &[address]);
    let client = own.issue_client("portico").unwrap().secret("client");
    let tls = "{clientCertificateRef: {name: client}}";
    assert_eq!(asked(SERVICE, tls, &services, &client).await.text(), "- 1");
}

/// In TLS 1.3 it does so after the client's end of the handshake.
#[tokio::test]
async fn a_backend_that_refuses_the_certificate_is_502() {
    let own = Authority::new("own").unwrap();
    let acceptor = own.issue(&["app.internal"]).unwrap().acceptor(Some(&own)).unwrap();
    for protocols in [&[][..], &[b"h2".to_vec()]] {
        let mut config = (**acceptor.config()).clone();
        config.alpn_protocols = protocols.to_vec();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let services = service("app", "https", &[listener.local_addr().unwrap()]);
        tokio::spawn(async move {
            let mut refused = Vec::new();
            while let Ok((socket, _)) = listener.accept().await {
                // Closing it could discard the alert.
                refused.push(acceptor.accept(socket).into_fallible().await.unwrap_err());
            }
        });
        let stranger = Authority::new("other").unwrap().issue_client("portico").unwrap();
        let stranger = stranger.secret("client");
        for (tls, objects) in
            [("{}", ""), ("{clientCertificateRef: {name: client}}", stranger.as_str())]
        {
            let edge = edge(SERVICE, tls, &services, objects).await;
            assert_eq!(outcome(&edge).await, is(502, "TlsFailed"), "{protocols:?}");
            // What is counted there is logged.
            let failures = edge
                .metric::<u64>("portico_upstream_connect_failures_total{backend=\"web/app:80\"}")
                .await;
            assert_eq!(failures.unwrap(), 1);
        }
    }
}

#[tokio::test]
async fn what_a_backends_tls_refers_to_must_be_there() {
    let pair = Authority::new("own").unwrap().issue(&["app.internal"]).unwrap();
    let services = service("app", "https", &[backend(&pair, None).await]);
    for tls in [VERIFIED, "{clientCertificateRef: {name: none}}"] {
        let answer = asked(SERVICE, tls, &services, "").await;
        assert_eq!((answer.status(), answer.reason()), is(503, "NoEndpoint"), "{tls}");
    }
    let cleartext = service("app", "http", &["127.0.0.1:1".parse().unwrap()]);
    assert_eq!(asked(SERVICE, "{}", &cleartext, "").await.status(), 503);
}

/// A backend that answers with the kind of its connection's handshake, `Full` or `Resumed`, and the
/// connection's number. `?close` is the last request of one.
async fn numbering_backend(pair: &Pair) -> SocketAddr {
    let acceptor = pair.acceptor(None).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 1.. {
            let tls = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
            let text = format!("{:?} {number}", tls.get_ref().1.handshake_kind().unwrap());
            let mut wire = Wire::new(tls);
            tokio::spawn(async move {
                while let Ok(Some(request)) = wire.read_request().await {
                    let is_last = request.target().ends_with("?close");
                    let close = if is_last { "Connection: close\r\n" } else { "" };
                    let length = text.len();
                    let head =
                        format!("HTTP/1.1 200 OK\r\n{close}Content-Length: {length}\r\n\r\n");
                    wire.send(head + &text).await.unwrap();
                    if is_last {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// What one Route has verified is not what another one asks for.
#[tokio::test]
async fn other_settings_for_an_address_share_neither_connections_nor_sessions() {
    let own = Authority::new("own").unwrap();
    let address = numbering_backend(&own.issue(&["app.internal"]).unwrap()).await;
    let of = |name: &str, tls: &str| {
        route(name, &format!("matches: [{{path: /{name}}}]\nbackends: [{{{SERVICE}, tls: {tls}}}]"))
    };
    let manifests = [
        front_door(""),
        service("app", "https", &[address]),
        own.config_map("own"),
        of("any", "{serverName: app.internal}"),
        of("verified", VERIFIED),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    for (target, text) in [
        ("/any", "Full 1"),
        ("/verified", "Full 2"),
        ("/any?close", "Full 1"),
        ("/verified?close", "Full 2"),
        ("/any", "Resumed 3"),
        ("/verified", "Resumed 4"),
    ] {
        assert_eq!(ask(edge.address(), get(target, "")).await.unwrap().text(), text, "{target}");
    }
}
