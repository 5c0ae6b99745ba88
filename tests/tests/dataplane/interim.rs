//! Interim responses of backends, such as 103 (RFC 8297), on their way to clients.

use bytes::Bytes;
use h2::{client::SendRequest, ext::Protocol};
use http::{HeaderMap, Request, Response, StatusCode};
use portico_tests::{
    backend::{Stage, front_door, route, service},
    edge::Edge,
    wire::{PATIENCE, Wire},
};
use std::{future::poll_fn, net::SocketAddr, sync::Arc};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    time::timeout,
};

const FIRST: &[(&str, &str)] = &[
    ("link", "<http://app.web.svc/users/a.css>; rel=preload; as=style"),
    ("link", "</users/b.js>; rel=modulepreload, <//cdn.example>; rel=preconnect"),
    ("content-security-policy", "style-src: self"),
    ("x-kept", "1"),
    // What only a final response carries, or the edge says.
    ("set-cookie", "a=1; Domain=app.web.svc"),
    ("access-control-allow-origin", "*"),
    ("portico-cors", "theirs"),
    ("x-request-id", "theirs"),
    ("strict-transport-security", "max-age=1"),
    ("x-removed", "1"),
    ("x-set", "theirs"),
];

const SECOND: &[(&str, &str)] = &[("link", "</users/c.css>; rel=preload; as=style")];

/// A backend that sends 100, 103 and 103 to each request, and the final response when it may.
struct Hinting {
    address: SocketAddr,
    may_answer: Arc<Notify>,
}

fn head_of(fields: &[(&str, &str)], beside: &str) -> String {
    let lines: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 103 Early Hints\r\n{lines}{beside}\r\n")
}

fn hint_of(fields: &[(&str, &str)]) -> Response<()> {
    let mut hint = Response::builder().status(StatusCode::EARLY_HINTS);
    for (name, value) in fields {
        hint = hint.header(*name, *value);
    }
    hint.body(()).unwrap()
}

impl Hinting {
    async fn over_http_1() -> Self {
        let stage = Stage::open().await.unwrap();
        let (address, may_answer) = (stage.address().unwrap(), Arc::new(Notify::new()));
        let may = may_answer.clone();
        tokio::spawn(async move {
            while let Ok(mut wire) = stage.accept().await {
                let may = may.clone();
                tokio::spawn(async move {
                    while let Ok(Some(_)) = wire.read_request().await {
                        let hop = "Connection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 5\r\n";
                        let hints = head_of(FIRST, hop) + &head_of(SECOND, "");
                        wire.send("HTTP/1.1 100 Continue\r\n\r\n".to_owned() + &hints)
                            .await
                            .unwrap();
                        may.notified().await;
                        let last = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Last: 1\r\n\r\nok";
                        wire.send(last).await.unwrap();
                    }
                });
            }
        });
        Self { address, may_answer }
    }

