//! Backends that fail, are late, or are not there; and those that speak more than plain HTTP/1.1.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use portico_tests::{
    backend::{Backend, Stage, front_door, one_route, route, service},
    edge::{Edge, Setup},
    wire::{Message, Wire, ask, get},
};
use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Notify,
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// An address where nobody listens.
pub(super) async fn nobody() -> SocketAddr {
    Stage::open().await.unwrap().address().unwrap()
}

/// Status and reason of the answer to a GET.
async fn outcome(edge: &Edge) -> (u16, String) {
    let answer = ask(edge.address(), get("/", "")).await.unwrap();
    (answer.status(), answer.reason())
}

fn is(status: u16, reason: &str) -> (u16, String) {
    (status, reason.to_owned())
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_so() {
    let backend = Backend::saying("ok").await.unwrap();
    let to =
        |name: &str| route("app", &format!("backends: [{{service: {{name: {name}, port: 80}}}}]"));
    let up = service("app", "http", &[backend.address()]);
    let secret =
        "requestHeaders: {set: [{name: x-key, valueFrom: {secretKeyRef: {name: none, key: k}}}]}";
    for (what, manifests, outcome_is) in [
        ("no Service", to("none"), is(503, "NoEndpoint")),
        ("no endpoint", to("app") + &service("app", "http", &[]), is(503, "NoEndpoint")),
        (
            "refused",
            to("app") + &service("app", "http", &[nobody().await]),
            is(502, "ConnectFailed"),
        ),
        (
            "all refused",
            to("app") + &service("app", "http", &[nobody().await, nobody().await]),
            is(502, "ConnectFailed"),
        ),
        (
            "no Secret",
            route("app", &format!("backends: [{{service: {{name: app, port: 80}}}}]\n{secret}"))
                + &up,
            is(503, "NotResolved"),
        ),
        ("all there", to("app") + &up, is(200, "")),
    ] {
        let edge = Edge::start(&(front_door("") + &manifests)).await.unwrap();
        assert_eq!(outcome(&edge).await, outcome_is, "{what}");
    }
}

#[tokio::test]
async fn a_backend_that_speaks_no_http_is_502() {
    for (what, answer) in [
        ("nothing", ""),
        ("another protocol", "SSH-2.0-OpenSSH_9.9\r\n\r\n"),
        ("a head that breaks off", "HTTP/1.1 200 OK\r\nContent-Le"),
        ("a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"),
        ("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        (
            "an upgrade unasked",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        ),
    ] {
        let stage = Stage::open().await.unwrap();
        let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
        let asked = tokio::spawn(ask(edge.address(), get("/", "")));
        let mut backend = stage.accept().await.unwrap();
        backend.read_request().await.unwrap().unwrap();
        backend.send(answer).await.unwrap();
        drop(backend);
        let answer = asked.await.unwrap().unwrap();
        assert_eq!((answer.status(), answer.reason()), is(502, "BackendBroken"), "{what}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_never_completed() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n9\r\nx",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nnonsense\r\n",
    ] {
        let backend =
            Backend::scripted(move |_| portico_tests::backend::Reply::raw(answer).then_close());
        let backend = backend.await.unwrap();
        let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
        let got = ask(edge.address(), get("/", "")).await;
        let got = got.unwrap_or_else(|error| panic!("{answer}: {error}"));
        assert_eq!(got.status(), 200);
        assert!(got.text().starts_with("half") && !got.complete, "{answer}: {got:?}");
    }
}

/// How the edge answers the second of two requests whose connection the backend closes behind the
/// second one's arrival; `answer` is what it says before. And what the backend's next connection
/// gets, if there is one before that answer.
async fn second(request: &str, answer: &str) -> (Message, Option<Message>) {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(get("/first", "")).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    backend.send(OK).await.unwrap();
    client.read_answer("GET").await.unwrap();

    client.send(request).await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    backend.send(answer).await.unwrap();
    drop(backend);
    let method = request.split(' ').next().unwrap();
    let again = async {
        let mut backend = stage.accept().await.unwrap();
        let request = backend.read_request().await.unwrap().unwrap();
        backend.send(if method == "HEAD" { "HTTP/1.1 200 OK\r\n\r\n" } else { OK }).await.unwrap();
        request
    };
    tokio::select! {
        answer = client.read_answer(method) => (answer.unwrap(), None),
        request = again => (client.read_answer(method).await.unwrap(), Some(request)),
    }
}

#[tokio::test]
async fn a_safe_request_without_a_body_is_sent_again_when_a_kept_connection_dies() {
    for method in ["GET", "HEAD", "OPTIONS"] {
        let request = get("/second?q", "X-A: b\r\n").replacen("GET", method, 1);
        let (answer, again) = second(&request, "").await;
        assert_eq!(answer.status(), 200, "{method}");
        let again = again.expect(method);
        assert_eq!(again.start_line(), format!("{method} /second?q HTTP/1.1"));
        assert_eq!(again.fields("x-a"), ["b"]);
        assert_eq!(again.fields("via"), ["1.1 portico-test"]);
    }
}

#[tokio::test]
async fn what_may_have_had_an_effect_is_not_sent_again() {
    for (method, body) in [
        ("POST", "Content-Length: 4\r\n\r\nbody"),
        ("POST", "Content-Length: 0\r\n\r\n"),
        ("PUT", "Content-Length: 4\r\n\r\nbody"),
        ("DELETE", "\r\n"),
        ("PATCH", "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"),
        ("GET", "Content-Length: 4\r\n\r\nbody"),
    ] {
        let request = format!("{method} / HTTP/1.1\r\nHost: www.ep.com\r\n{body}");
        let (answer, again) = second(&request, "").await;
        assert_eq!((answer.status(), answer.reason()), is(502, "BackendBroken"), "{method}");
        assert!(again.is_none(), "{method} {body}");
    }
}

#[tokio::test]
async fn a_request_is_not_sent_again_once_its_answer_has_begun() {
    for begun in ["H", "HTTP/1.1 200 OK\r\nContent-"] {
        let (answer, again) = second(&get("/", ""), begun).await;
        assert_eq!((answer.status(), answer.reason()), is(502, "BackendBroken"), "{begun}");
        assert!(again.is_none(), "{begun}");
    }
}

#[tokio::test]
async fn a_request_is_not_sent_again_on_a_fresh_connection() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    for _ in 0..2 {
        let asked = tokio::spawn(ask(edge.address(), get("/", "")));
        let mut backend = stage.accept().await.unwrap();
        backend.read_request().await.unwrap().unwrap();
        drop(backend);
        assert_eq!(asked.await.unwrap().unwrap().status(), 502);
    }
}

#[tokio::test]
async fn a_kept_connection_that_the_backend_has_closed_costs_no_request() {
    let backend = Backend::scripted(|_| portico_tests::backend::Reply::raw(OK).then_close());
    let backend = backend.await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    for round in 1..=20 {
        let request = "POST / HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: 4\r\n\r\nbody";
        client.send(request).await.unwrap();
        assert_eq!(client.read_answer("POST").await.unwrap().status(), 200, "{round}");
        // The close is on its way; that the edge has seen it can't be told from outside.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((backend.requests().len(), backend.connections()), (20, 20));
}

/// An address that lets connections wait for ever: its queue is full, and nobody takes any.
async fn full() -> (TcpListener, Vec<TcpStream>, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    let patience = Duration::from_millis(300);
    while let Ok(stream) = tokio::time::timeout(patience, TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
    }
    (listener, waiting, address)
}

#[tokio::test]
async fn what_takes_too_long_is_504() {
    let (_listener, _waiting, full) = full().await;
    let silent = Stage::open().await.unwrap();
    let silent = silent.address().unwrap();
    for (address, timeouts, reason) in [
        (full, "{connect: 200ms}", "ConnectTimeout"),
        (full, "{connect: 0s, request: 200ms}", "BackendTimeout"),
        (full, "{connect: 10s, request: 200ms}", "BackendTimeout"),
        (silent, "{request: 200ms}", "BackendTimeout"),
    ] {
        let edge = one_route(address, &format!("timeouts: {timeouts}"));
        let edge = Edge::start(&edge).await.unwrap();
        // On one connection, which goes on.
        let mut client = Wire::connect(edge.address()).await.unwrap();
        for _ in 0..2 {
            client.send(get("/", "")).await.unwrap();
            let answer = client.read_answer("GET").await.unwrap();
            assert_eq!((answer.status(), answer.reason()), is(504, reason), "{timeouts}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_stops_coming_is_broken_off() {
    for half in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let backend = Backend::answering(half).await.unwrap();
        let edge = one_route(backend.address(), "timeouts: {idle: 200ms}");
        let edge = Edge::start(&edge).await.unwrap();
        let got = ask(edge.address(), get("/", "")).await.unwrap();
        assert_eq!((got.status(), got.text().as_str(), got.complete), (200, "half", false));
    }
}

#[tokio::test]
async fn an_answer_that_keeps_coming_is_not() {
    let stage = Stage::open().await.unwrap();
    let spec = "timeouts: {request: 2s, idle: 2s}";
    let edge = Edge::start(&one_route(stage.address().unwrap(), spec)).await.unwrap();
    let asked = tokio::spawn(ask(edge.address(), get("/", "")));
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n").await.unwrap();
    for _ in 0..6 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        backend.send("x").await.unwrap();
    }
    let answer = asked.await.unwrap().unwrap();
    assert_eq!((answer.text().as_str(), answer.complete), ("xxxxxx", true));
}

#[tokio::test]
async fn a_client_whose_body_stops_coming_is_told_so() {
    let stage = Stage::open().await.unwrap();
    let spec = "timeouts: {request: 1s}";
    let edge = Edge::start(&one_route(stage.address().unwrap(), spec)).await.unwrap();
    let request = "POST / HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: 10\r\n\r\nhalf";
    let asked = tokio::spawn(ask(edge.address(), request));
    let mut backend = stage.accept().await.unwrap();
    let mut request = backend.read_head().await.unwrap().unwrap();
    let answer = asked.await.unwrap().unwrap();
    assert_eq!((answer.status(), answer.reason()), is(408, "BodyTimeout"));
    assert!(answer.closes());
    backend.read_body(&mut request).await.unwrap();
    assert!(!request.complete);
}

#[tokio::test]
async fn a_body_that_has_ended_is_not_idle_while_its_answer_is_awaited() {
    let spec = "timeouts: {request: 10s, idle: 100ms}";
    for body in [
        "Content-Length: 4\r\n\r\nbody",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
    ] {
        let stage = Stage::open().await.unwrap();
        let edge = Edge::start(&one_route(stage.address().unwrap(), spec)).await.unwrap();
        let request = format!("POST / HTTP/1.1\r\nHost: www.ep.com\r\n{body}");
        let asked = tokio::spawn(ask(edge.address(), request));
        let mut backend = stage.accept().await.unwrap();
        backend.read_request().await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(400)).await;
        backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
        assert_eq!(asked.await.unwrap().unwrap().status(), 200, "{body:?}");
    }
}

#[tokio::test]
async fn only_addresses_that_are_allowed_are_dialled() {
    let backend = Backend::saying("ok").await.unwrap();
    let port = backend.address().port();
    for (host, allowed, outcome_is) in [
        ("127.0.0.1", None, is(502, "AddressNotAllowed")),
        ("127.0.0.1", Some("127.0.0.0/8"), is(200, "")),
        ("127.0.0.1", Some("10.0.0.0/8"), is(502, "AddressNotAllowed")),
        ("localhost", None, is(502, "AddressNotAllowed")),
        ("localhost", Some("127.0.0.1"), is(200, "")),
        ("localhost", Some("localhost"), is(200, "")),
        ("localhost", Some("*.localhost"), is(502, "AddressNotAllowed")),
        ("a.localhost", Some("*.localhost"), is(200, "")),
        ("[::ffff:127.0.0.1]", None, is(502, "AddressNotAllowed")),
    ] {
        let to = format!("backends: [{{external: {{url: 'http://{host}:{port}'}}}}]");
        let setup = Setup { allow_external: allowed.into_iter().collect(), ..Setup::default() };
        let manifests = front_door("") + &route("app", &to);
        let edge = Edge::start_with(setup, &manifests).await.unwrap();
        assert_eq!(outcome(&edge).await, outcome_is, "{host} {allowed:?}");
        if outcome_is.0 == 200 {
            assert_eq!(backend.last().unwrap().field("host"), format!("{host}:{port}"));
        }
    }
}

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

/// A backend that speaks HTTP/2 with prior knowledge; its answers tell the request.
async fn h2c_backend() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
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
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(
                http2.serve_connection(TokioIo::new(socket), hyper::service::service_fn(tell)),
            );
        }
    });
    address
}

