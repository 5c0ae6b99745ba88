//! The same request gets the same answer over HTTP/1.1 and over HTTP/2, and the backend the same
//! request.

use super::{Answer, ask_whole, connect};
use http::{HeaderMap, Method, Request};
use portico_tests::{
    backend::{Backend, Reply, front_door, route, service},
    edge::Edge,
    wire::{self, Message},
};
use std::collections::BTreeMap;

struct Case {
    method: &'static str,
    host: &'static str,
    target: &'static str,
    fields: &'static [(&'static str, &'static str)],
    body: &'static str,
}

const fn case(method: &'static str, target: &'static str) -> Case {
    Case { method, host: "www.ep.com", target, fields: &[], body: "" }
}

const CASES: &[Case] = &[
    case("GET", "/"),
    case("GET", "/a%2fb/../c?d=e&f"),
    case("HEAD", "/"),
    case("HEAD", "/fixed"),
    case("GET", "/fixed"),
    case("GET", "/moved/x?y"),
    case("GET", "/empty"),
    case("GET", "/same"),
    case("GET", "/down"),
    case("GET", "/broken"),
    case("GET", "/chunked"),
    case("get", "/"),
    case("DELETE", "/"),
    case("OPTIONS", "*"),
    case("GET", "*"),
    case("TRACE", "/"),
    case("TRACK", "/"),
    case("GET", "/a/%2e%2e/b"),
    case("GET", "/%zz"),
    case("GET", "/%00"),
    case("GET", "/a\\b"),
    case("GET", "/a/..;x/b"),
    Case { host: "other.ep.com", ..case("GET", "/") },
    Case { host: "WWW.EP.COM.", ..case("GET", "/") },
    Case { host: "www.ep.com:8080", ..case("GET", "/moved") },
    Case { host: "www.ep.com:99999", ..case("GET", "/") },
    Case { host: "www.ep.com:", ..case("GET", "/") },
    Case { host: "a.test,b.test", ..case("GET", "/") },
    Case { host: "*.ep.com", ..case("GET", "/") },
    Case { body: "a=b", ..case("POST", "/") },
    Case { body: "a=b", ..case("PUT", "/moved") },
    Case { fields: &[("cookie", "a=1; b=2")], ..case("GET", "/") },
    Case { fields: &[("via", "1.1 portico-test")], ..case("GET", "/") },
    Case {
        fields: &[("x-forwarded-for", "192.0.2.1"), ("x-real-ip", "192.0.2.1")],
        ..case("GET", "/")
    },
    Case { fields: &[("x_a", "b"), ("x-a", "\u{e9}"), ("x-empty", "")], ..case("GET", "/") },
    Case { fields: &[("te", "trailers")], ..case("GET", "/") },
    Case { fields: &[("range", "bytes=0-1"), ("accept-encoding", "gzip")], ..case("GET", "/") },
    Case { fields: &[("max-forwards", "0")], ..case("OPTIONS", "/") },
    Case {
        fields: &[
            ("origin", "https://app.ep.com"),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "x-a"),
        ],
        ..case("OPTIONS", "/")
    },
    Case { fields: &[("origin", "https://app.ep.com")], ..case("GET", "/") },
    Case { fields: &[("origin", "https://evil.example")], ..case("GET", "/") },
];

/// What must be the same of an answer: status, fields, body.
type Seen = (u16, BTreeMap<String, Vec<String>>, Vec<u8>);

fn seen<'a>(
    status: u16,
    fields: impl Iterator<Item = (&'a str, String)>,
    body: &[u8],
    request_id: &str,
) -> Seen {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in fields {
        // They concern one connection or one request.
        let is_own = ["connection", "transfer-encoding", "date", "x-request-id"];
        let name = name.to_ascii_lowercase();
        if !is_own.contains(&&*name) {
            all.entry(name).or_default().push(value);
        }
    }
    let body = String::from_utf8_lossy(body).replace(request_id, "ID").into_bytes();
    (status, all, body)
}

fn seen_http1(answer: &Message) -> Seen {
    let fields = answer.lines().map(|(name, value)| (name, value.to_owned()));
    assert!(!answer.field("date").is_empty());
    seen(answer.status(), fields, &answer.body, &answer.field("x-request-id"))
}

