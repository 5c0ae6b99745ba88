//! WebSockets to backends that speak HTTP/2 (RFC 8441).

use super::{
    http2_peer::{END_HEADERS, HEADERS, OK, SETTINGS},
    is, outcome,
    tls::acceptor,
};
use crate::http2::frames::frame;
use bytes::Bytes;
use h2::{
    Reason, RecvStream, SendStream, client::SendRequest, ext::Protocol, server::SendResponse,
};
use http::{Method, Request, Response, StatusCode};
use portico_tests::{
    backend::{front_door, route, service},
    edge::Edge,
    wire::{PATIENCE, Stream, Wire, ask, get},
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Mutex, mpsc},
    time::timeout,
};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

fn handshake() -> String {
    get(
        "/socket?q",
        &format!(
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat\r\n"
        ),
    )
}

type Got = (Request<RecvStream>, SendResponse<Bytes>);

/// A backend whose requests a test answers.
struct Backend {
    address: SocketAddr,
    got: Mutex<mpsc::UnboundedReceiver<Got>>,
}

/// Serves one connection; other requests than CONNECT get a 200.
async fn serve(io: impl Stream + 'static, has_connect: bool, got: mpsc::UnboundedSender<Got>) {
    let mut builder = h2::server::Builder::new();
    if has_connect {
        builder.enable_connect_protocol();
    }
    let Ok(mut connection) = builder.handshake(io).await else { return };
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        if request.method() == Method::CONNECT {
            let _ = got.send((request, respond));
        } else {
            respond.send_response(Response::new(()), true).unwrap();
        }
    }
}

impl Backend {
    /// Over TLS if it has any `protocols`, else with prior knowledge.
    async fn start(has_connect: bool, protocols: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, got) = mpsc::unbounded_channel();
        let tls = (!protocols.is_empty()).then(|| Arc::new(acceptor(protocols)));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (sender, tls) = (sender.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(socket, has_connect, sender).await,
                        Some(tls) => {
                            let Ok(io) = tls.accept(socket).await else { return };
                            serve(io, has_connect, sender).await;
                        }
                    }
                });
            }
        });
        Self { address, got: Mutex::new(got) }
    }

    async fn edge(&self, protocol: &str, spec: &str) -> Edge {
        let spec = format!("backends: [{{service: {{name: app, port: 80}}}}]\n{spec}");
        let services = service("app", protocol, &[self.address]);
        Edge::start(&[front_door(""), services, route("app", &spec)].concat()).await.unwrap()
    }

    /// The next extended CONNECT.
    async fn connect(&self) -> Got {
        let mut got = self.got.lock().await;
        timeout(PATIENCE, got.recv()).await.expect("no CONNECT").unwrap()
    }

    /// Accepts the next one, after a look at it.
    async fn accept(&self, scheme: &str) -> (RecvStream, SendStream<Bytes>) {
        let (request, mut respond) = self.connect().await;
        let protocol = request.extensions().get::<Protocol>().unwrap();
        assert_eq!(protocol.as_str(), "websocket");
        assert_eq!(request.uri().to_string(), format!("{scheme}://www.ep.com/socket?q"));
        let headers = request.headers();
        for (name, value) in [("sec-websocket-version", "13"), ("sec-websocket-protocol", "chat")] {
            assert_eq!(headers[name], value, "{headers:?}");
        }
        for absent in ["connection", "upgrade", "sec-websocket-key", "host", "content-length"] {
            assert!(!headers.contains_key(absent), "{headers:?}");
        }
        assert!(headers.contains_key("x-forwarded-for") && headers.contains_key("via"));
        assert!(!request.body().is_end_stream());
        let response = Response::builder().header("sec-websocket-protocol", "chat");
        let stream = respond.send_response(response.body(()).unwrap(), false).unwrap();
        (request.into_body(), stream)
    }
}

/// Everything that comes until the end, or so many bytes.
async fn read(body: &mut RecvStream, length: usize) -> Vec<u8> {
    let mut read = Vec::new();
    while read.len() < length {
        let Some(data) = timeout(PATIENCE, body.data()).await.expect("nothing comes") else {
            break;
        };
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        read.extend(data);
    }
    read
}

async fn send(stream: &mut SendStream<Bytes>, bytes: &[u8], is_last: bool) {
    // The window may be smaller: h2 keeps what waits.
    stream.send_data(Bytes::copy_from_slice(bytes), is_last).unwrap();
}

/// A client over HTTP/1.1, and the backend's ends.
async fn open(
    backend: &Backend,
    edge: &Edge,
    scheme: &str,
) -> (Wire, RecvStream, SendStream<Bytes>) {
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(handshake()).await.unwrap();
    let (body, stream) = backend.accept(scheme).await;
    let answer = client.read_answer("GET").await.unwrap();
    assert_eq!(answer.start_line(), "HTTP/1.1 101 Switching Protocols");
    for (name, value) in [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-accept", ACCEPT),
        ("sec-websocket-protocol", "chat"),
    ] {
        assert_eq!(answer.field(name), value, "{}", answer.head);
    }
    (client, body, stream)
}

