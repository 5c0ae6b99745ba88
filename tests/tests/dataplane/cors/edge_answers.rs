//! Rule 19: what the edge itself answers carries the CORS headers that a forwarded answer would.

use super::{GRANTED, OTHER, PAGE, cors, from, policy, preflight, request};
use portico_dataplane::config::Limits;
use portico_tests::{
    backend::{Backend, Reply, Stage, front_door, route, service},
    edge::{Edge, Setup},
    wire::{Message, Wire, ask},
};

const SECRET: &str =
    "requestHeaders: {set: [{name: x-key, valueFrom: {secretKeyRef: {name: none, key: k}}}]}";
const UPGRADE: &str = "|Connection: Upgrade|Upgrade: websocket";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAccess-Control-Allow-Origin: *\r\n\r\n";
/// What the FrontDoor's policy grants, which no Route inherits here.
const BY_DEFAULT: &[&str] =
    &["allow-origin: https://app.example.com", "expose-headers: x-request-id"];

/// An edge with a Route for each way to be answered, under `/<name>`, and its backends.
struct Ways {
    edge: Edge,
    backend: Backend,
    _silent: Stage,
}

impl Ways {
    async fn open() -> Self {
        let to = |name: &str| format!("backends: [{{service: {{name: {name}, port: 80}}}}]");
        let under = |name: &str, spec: &str| {
            let cors = policy("");
            route(name, &format!("matches: [{{path: /{name}}}]\n{spec}\n{cors}"))
        };
        let silent = Stage::open().await.unwrap();
        let backend = Backend::scripted(|request| match request.target() {
            "/up" if request.field("upgrade") == "websocket" => Reply::raw(SWITCH),
            "/up" => Reply::ok("ok"),
            _ => Reply::raw("no HTTP\r\n\r\n").then_close(),
        });
        let backend = backend.await.unwrap();
        let limits = Limits {
            body_bytes: Some(10),
            uri_bytes: 1000,
            head_bytes: 4000,
            head_fields: 30,
            ..Limits::default()
        };
        let manifests = [
            front_door(&policy("exposeHeaders: [x-request-id]")),
            under("redirect", "redirect: {host: elsewhere.example}"),
            under("respond", "respond: {status: 403, body: denied}"),
            under("secret", &format!("{}\n{SECRET}", to("up"))),
            under("none", &to("none")),
            under("down", &to("down")),
            under("silent", &format!("{}\ntimeouts: {{request: 100ms}}", to("silent"))),
            under("broken", &to("up")),
            under("up", &to("up")),
            service("down", "http", &[crate::upstreams::nobody().await]),
            service("silent", "http", &[silent.address().unwrap()]),
            service("up", "http", &[backend.address()]),
        ];
        let setup = Setup { limits, ..Setup::default() };
        let edge = Edge::start_with(setup, &manifests.concat()).await.unwrap();
        Self { edge, backend, _silent: silent }
    }

    async fn ask(&self, text: &str, behind: &str) -> Message {
        ask(self.edge.address(), request(text) + behind).await.unwrap()
    }
}

#[tokio::test]
async fn rule_19_an_answer_of_the_edges_own_is_readable() {
    let ways = Ways::open().await;
    for (text, body, status, reason, granted) in [
        ("GET /redirect", "", 302, "", GRANTED),
        ("GET /respond", "", 403, "", GRANTED),
        ("GET /secret", "", 503, "NotResolved", GRANTED),
        ("GET /none", "", 503, "NoEndpoint", GRANTED),
        ("GET /down", "", 502, "ConnectFailed", GRANTED),
        ("GET /broken", "", 502, "BackendMalformed", GRANTED),
        ("GET /silent", "", 504, "BackendTimeout", GRANTED),
        ("GET /up|Via: 1.1 portico-test", "", 508, "Loop", GRANTED),
        ("POST /up|Content-Length: 11", "hello world", 413, "BodyTooLarge", GRANTED),
        (
            "POST /up|Transfer-Encoding: chunked",
            "b\r\nhello world\r\n0\r\n\r\n",
            413,
            "BodyTooLarge",
            GRANTED,
        ),
        ("POST /up|Transfer-Encoding: chunked", "zz\r\n", 400, "BodyBroken", GRANTED),
        ("GET /up", "", 200, "", GRANTED),
        ("GET /elsewhere", "", 404, "NoRoute", BY_DEFAULT),
        ("GET /a%zz", "", 400, "InvalidPath", BY_DEFAULT),
        ("OPTIONS *", "", 404, "NoRoute", BY_DEFAULT),
    ] {
        for (origin, lines) in [
            (format!("|Origin: {PAGE}"), granted),
            (format!("|Origin: {OTHER}"), &[]),
            ("|Origin: http://www.ep.com".to_owned(), &[]),
            (String::new(), &[]),
        ] {
            let answer = ways.ask(&format!("{text}{origin}"), body).await;
            let what = format!("{text}{origin}");
            assert_eq!(answer.status(), status, "{what}: {answer:?}");
            assert_eq!(answer.reason(), reason, "{what}");
            assert_eq!(cors(&answer), lines, "{what}");
            assert_eq!(answer.fields("vary"), ["Origin"], "{what}");
        }
    }
}

