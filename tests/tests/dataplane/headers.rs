//! What becomes of the headers that concern the way and not the message: hop-by-hop fields,
//! expectations, who asked, who passed it on.

use portico_tests::{
    backend::{Backend, front_door, one_route, route, service},
    edge::Edge,
    wire::{Wire, ask, get, post},
};

/// A FrontDoor that believes its peers on loopback.
fn behind_a_proxy(backend: &Backend, spec: &str) -> String {
    let spec = format!("backends: [{{service: {{name: app, port: 80}}}}]\n{spec}");
    let trusting = front_door("trustedProxies: [127.0.0.0/8]");
    [trusting, service("app", "http", &[backend.address()]), route("app", &spec)].concat()
}

#[tokio::test]
async fn hop_by_hop_fields_of_a_request_end_here() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let fields = "Connection: X-Private, keep-alive\r\nX-Private: 1\r\nconnection: x-more\r\nX-More: 2\r\n\
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
        "HTTP/1.1 200 OK\r\nConnection: x-private, keep-alive\r\nX-Private: 1\r\nKeep-Alive: timeout=5\r\n\
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
async fn the_word_of_an_untrusted_client_is_replaced() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let fields = "X-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2\r\nX-Forwarded-Proto: https\r\n\
        X-Forwarded-Host: evil.example\r\nX-Forwarded-Port: 1\r\nForwarded: for=1.1.1.1;host=evil.example\r\n\
        X-Real-IP: 1.1.1.1\r\nX-Request-Id: mine\r\n";
    ask(edge.address(), get("/", fields)).await.unwrap();
    let got = backend.request().unwrap();
    for (name, value) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "www.ep.com"),
        ("x-forwarded-port", "80"),
        ("forwarded", "for=127.0.0.1;host=\"www.ep.com\";proto=http"),
        ("x-real-ip", "127.0.0.1"),
    ] {
        assert_eq!(got.field(name), value, "{name}");
    }
    assert_eq!(got.field("x-request-id").len(), 32);
}

#[tokio::test]
async fn the_port_that_the_client_named_is_forwarded() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    ask(edge.address(), "GET / HTTP/1.1\r\nHost: WWW.ep.com:8080\r\n\r\n").await.unwrap();
    let got = backend.request().unwrap();
    assert_eq!(got.field("x-forwarded-port"), "8080");
    assert_eq!(got.field("x-forwarded-host"), "WWW.ep.com:8080");
    assert_eq!(got.field("host"), "WWW.ep.com:8080");
}

/// Backends that turn names into variables (CGI, WSGI) can't tell `-` from `_`.
#[tokio::test]
async fn twins_with_underscores_are_removed_whoever_sends_them() {
    let backend = Backend::saying("ok").await.unwrap();
    let names = [
        "X_Forwarded_For",
        "x_forwarded_proto",
        "X_FORWARDED_HOST",
        "x_forwarded_port",
        "x_real_ip",
        "x_request_id",
        "x-forwarded_for",
        "x_forwarded-for",
        "x-real_ip",
    ];
    let fields: String = names.iter().map(|name| format!("{name}: 6.6.6.6\r\n")).collect();
    for manifests in [one_route(backend.address(), ""), behind_a_proxy(&backend, "")] {
        let edge = Edge::start(&manifests).await.unwrap();
        let fields = format!("{fields}x_own: stays\r\n");
        ask(edge.address(), get("/", &fields)).await.unwrap();
        let got = backend.last().unwrap();
        assert!(!got.head.contains("6.6.6.6"), "{}", got.head);
        assert_eq!(got.field("x_own"), "stays");
    }
}

