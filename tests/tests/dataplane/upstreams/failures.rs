//! Backends that are not there, may not be dialled, or send no valid response.

use super::{is, nobody, outcome};
use portico_dataplane::config::Limits;
use portico_tests::{
    backend::{Backend, Stage, front_door, one_route, route, service},
    edge::{Edge, Setup},
    wire::{ask, get},
};

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
    for (what, answer, reason) in [
        ("nothing", "", "BackendBroken"),
        ("a head that breaks off", "HTTP/1.1 200 OK\r\nContent-Le", "BackendBroken"),
        ("another protocol", "SSH-2.0-OpenSSH_9.9\r\n\r\n", "BackendMalformed"),
        (
            "a length that is none",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "BackendMalformed",
        ),
        (
            "two lengths",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "BackendMalformed",
        ),
        (
            "an upgrade unasked",
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
            "BackendMalformed",
        ),
    ] {
        let stage = Stage::open().await.unwrap();
        let once = one_route(stage.address().unwrap(), "retry: {disabled: true}");
        let edge = Edge::start(&once).await.unwrap();
        let asked = tokio::spawn(ask(edge.address(), get("/", "")));
        let mut backend = stage.accept().await.unwrap();
        backend.read_request().await.unwrap().unwrap();
        backend.send(answer).await.unwrap();
        drop(backend);
        let answer = asked.await.unwrap().unwrap();
        assert_eq!((answer.status(), answer.reason()), is(502, reason), "{what}");
    }
}

#[tokio::test]
async fn interim_answers_without_end_are_502() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let asked = tokio::spawn(ask(edge.address(), get("/", "")));
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    // The edge closes the connection, or this would never end.
    while backend.send("HTTP/1.1 100 Continue\r\n\r\n".repeat(1000)).await.is_ok() {}
    let answer = asked.await.unwrap().unwrap();
    assert_eq!((answer.status(), answer.reason()), is(502, "BackendMalformed"));
}

#[tokio::test]
async fn a_backends_fields_are_bounded_by_a_flag() {
    for (flag, fields, outcome_is) in [
        (100, 100, is(200, "")),
        (100, 101, is(502, "BackendMalformed")),
        (250, 250, is(200, "")),
        (10, 11, is(502, "BackendMalformed")),
    ] {
        // Content-Length is one of them.
        let fields = "X-A: b\r\n".repeat(fields - 1);
        let answer = format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\n\r\nok");
        let backend = Backend::answering(answer).await.unwrap();
        let limits = Limits { response_fields: flag, ..Limits::default() };
        let setup = Setup { limits, ..Setup::default() };
        let manifests = one_route(backend.address(), "");
        let edge = Edge::start_with(setup, &manifests).await.unwrap();
        assert_eq!(outcome(&edge).await, outcome_is, "{flag}");
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

#[tokio::test]
async fn a_name_that_does_not_resolve_is_502() {
    let to = "backends: [{external: {url: 'http://nowhere.invalid'}}]";
    let edge = Edge::start(&(front_door("") + &route("app", to))).await.unwrap();
    assert_eq!(outcome(&edge).await, is(502, "NameNotResolved"));
}