#[tokio::test]
async fn rule_19_a_switch_of_protocols_too() {
    let ways = Ways::open().await;
    for (origin, lines) in [(PAGE, GRANTED), (OTHER, &[]), ("http://www.ep.com", &[])] {
        let answer = ways.ask(&format!("GET /up{UPGRADE}|Origin: {origin}"), "").await;
        assert_eq!(answer.status(), 101, "{origin}");
        assert_eq!(cors(&answer), lines, "{origin}");
        assert_eq!(answer.fields("vary"), ["Origin"], "{origin}");
    }
}

#[tokio::test]
async fn rule_19_without_a_route_the_default_policy_rejects() {
    let edge = Edge::start(&front_door(&policy("disallowedOrigin: Reject"))).await.unwrap();
    for target in ["/none", "/a%zz"] {
        let answer = ask(edge.address(), from(OTHER, &format!("GET {target}"))).await.unwrap();
        crate::assert_problem(&answer, 403, "CorsOrigin");
        assert!(cors(&answer).is_empty());
        assert_eq!(answer.fields("vary"), ["Origin"]);
    }
    let answer = ask(edge.address(), from(PAGE, "GET /none")).await.unwrap();
    crate::assert_problem(&answer, 404, "NoRoute");
    assert_eq!(cors(&answer), GRANTED);
}

#[tokio::test]
async fn rule_19_without_a_default_policy_a_404_has_none() {
    let app = route("app", &format!("matches: [{{path: /a}}]\nrespond: {{}}\n{}", policy("")));
    let edge = Edge::start(&(front_door("") + &app)).await.unwrap();
    for request in [from(PAGE, "GET /none"), preflight(PAGE, "PUT", "/none", &[])] {
        let answer = ask(edge.address(), request).await.unwrap();
        crate::assert_problem(&answer, 404, "NoRoute");
        assert!(cors(&answer).is_empty() && answer.fields("vary").is_empty(), "{}", answer.head);
    }
}

#[tokio::test]
async fn rule_19_before_a_host_is_chosen_there_is_no_policy() {
    let ways = Ways::open().await;
    let origin = format!("Origin: {PAGE}");
    let long = "a".repeat(1000);
    let large = "b".repeat(4000);
    let many = "|x: y".repeat(30);
    for (text, status) in [
        (format!("GET /up|Host: other.example|{origin}"), 404),
        (format!("GET /up|Host: a b|{origin}"), 400),
        (format!("GET /up|{origin}|Host: www.ep.com"), 400),
        (format!("GET /{long}|{origin}"), 414),
        (format!("GET /up|X-Large: {large}|{origin}"), 431),
        (format!("GET /up|{origin}{many}"), 431),
        (format!("GET /up|{origin}|no field"), 400),
        (format!("POST /up|{origin}|Content-Length: 1|Transfer-Encoding: chunked"), 400),
        (format!("POST /up|{origin}|Transfer-Encoding: gzip"), 501),
        (format!("CONNECT www.ep.com:443|{origin}"), 405),
    ] {
        let answer = ways.ask(&text, "").await;
        assert_eq!(answer.status(), status, "{text}: {answer:?}");
        assert!(cors(&answer).is_empty(), "{text}: {}", answer.head);
        assert!(answer.fields("vary").is_empty(), "{text}: {}", answer.head);
    }
}

/// What goes wrong with a body that the backend waits for is told to the page as well.
#[tokio::test]
async fn rule_19_a_body_that_stops_coming_too() {
    let ways = Ways::open().await;
    let slow = route(
        "slow",
        &format!(
            "matches: [{{path: /slow}}]\nbackends: [{{service: {{name: up, port: 80}}}}]\ntimeouts: {{request: 200ms}}\n{}",
            policy("")
        ),
    );
    let up = service("up", "http", &[ways.backend.address()]);
    ways.edge.serve(&[front_door(""), up, slow].concat()).await.unwrap();
    let mut wire = Wire::connect(ways.edge.address()).await.unwrap();
    wire.send(from(PAGE, "POST /slow|Content-Length: 5")).await.unwrap();
    let answer = wire.read_answer("POST").await.unwrap();
    crate::assert_problem(&answer, 408, "BodyTimeout");
    assert_eq!(cors(&answer), GRANTED);
    assert_eq!(answer.fields("vary"), ["Origin"]);
}
