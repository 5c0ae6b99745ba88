//! What becomes of the headers that concern the way and not the message: hop-by-hop fields,
//! expectations, who passed it on.

use portico_tests::{
    backend::{Backend, one_route, route},
    edge::Edge,
    wire::{Wire, ask, get, post},
};

#[tokio::test]
async fn hop_by_hop_fields_of_a_request_end_here() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let fields = "Connection: é, X-Private, keep-alive\r\nX-Private: 1\r\nconnection: x-more\r\nX-More: 2\r\n\
        Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\nUpgrade: irc/6.9\r\n\
        Proxy-Authorization: Basic eA==\r\nX-Stays: 3\r\n";
    assert_eq!(ask(edge.address(), get("/", fields)).await.unwrap().status(), 200);
    let got = backend.request().unwrap();
    for name in [
        "connection",
        "x-private",
        "x-more",
        "keep-alive",
        "proxy-connection",
        "te",
        "upgrade",
        "proxy-authorization",
        "transfer-encoding",
    ] {
        assert!(got.fields(name).is_empty(), "{name}: {}", got.head);
    }
    assert_eq!(got.fields("x-stays"), ["3"]);
}

#[tokio::test]
async fn connection_can_not_name_away_host_or_length() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let request = post("/", "Connection: host, content-length, close\r\n", "body");
    assert_eq!(ask(edge.address(), request).await.unwrap().status(), 200);
    let got = backend.request().unwrap();
    assert_eq!(got.fields("host"), ["www.ep.com"]);
    assert_eq!(got.fields("content-length"), ["4"]);
    assert_eq!(got.text(), "body");
}

#[tokio::test]
async fn hop_by_hop_fields_of_an_answer_end_here() {
    let backend = Backend::answering(
        "HTTP/1.1 200 OK\r\nConnection: é, x-private, keep-alive\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\n\
         Proxy-Authenticate: Basic\r\nUpgrade: h2c\r\nX-Stays: 2\r\nContent-Length: 2\r\n\r\nok",
    )
    .await
    .unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let answer = ask(edge.address(), get("/", "")).await.unwrap();
    for name in ["connection", "x-private", "keep-alive", "proxy-authenticate", "upgrade"] {
        assert!(answer.fields(name).is_empty(), "{name}: {}", answer.head);
    }
    assert_eq!(answer.fields("x-stays"), ["2"]);
    assert_eq!(answer.text(), "ok");
}

#[tokio::test]
async fn te_trailers_is_said_again() {
    for (te, said) in [("trailers", true), ("gzip, Trailers", true), ("gzip;q=0.5", false)] {
        let backend = Backend::saying("ok").await.unwrap();
        let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
        let fields = format!("TE: {te}\r\nConnection: TE\r\n");
        ask(edge.address(), get("/", &fields)).await.unwrap();
        let got = backend.request().unwrap();
        let (expected, named) = if said { ("trailers", "te") } else { ("", "") };
        assert_eq!(got.field("te"), expected, "{te}");
        assert_eq!(got.field("connection"), named, "{te}");
    }
}

#[tokio::test]
async fn an_expected_100_comes_when_the_body_is_wanted() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    let head =
        "POST / HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n";
    client.send(head).await.unwrap();
    assert_eq!(client.read_answer("POST").await.unwrap().status(), 100);
    client.send("body").await.unwrap();
    assert_eq!(client.read_answer("POST").await.unwrap().text(), "ok");
    let got = backend.request().unwrap();
    assert_eq!(got.text(), "body");
    assert!(got.fields("expect").is_empty(), "{}", got.head);
}

#[tokio::test]
async fn a_refusal_of_an_expecting_request_comes_without_100() {
    let backend = Backend::saying("ok").await.unwrap();
    let responding = route("fixed", "matches: [{path: /fixed}]\nrespond: {status: 403}");
    let manifests = one_route(backend.address(), "matches: [{path: /app}]") + &responding;
    let edge = Edge::start(&manifests).await.unwrap();
    for (path, status) in [("/none", 404), ("/fixed", 403)] {
        let mut client = Wire::connect(edge.address()).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        );
        client.send(head).await.unwrap();
        assert_eq!(client.read_answer("POST").await.unwrap().status(), status, "{path}");
    }
    assert!(backend.requests().is_empty());
}

#[tokio::test]
async fn what_a_backend_says_before_its_answer_is_not_the_answer() {
    let backend = Backend::answering(
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    )
    .await
    .unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    assert_eq!(
        edge.raw(get("/", "Connection: close\r\n")).await.unwrap().matches("HTTP/1.1 200").count(),
        1
    );
}

#[tokio::test]
async fn via_is_appended_to() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    for (request, via) in [
        (get("/", ""), "1.1 portico-test"),
        (get("/", "Via: 1.0 fred, 1.1 x (a, b)\r\n"), "1.0 fred, 1.1 x (a, b), 1.1 portico-test"),
        (get("/", "Via: 2 a\r\nVia: 1.1 b\r\n"), "2 a, 1.1 b, 1.1 portico-test"),
        ("GET / HTTP/1.0\r\nHost: www.ep.com\r\n\r\n".into(), "1.0 portico-test"),
    ] {
        ask(edge.address(), &request).await.unwrap();
        assert_eq!(backend.last().unwrap().field("via"), via, "{request}");
    }
}