#[tokio::test]
async fn the_word_of_a_trusted_proxy_is_taken() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&behind_a_proxy(&backend, "")).await.unwrap();
    let fields = "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n\
        X-Forwarded-Port: 8443\r\nForwarded: for=203.0.113.7;proto=https\r\nX-Request-Id: abc-123\r\n";
    let answer = ask(edge.address(), get("/", fields)).await.unwrap();
    assert_eq!(answer.field("x-request-id"), "abc-123");
    let got = backend.request().unwrap();
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.7, 127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "shop.example"),
        ("x-forwarded-port", "8443"),
        (
            "forwarded",
            "for=203.0.113.7;proto=https, for=127.0.0.1;host=\"shop.example\";proto=https",
        ),
        ("x-real-ip", "203.0.113.7"),
        ("x-request-id", "abc-123"),
        ("host", "www.ep.com"),
    ] {
        assert_eq!(got.field(name), value, "{name}");
    }
}

#[tokio::test]
async fn the_client_is_the_nearest_that_is_no_trusted_proxy() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&behind_a_proxy(&backend, "")).await.unwrap();
    for (fields, client) in [
        ("", "127.0.0.1"),
        ("X-Forwarded-For: 6.6.6.6, 203.0.113.7, 127.0.0.9\r\n", "203.0.113.7"),
        ("X-Forwarded-For: 6.6.6.6, 203.0.113.7\r\nX-Forwarded-For: 127.0.0.9\r\n", "203.0.113.7"),
        ("X-Forwarded-For: 203.0.113.7, unknown, 127.0.0.9\r\n", "127.0.0.9"),
        ("X-Forwarded-For: [2001:db8::1]:4711\r\n", "2001:db8::1"),
        ("X-Forwarded-For: nonsense\r\n", "127.0.0.1"),
        ("X-Real-IP: 203.0.113.8\r\n", "203.0.113.8"),
        ("Forwarded: for=203.0.113.9\r\n", "203.0.113.9"),
        ("Forwarded: for=6.6.6.6, For=\"[2001:db8::2]:80\"\r\n", "2001:db8::2"),
        ("Forwarded: for=203.0.113.9, for=127.0.0.9;by=x\r\n", "203.0.113.9"),
        ("Forwarded: for=203.0.113.9, for=_hidden\r\n", "127.0.0.1"),
    ] {
        ask(edge.address(), get("/", fields)).await.unwrap();
        assert_eq!(backend.last().unwrap().field("x-real-ip"), client, "{fields}");
    }
}

#[tokio::test]
async fn forwarded_alone_tells_scheme_and_host_too() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&behind_a_proxy(&backend, "")).await.unwrap();
    for (fields, proto, host, port) in [
        ("Forwarded: proto=https;host=shop.example\r\n", "https", "shop.example", "443"),
        (
            "Forwarded: PROTO=HTTPS ; Host=\"shop.example:8443\"\r\n",
            "https",
            "shop.example:8443",
            "8443",
        ),
        ("Forwarded: proto=https, proto=http\r\n", "http", "www.ep.com", "80"),
        ("Forwarded: proto=\"https\r\n", "http", "www.ep.com", "80"),
        ("Forwarded: host=\"a b\"\r\n", "http", "www.ep.com", "80"),
        ("Forwarded: proto=http\r\nX-Forwarded-Proto: https\r\n", "https", "www.ep.com", "443"),
    ] {
        ask(edge.address(), get("/", fields)).await.unwrap();
        let got = backend.last().unwrap();
        assert_eq!(got.field("x-forwarded-proto"), proto, "{fields}");
        assert_eq!(got.field("x-forwarded-host"), host, "{fields}");
        assert_eq!(got.field("x-forwarded-port"), port, "{fields}");
    }
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

#[tokio::test]
async fn an_id_that_is_none_is_not_taken_over() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&behind_a_proxy(&backend, "")).await.unwrap();
    for bad in ["a b", "a\"b", "a\\b", "", &"x".repeat(129)] {
        let answer = ask(edge.address(), get("/", &format!("X-Request-Id: {bad}\r\n"))).await;
        let id = answer.unwrap().field("x-request-id");
        assert_eq!(id.len(), 32, "{bad}");
        assert_eq!(backend.last().unwrap().field("x-request-id"), id);
    }
}