async fn over_http_2(edge: &Edge) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(edge.address()).await.unwrap();
    let (sender, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    sender.ready().await.unwrap()
}

fn extended_connect() -> Request<()> {
    let mut request = Request::connect("http://www.ep.com/socket?q")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "chat")
        .body(())
        .unwrap();
    request.extensions_mut().insert(Protocol::from_static("websocket"));
    request
}

#[tokio::test]
async fn bytes_pass_both_ways_until_either_side_ends() {
    for (protocols, protocol, scheme) in
        [(&[][..], "kubernetes.io/h2c", "http"), (&["h2"], "https", "https")]
    {
        let backend = Backend::start(true, protocols).await;
        let edge = backend.edge(protocol, "").await;
        let (mut client, mut body, mut stream) = open(&backend, &edge, scheme).await;
        for n in 0..5_u8 {
            client.send([n; 100_000]).await.unwrap();
            assert_eq!(read(&mut body, 100_000).await, [n; 100_000]);
            send(&mut stream, &[n ^ 255; 100_000], false).await;
            assert_eq!(client.read(100_000).await.unwrap(), [n ^ 255; 100_000]);
        }
        client.send("bye").await.unwrap();
        client.shut().await.unwrap();
        assert_eq!(read(&mut body, usize::MAX).await, b"bye");
        // Which can still be answered, and other requests share the connection.
        assert_eq!(outcome(&edge).await.0, 200);
        send(&mut stream, b"farewell", true).await;
        assert_eq!(client.read_to_end().await.unwrap(), b"farewell");
    }
}

#[tokio::test]
async fn they_pass_from_clients_over_http_2_too() {
    let backend = Backend::start(true, &[]).await;
    let edge = backend.edge("kubernetes.io/h2c", "").await;
    let mut sender = over_http_2(&edge).await;
    let (response, mut to_backend) = sender.send_request(extended_connect(), false).unwrap();
    let (mut body, mut stream) = backend.accept("http").await;
    let response = timeout(PATIENCE, response).await.unwrap().unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    for absent in ["connection", "upgrade", "sec-websocket-accept"] {
        assert!(!response.headers().contains_key(absent), "{:?}", response.headers());
    }
    let mut from_backend = response.into_body();
    for n in 0..3_u8 {
        send(&mut to_backend, &[n; 100_000], false).await;
        assert_eq!(read(&mut body, 100_000).await, [n; 100_000]);
        send(&mut stream, &[n ^ 255; 100_000], false).await;
        assert_eq!(read(&mut from_backend, 100_000).await, [n ^ 255; 100_000]);
    }
    send(&mut stream, b"last", true).await;
    assert_eq!(read(&mut from_backend, usize::MAX).await, b"last");
    send(&mut to_backend, b"bye", true).await;
    assert_eq!(read(&mut body, usize::MAX).await, b"bye");
}

#[tokio::test]
async fn whichever_end_resets_the_other_is_ended() {
    let backend = Backend::start(true, &[]).await;
    let edge = backend.edge("kubernetes.io/h2c", "").await;
    let (mut client, _body, mut stream) = open(&backend, &edge, "http").await;
    stream.send_reset(Reason::INTERNAL_ERROR);
    assert!(client.read_to_end().await.unwrap().is_empty());
    // A client that leaves.
    let mut sender = over_http_2(&edge).await;
    let (response, mut to_backend) = sender.send_request(extended_connect(), false).unwrap();
    let (mut body, _stream) = backend.accept("http").await;
    let _response = timeout(PATIENCE, response).await.unwrap().unwrap();
    to_backend.send_reset(Reason::CANCEL);
    let ended = timeout(PATIENCE, body.data()).await.expect("the backend goes on");
    assert!(ended.is_none_or(|data| data.is_err()));
    assert_eq!(outcome(&edge).await.0, 200);
}

#[tokio::test]
async fn a_silent_one_is_closed() {
    let backend = Backend::start(true, &[]).await;
    let edge = backend.edge("kubernetes.io/h2c", "timeouts: {idle: 500ms}").await;
    let (mut client, mut body, mut stream) = open(&backend, &edge, "http").await;
    send(&mut stream, b"x", false).await;
    assert_eq!(client.read_to_end().await.unwrap(), b"x");
    let ended = timeout(PATIENCE, body.data()).await.expect("the backend goes on");
    assert!(ended.is_none_or(|data| data.is_err()));
}