    async fn over_http_2() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, may_answer) = (listener.local_addr().unwrap(), Arc::new(Notify::new()));
        let may = may_answer.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let may = may.clone();
                tokio::spawn(async move {
                    let mut connection = h2::server::handshake(socket).await.unwrap();
                    while let Some(Ok((request, mut respond))) = connection.accept().await {
                        let may = may.clone();
                        tokio::spawn(async move {
                            let go_on = Response::builder().status(100).body(()).unwrap();
                            respond.send_informational(go_on).unwrap();
                            respond.send_informational(hint_of(FIRST)).unwrap();
                            respond.send_informational(hint_of(SECOND)).unwrap();
                            may.notified().await;
                            let last = Response::builder().header("x-last", "1").body(()).unwrap();
                            let is_head = request.method() == "HEAD";
                            let mut body = respond.send_response(last, is_head).unwrap();
                            if !is_head {
                                body.send_data("ok".into(), true).unwrap();
                            }
                        });
                    }
                });
            }
        });
        Self { address, may_answer }
    }

    async fn edge(&self, protocol: &str) -> Edge {
        let spec = "backends: [{service: {name: app, port: 80}}]
matches: [{path: /api/user/*}]
rewrite: {path: /users/*, host: Backend}
responseHeaders: {remove: [x-removed], set: [{name: x-set, value: edge}], add: [{name: x-added, value: edge}]}
cors: {allowOrigins: ['https://app.ep.com']}";
        let services = service("app", protocol, &[self.address]);
        Edge::start(&[front_door(""), services, route("app", spec)].concat()).await.unwrap()
    }
}

/// The fields of the first hint as a client gets them.
fn assert_first(status: u16, fields: &HeaderMap) {
    assert_eq!(status, 103);
    let mut lines: Vec<_> =
        fields.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "content-security-policy: style-src: self",
            "link: </api/user/b.js>; rel=modulepreload, <//cdn.example>; rel=preconnect",
            "link: <http://www.ep.com/api/user/a.css>; rel=preload; as=style",
            "x-kept: 1",
        ]
    );
}

const TARGET: &str = "/api/user/1";

fn request(method: &str, version: &str, fields: &str) -> String {
    format!("{method} {TARGET} HTTP/{version}\r\nHost: www.ep.com\r\n{fields}\r\n")
}

/// Reads two hints, lets the backend answer, and reads that.
async fn ask_over_http_1(backend: &Hinting, client: &mut Wire, method: &str, fields: &str) {
    client.send(request(method, "1.1", fields)).await.unwrap();
    let first = client.read_answer(method).await.unwrap();
    assert_eq!(first.start_line(), "HTTP/1.1 103 Early Hints");
    let mut got = HeaderMap::new();
    for (name, value) in first.lines() {
        let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        got.append(name, value.parse().unwrap());
    }
    assert_first(first.status(), &got);
    let second = client.read_answer(method).await.unwrap();
    assert_eq!(
        second.head,
        "HTTP/1.1 103 Early Hints\r\nlink: </api/user/c.css>; rel=preload; as=style"
    );
    backend.may_answer.notify_one();
    let last = client.read_answer(method).await.unwrap();
    assert_eq!((last.status(), last.field("x-last").as_str()), (200, "1"));
    assert_eq!(last.field("x-set"), "edge");
    assert_eq!(last.text(), if method == "HEAD" { "" } else { "ok" });
}

async fn connect(edge: &Edge) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(edge.address()).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn ask_over_http_2(backend: &Hinting, sender: &SendRequest<Bytes>) {
    let mut sender = sender.clone().ready().await.unwrap();
    let request = Request::get(format!("http://www.ep.com{TARGET}")).body(()).unwrap();
    let (mut response, _) = sender.send_request(request, true).unwrap();
    let mut hint = async || {
        let hint = poll_fn(|cx| response.poll_informational(cx));
        timeout(PATIENCE, hint).await.expect("no hint").unwrap().unwrap()
    };
    let first = hint().await;
    assert_first(first.status().as_u16(), first.headers());
    let second = hint().await;
    assert_eq!(second.headers()["link"], "</api/user/c.css>; rel=preload; as=style");
    backend.may_answer.notify_one();
    let last = timeout(PATIENCE, response).await.expect("no answer").unwrap();
    assert_eq!((last.status(), &last.headers()["x-last"]), (StatusCode::OK, &"1".parse().unwrap()));
    let (mut body, mut text) = (last.into_body(), Vec::new());
    while let Some(data) = body.data().await {
        text.extend(data.unwrap());
    }
    assert_eq!(text, b"ok");
}

#[tokio::test]
async fn hints_pass_before_the_final_response_between_all_versions() {
    let both = [
        (Hinting::over_http_1().await, "http"),
        (Hinting::over_http_2().await, "kubernetes.io/h2c"),
    ];
    for (backend, protocol) in &both {
        let edge = backend.edge(protocol).await;
        let mut client = Wire::connect(edge.address()).await.unwrap();
        for method in ["GET", "HEAD", "GET"] {
            ask_over_http_1(backend, &mut client, method, "").await;
        }
        let sender = connect(&edge).await;
        for _ in 0..3 {
            ask_over_http_2(backend, &sender).await;
        }
        // Only final responses count.
        let of = |code| {
            format!("portico_requests_total{{route=\"web/app\",code=\"{code}\",reason=\"\"}}")
        };
        let all = async { while edge.metric::<u64>(&of(200)).await.unwrap() < 6 {} };
        let all = timeout(PATIENCE, all).await;
        let mut text = String::new();
        edge.dataplane.encode_metrics(&mut text).await;
        assert!(all.is_ok(), "{protocol}: {text}");
        assert!(!text.contains("code=\"103\""), "{text}");
    }
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_none() {
    let backend = Hinting::over_http_1().await;
    let edge = backend.edge("http").await;
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(request("GET", "1.0", "")).await.unwrap();
    backend.may_answer.notify_one();
    assert_eq!(client.read_answer("GET").await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_expectation_is_met_beside_hints() {
    let backend = Hinting::over_http_1().await;
    let edge = backend.edge("http").await;
    let mut client = Wire::connect(edge.address()).await.unwrap();
    for _ in 0..2 {
        let fields = "Content-Length: 4\r\nExpect: 100-continue\r\n";
        client.send(request("POST", "1.1", fields)).await.unwrap();
        assert_eq!(client.read_answer("POST").await.unwrap().status(), 100);
        client.send("body").await.unwrap();
        for _ in 0..2 {
            assert_eq!(client.read_answer("POST").await.unwrap().status(), 103);
        }
        backend.may_answer.notify_one();
        assert_eq!(client.read_answer("POST").await.unwrap().text(), "ok");
    }
}

/// Hints are for who reads them: others lose them, not their responses.
#[tokio::test]
async fn hints_do_not_pile_up_for_clients_that_do_not_read() {
    const CLIENTS: usize = 40;
    let stage = Stage::open().await.unwrap();
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    let services = service("app", "http", &[stage.address().unwrap()]);
    let edge = Edge::start(&[front_door(""), services, app].concat()).await.unwrap();
    // One reads nothing, over one connection of HTTP/2 with many requests.
    let mut settings = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    settings.extend(crate::http2::frames::frame(4, 0, 0, &[]));
    let mut silent = Wire::connect(edge.address()).await.unwrap();
    silent.send(settings).await.unwrap();
    let block: Vec<u8> =
        [(":method", "GET"), (":scheme", "http"), (":authority", "www.ep.com"), (":path", "/")]
            .iter()
            .flat_map(|(name, value)| crate::http2::frames::field(name, value))
            .collect();
    let mut backends = Vec::new();
    for n in 0..CLIENTS {
        let head = crate::http2::frames::frame(1, 5, 1 + 2 * n as u32, &block);
        silent.send(head).await.unwrap();
        let mut backend = stage.accept().await.unwrap();
        backend.read_request().await.unwrap().unwrap();
        backends.push(backend);
    }
    // 40 MiB, where each hint alone would have room.
    let link = format!("</{}>", "a".repeat(60_000));
    for _ in 0..15 {
        for backend in &mut backends {
            backend.send(head_of(&[("link", &link)], "")).await.unwrap();
        }
    }
    for backend in &mut backends {
        backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    }
    // Others are served, and nothing is lost but hints.
    let (mut heads, mut bytes) = (0, 0);
    while heads < CLIENTS {
        let head = silent.read(9).await.unwrap();
        assert_eq!(head.len(), 9, "closed");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        silent.read(length).await.unwrap();
        bytes += length;
        // DATA that ends its stream.
        heads += usize::from(head[3] == 0 && head[4] & 1 == 1);
    }
    assert!(bytes < 30 * 1024 * 1024, "{bytes}");
}

#[tokio::test]
async fn the_handshake_of_a_websocket_may_be_hinted_at() {
    let stage = Stage::open().await.unwrap();
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    let services = service("app", "http", &[stage.address().unwrap()]);
    let edge = Edge::start(&[front_door(""), services, app].concat()).await.unwrap();
    let backend = tokio::spawn(async move {
        let mut backend = stage.accept().await.unwrap();
        let request = backend.read_request().await.unwrap().unwrap();
        let key = request.field("sec-websocket-key");
        let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
        let switch = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        backend.send(head_of(SECOND, "") + &switch).await.unwrap();
        backend
    });
    let mut sender = connect(&edge).await.ready().await.unwrap();
    let mut request = Request::connect("http://www.ep.com/socket").body(()).unwrap();
    request.extensions_mut().insert(Protocol::from_static("websocket"));
    let (mut response, _stream) = sender.send_request(request, false).unwrap();
    let hint = timeout(PATIENCE, poll_fn(|cx| response.poll_informational(cx))).await.unwrap();
    assert_eq!(hint.unwrap().unwrap().headers()["link"], SECOND[0].1);
    assert_eq!(response.await.unwrap().status(), 200);
    backend.await.unwrap();
}