fn seen_http2(answer: &Answer) -> Seen {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let fields = answer.headers.iter().map(|(name, value)| (name.as_str(), text(value)));
    assert_eq!(answer.reset, None, "{answer:?}");
    assert!(answer.headers.contains_key("date"));
    seen(answer.status.as_u16(), fields, &answer.body, answer.field("x-request-id"))
}

/// What must be the same of a request as the backend gets it.
fn forwarded(requests: &[Message]) -> Vec<(String, Seen)> {
    let of = |request: &Message| {
        let fields = request.lines().filter(|(name, _)| !name.eq_ignore_ascii_case("via"));
        let fields = fields.map(|(name, value)| (name, value.to_owned()));
        let body = seen(0, fields, &request.body, &request.field("x-request-id"));
        (request.start_line().to_owned(), body)
    };
    requests.iter().map(of).collect()
}

async fn http1(edge: &Edge, case: &Case) -> Message {
    let mut head = format!("{} {} HTTP/1.1\r\nhost: {}\r\n", case.method, case.target, case.host);
    for (name, value) in case.fields {
        head += &format!("{name}: {value}\r\n");
    }
    if !case.body.is_empty() {
        head += &format!("content-length: {}\r\n", case.body.len());
    }
    wire::ask(edge.address(), format!("{head}\r\n{}", case.body)).await.unwrap()
}

async fn http2(edge: &Edge, case: &Case) -> Answer {
    let sender = connect(edge).await;
    let uri = http::Uri::builder().scheme("http").authority(case.host).path_and_query(case.target);
    let mut request = Request::builder()
        .method(Method::from_bytes(case.method.as_bytes()).unwrap())
        .uri(uri.build().unwrap());
    for (name, value) in case.fields {
        request = request.header(*name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    if !case.body.is_empty() {
        request = request.header("content-length", case.body.len());
    }
    let request = request.body(()).unwrap();
    ask_whole(&sender, request, case.body.as_bytes(), HeaderMap::new()).await
}

fn script(request: &Message) -> Reply {
    match request.target() {
        "/empty" => Reply::raw("HTTP/1.1 204 No Content\r\nx-a: b\r\n\r\n"),
        "/same" => {
            Reply::raw("HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\nContent-Length: 9\r\n\r\n")
        }
        "/broken" => Reply::raw("HTTP/1.1 200 OK\r\nbroken\r\n\r\n").then_close(),
        "/chunked" => Reply::raw(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\nConnection: x-own\r\nx-own: 1\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ),
        _ if request.method() == "HEAD" => {
            Reply::raw("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
        }
        _ => Reply::ok("served"),
    }
}

async fn edge(backend: &Backend) -> Edge {
    let app = "backends: [{service: {name: app, port: 80}}]";
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let cors = "cors: {allowOrigins: ['https://app.ep.com'], allowMethods: [GET, PUT], allowHeaders: [x-a], disallowedOrigin: Reject}";
    let manifests = [
        front_door(""),
        service("app", "http", &[backend.address()]),
        service("down", "http", &[closed]),
        route("app", &format!("{app}\n{cors}")),
        route("fixed", "matches: [{path: /fixed}]\nrespond: {status: 200, body: fixed}"),
        route("moved", "matches: [{path: '/moved/*'}]\nredirect: {scheme: https, status: 308}"),
        route("down", "matches: [{path: /down}]\nbackends: [{service: {name: down, port: 80}}]"),
    ];
    Edge::start(&manifests.concat()).await.unwrap()
}

#[tokio::test]
async fn the_version_makes_no_difference() {
    let backend = Backend::scripted(script).await.unwrap();
    let edge = edge(&backend).await;
    for case in CASES {
        let name = format!("{} {} {} {:?}", case.method, case.host, case.target, case.fields);
        let old = seen_http1(&http1(&edge, case).await);
        let to_backend = backend.take();
        let new = seen_http2(&http2(&edge, case).await);
        assert_eq!(new, old, "{name}");
        assert_eq!(forwarded(&backend.take()), forwarded(&to_backend), "{name}");
    }
}