#[tokio::test]
async fn a_request_that_has_been_here_is_a_loop() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    for (via, status) in [
        ("1.1 portico-test", 508),
        ("1.0 fred,1.1 portico-test (x), 1.1 other", 508),
        ("HTTP/1.1 portico-test", 508),
        ("1.0 é, 1.1 portico-test", 508),
        ("1.0 fred (é), 1.1 portico-test (é)", 508),
        ("1.1 portico-test2", 200),
        ("1.1 x (portico-test)", 200),
        ("portico-test", 200),
    ] {
        let answer = ask(edge.address(), get("/", &format!("Via: {via}\r\n"))).await.unwrap();
        assert_eq!(answer.status(), status, "{via}");
        assert_eq!(answer.reason(), if status == 508 { "Loop" } else { "" });
    }
}

#[tokio::test]
async fn an_edge_that_points_at_itself_says_so() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    edge.serve(&one_route(edge.address(), "")).await.unwrap();
    let answer = ask(edge.address(), get("/", "")).await.unwrap();
    assert_eq!(answer.status(), 508);
    assert_eq!(answer.reason(), "Loop");
}

#[tokio::test]
async fn one_id_names_the_request_everywhere() {
    let backend = Backend::answering(
        "HTTP/1.1 200 OK\r\nX-Request-Id: theirs\r\nx-request-id: twice\r\nContent-Length: 0\r\n\r\n",
    )
    .await
    .unwrap();
    let edge = Edge::start(&one_route(backend.address(), "matches: [{path: /app}]")).await.unwrap();
    let answer = ask(edge.address(), get("/app", "")).await.unwrap();
    let id = answer.field("x-request-id");
    assert_eq!(id.len(), 32, "{}", answer.head);
    assert_eq!(backend.request().unwrap().field("x-request-id"), id);

    let refused = ask(edge.address(), get("/none", "")).await.unwrap();
    let problem: serde_json::Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!(refused.field("content-type"), "application/problem+json");
    assert_eq!(problem["requestId"].as_str().unwrap(), refused.field("x-request-id"));
    assert_eq!(
        (problem["status"].as_u64(), problem["reason"].as_str()),
        (Some(404), Some("NoRoute"))
    );
    assert_ne!(refused.field("x-request-id"), id);
}

/// RFC 9110 §8.6: not even as the length that a GET would have had.
#[tokio::test]
async fn a_response_without_content_has_no_length() {
    for (status, lengths) in [("204 No Content", &[][..]), ("200 OK", &["5"])] {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 5\r\nX-Stays: 1\r\n\r\n");
        let backend = Backend::answering(answer).await.unwrap();
        let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
        let head = "HEAD / HTTP/1.1\r\nHost: www.ep.com\r\nConnection: close\r\n\r\n";
        let answer = ask(edge.address(), head).await.unwrap();
        assert_eq!(answer.fields("content-length"), lengths, "{}", answer.head);
        assert_eq!(answer.fields("transfer-encoding"), [""; 0], "{}", answer.head);
        assert_eq!(answer.field("x-stays"), "1");
    }
}

#[tokio::test]
async fn options_goes_no_further_than_it_may() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let send = async |method: &str, fields: &str| {
        let request = format!("{method} / HTTP/1.1\r\nHost: www.ep.com\r\n{fields}\r\n");
        ask(edge.address(), request).await.unwrap()
    };
    for fields in ["Max-Forwards: 0\r\n", "Max-Forwards: 3\r\nmax-forwards: 0\r\n"] {
        let answer = send("OPTIONS", fields).await;
        assert_eq!((answer.status(), answer.text().as_str()), (204, ""), "{fields}");
        assert!(answer.field("allow").contains("OPTIONS"), "{}", answer.head);
        assert!(backend.requests().is_empty(), "{fields}");
    }
    for (host, fields, status) in [
        ("www.ep.com", "Max-Forwards: 0\r\n", 204),
        ("www.ep.com", "Max-Forwards: 1\r\n", 404),
        ("www.ep.com", "", 404),
        ("other.example", "Max-Forwards: 0\r\n", 404),
    ] {
        let request = format!("OPTIONS * HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n");
        let answer = ask(edge.address(), request).await.unwrap();
        assert_eq!(answer.status(), status, "{host} {fields}");
        assert_eq!(answer.field("allow").contains("OPTIONS"), status == 204, "{}", answer.head);
    }
    for (method, fields, forwarded) in [
        ("OPTIONS", "Max-Forwards: 1\r\n", &["0"][..]),
        ("OPTIONS", "Max-Forwards: 10\r\n", &["9"]),
        ("OPTIONS", "Max-Forwards: many\r\n", &[]),
        ("OPTIONS", "", &[]),
        ("GET", "Max-Forwards: 0\r\n", &["0"]),
    ] {
        assert_eq!(send(method, fields).await.status(), 200, "{method} {fields}");
        assert_eq!(backend.last().unwrap().fields("max-forwards"), forwarded, "{method} {fields}");
    }
}