/// A client that does not read holds up the backend, and nothing else.
#[tokio::test]
async fn a_backend_sends_only_as_fast_as_the_client_reads() {
    let backend = Backend::start(true, &[]).await;
    let edge = backend.edge("kubernetes.io/h2c", "").await;
    let (mut client, _body, mut stream) = open(&backend, &edge, "http").await;
    const TOTAL: usize = 64 * 1024 * 1024;
    stream.reserve_capacity(TOTAL);
    let mut sent = 0;
    let room = async |stream: &mut SendStream<Bytes>| {
        std::future::poll_fn(|cx| stream.poll_capacity(cx)).await.unwrap().unwrap()
    };
    while let Ok(room) = timeout(Duration::from_millis(700), room(&mut stream)).await {
        let room = room.min(stream.capacity());
        stream.send_data(vec![b'x'; room].into(), false).unwrap();
        sent += room;
    }
    assert!(sent < TOTAL / 2, "{sent}");
    assert_eq!(outcome(&edge).await.0, 200);
    assert_eq!(client.read(sent).await.unwrap().len(), sent);
}

#[tokio::test]
async fn a_declined_one_is_an_answer_like_any_other() {
    let backend = Backend::start(true, &[]).await;
    let edge = backend.edge("kubernetes.io/h2c", "").await;
    let mut client = Wire::connect(edge.address()).await.unwrap();
    for _ in 0..2 {
        client.send(handshake()).await.unwrap();
        let (request, mut respond) = backend.connect().await;
        let head = Response::builder().status(403).body(()).unwrap();
        let mut stream = respond.send_response(head, false).unwrap();
        stream.send_data("no".into(), true).unwrap();
        let answer = client.read_answer("GET").await.unwrap();
        assert_eq!((answer.status(), answer.text().as_str()), (403, "no"));
        assert!(answer.fields("sec-websocket-accept").is_empty(), "{}", answer.head);
        // The backend is not left waiting for more.
        let mut body = request.into_body();
        assert!(read(&mut body, usize::MAX).await.is_empty());
        client.send(get("/", "")).await.unwrap();
        assert_eq!(client.read_answer("GET").await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn one_that_a_backend_does_not_announce_is_501_and_not_sent() {
    for (protocols, protocol) in [(&[][..], "kubernetes.io/h2c"), (&["h2"], "https")] {
        let backend = Backend::start(false, protocols).await;
        let edge = backend.edge(protocol, "").await;
        for _ in 0..2 {
            let answer = ask(edge.address(), handshake()).await.unwrap();
            assert_eq!((answer.status(), answer.reason()), is(501, "UpgradeUnsupported"));
            let mut sender = over_http_2(&edge).await;
            let (response, _stream) = sender.send_request(extended_connect(), false).unwrap();
            assert_eq!(timeout(PATIENCE, response).await.unwrap().unwrap().status(), 501);
            assert_eq!(outcome(&edge).await.0, 200);
        }
        assert!(backend.got.lock().await.try_recv().is_err());
    }
}

#[tokio::test]
async fn a_request_that_is_no_handshake_is_501() {
    let backend = Backend::start(true, &[]).await;
    let edge = backend.edge("kubernetes.io/h2c", "").await;
    for key in ["", "Sec-WebSocket-Key: short\r\n"] {
        let fields = format!("Connection: upgrade\r\nUpgrade: websocket\r\n{key}");
        let answer = ask(edge.address(), get("/", &fields)).await.unwrap();
        assert_eq!((answer.status(), answer.reason()), is(501, "UpgradeUnsupported"));
    }
    assert!(backend.got.lock().await.try_recv().is_err());
}

/// Reads frames until that of a head has come.
async fn head_comes(wire: &mut Wire) {
    loop {
        let head = wire.read(9).await.unwrap();
        assert_eq!(head.len(), 9, "closed");
        let length = u16::from_be_bytes([head[1], head[2]]);
        wire.read(usize::from(length)).await.unwrap();
        if head[3] == HEADERS {
            return;
        }
    }
}

/// Nothing is sent before the backend has said that it may be, and it has not for ever.
#[tokio::test]
async fn settings_are_waited_for_as_long_as_a_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let backend = Backend {
        address: listener.local_addr().unwrap(),
        got: Mutex::new(mpsc::unbounded_channel().1),
    };
    let edge = backend.edge("kubernetes.io/h2c", "timeouts: {connect: 500ms}").await;
    let asked = tokio::spawn(ask(edge.address(), handshake()));
    let (silent, _) = listener.accept().await.unwrap();
    let answer = asked.await.unwrap().unwrap();
    assert_eq!((answer.status(), answer.reason()), is(504, "ConnectTimeout"));
    drop(silent);
    for (first, status) in [(&b""[..], 501), (&[0, 8, 0, 0, 0, 1], 101)] {
        let edge = backend.edge("kubernetes.io/h2c", "timeouts: {connect: 10s}").await;
        let asked = tokio::spawn(ask(edge.address(), handshake()));
        let (socket, _) = listener.accept().await.unwrap();
        let mut wire = Wire::new(socket);
        wire.read(24).await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        wire.send(frame(SETTINGS, 0, 0, first)).await.unwrap();
        if status == 101 {
            head_comes(&mut wire).await;
            wire.send(frame(HEADERS, END_HEADERS, 1, OK)).await.unwrap();
        }
        let answer = timeout(PATIENCE, asked).await.unwrap().unwrap().unwrap();
        assert_eq!(answer.status(), status);
    }
}