#[tokio::test]
async fn a_service_may_speak_http_2_in_the_clear() {
    let address = h2c_backend().await;
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    let manifests = [front_door(""), service("app", "kubernetes.io/h2c", &[address]), app].concat();
    let edge = Edge::start(&manifests).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    let chunked = "POST /c HTTP/1.1\r\nHost: www.ep.com\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 1\r\n\r\n";
    let upgrade = get(
        "/u",
        "Connection: upgrade, te\r\nTE: trailers\r\nUpgrade: websocket\r\nKeep-Alive: 5\r\n",
    );
    for (request, tells) in [
        (get("/a?b", ""), "HTTP/2.0 GET http://www.ep.com/a?b len=0 trailers=0 hops=false"),
        (chunked.to_owned(), "HTTP/2.0 POST http://www.ep.com/c len=4 trailers=1 hops=false"),
        (upgrade, "HTTP/2.0 GET http://www.ep.com/u len=0 trailers=0 hops=false"),
    ] {
        client.send(&request).await.unwrap();
        let answer = client.read_answer("GET").await.unwrap();
        assert_eq!(answer.start_line(), "HTTP/1.1 200 OK");
        assert_eq!(answer.text(), format!("{tells} via=\"1.1 portico-test\""), "{request}");
    }
}

#[tokio::test]
async fn an_h2c_service_that_is_not_there_is_502() {
    let plain = Backend::answering(OK).await.unwrap();
    for (address, reason) in [(nobody().await, "ConnectFailed"), (plain.address(), "BackendBroken")]
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

#[tokio::test]
async fn a_name_that_does_not_resolve_is_502() {
    let to = "backends: [{external: {url: 'http://nowhere.invalid'}}]";
    let edge = Edge::start(&(front_door("") + &route("app", to))).await.unwrap();
    assert_eq!(outcome(&edge).await, is(502, "NameNotResolved"));
}
