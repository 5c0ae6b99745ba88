//! Connections that leave HTTP: WebSockets pass, nothing else does.

use portico_tests::{
    backend::{Backend, Reply, Stage, front_door, one_route, route, service},
    edge::Edge,
    wire::{Wire, ask, get},
};

const ASK: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A Route over a stage of ours, with further lines of its spec.
async fn staged(spec: &str) -> (Stage, Edge) {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), spec)).await.unwrap();
    (stage, edge)
}

/// Both ends of a connection that has left HTTP.
async fn upgraded(stage: &Stage, edge: &Edge) -> (Wire, Wire) {
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(get("/socket", ASK)).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    backend.send(SWITCH).await.unwrap();
    assert_eq!(client.read_answer("GET").await.unwrap().status(), 101);
    (client, backend)
}

#[tokio::test]
async fn the_handshake_passes_whole() {
    let (stage, edge) = staged("rewrite: {path: /ws, host: Backend}").await;
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client
        .send(get(
            "/socket?q",
            &format!("{ASK}Origin: http://www.ep.com\r\nSec-WebSocket-Protocol: chat\r\n"),
        ))
        .await
        .unwrap();
    let mut backend = stage.accept().await.unwrap();
    let request = backend.read_request().await.unwrap().unwrap();
    assert_eq!(request.start_line(), "GET /ws?q HTTP/1.1");
    for (name, value) in [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
        ("sec-websocket-protocol", "chat"),
        ("host", "app.web.svc"),
        ("origin", "http://app.web.svc"),
        ("x-forwarded-for", "127.0.0.1"),
        ("via", "1.1 portico-test"),
    ] {
        assert_eq!(request.field(name), value, "{name}");
    }
    backend.send(SWITCH).await.unwrap();
    let answer = client.read_answer("GET").await.unwrap();
    assert_eq!(answer.start_line(), "HTTP/1.1 101 Switching Protocols");
    for (name, value) in [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    ] {
        assert_eq!(answer.field(name), value, "{name}");
    }
    assert_eq!(answer.field("x-request-id"), request.field("x-request-id"));
}

#[tokio::test]
async fn bytes_pass_both_ways() {
    let (stage, edge) = staged("").await;
    let (mut client, mut backend) = upgraded(&stage, &edge).await;
    for n in 0..5_u8 {
        client.send([n; 1000]).await.unwrap();
        assert_eq!(backend.read(1000).await.unwrap(), [n; 1000]);
        backend.send([n ^ 255; 70_000]).await.unwrap();
        assert_eq!(client.read(70_000).await.unwrap(), [n ^ 255; 70_000]);
    }
}

#[tokio::test]
async fn real_websockets_talk() {
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::Message;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let edge = Edge::start(&one_route(listener.local_addr().unwrap(), "")).await.unwrap();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut server = tokio_tungstenite::accept_async(socket).await.unwrap();
        while let Some(Ok(message)) = server.next().await {
            if message.is_binary() {
                server.send(message).await.unwrap();
            }
        }
    });
    let socket = tokio::net::TcpStream::connect(edge.address()).await.unwrap();
    let (mut client, _) =
        tokio_tungstenite::client_async("ws://www.ep.com/socket", socket).await.unwrap();
    for length in [0, 125, 126, 70_000, 1_000_000] {
        let message = Message::binary(vec![7; length]);
        client.send(message.clone()).await.unwrap();
        assert_eq!(client.next().await.unwrap().unwrap(), message);
    }
    client.close(None).await.unwrap();
    assert!(client.next().await.is_none_or(|last| last.is_ok_and(|last| last.is_close())));
}

#[tokio::test]
async fn bytes_right_behind_the_heads_are_not_lost() {
    let (stage, edge) = staged("").await;
    for _ in 0..10 {
        let mut client = Wire::connect(edge.address()).await.unwrap();
        client.send(get("/socket", ASK) + "client first").await.unwrap();
        let mut backend = stage.accept().await.unwrap();
        backend.read_request().await.unwrap().unwrap();
        backend.send(format!("{SWITCH}backend first")).await.unwrap();
        assert_eq!(client.read_answer("GET").await.unwrap().status(), 101);
        assert_eq!(client.read(13).await.unwrap(), b"backend first");
        assert_eq!(backend.read(12).await.unwrap(), b"client first");
        client.send("client second").await.unwrap();
        assert_eq!(backend.read(13).await.unwrap(), b"client second");
    }
}

#[tokio::test]
async fn whichever_end_closes_the_other_is_closed() {
    let (stage, edge) = staged("").await;
    let (mut client, backend) = upgraded(&stage, &edge).await;
    drop(backend);
    assert!(client.read_to_end().await.unwrap().is_empty());
    let (client, mut backend) = upgraded(&stage, &edge).await;
    drop(client);
    assert!(backend.read_to_end().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_end_that_has_said_all_still_hears_the_other() {
    let (stage, edge) = staged("").await;
    let (mut client, mut backend) = upgraded(&stage, &edge).await;
    client.send("bye").await.unwrap();
    client.shut().await.unwrap();
    assert_eq!(backend.read_to_end().await.unwrap(), b"bye");
    backend.send("farewell").await.unwrap();
    drop(backend);
    assert_eq!(client.read_to_end().await.unwrap(), b"farewell");
}

#[tokio::test]
async fn a_silent_tunnel_is_closed() {
    let (stage, edge) = staged("timeouts: {idle: 1s}").await;
    let (mut client, mut backend) = upgraded(&stage, &edge).await;
    client.send("x").await.unwrap();
    assert_eq!(backend.read_to_end().await.unwrap(), b"x");
    assert!(client.read_to_end().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_tunnel_that_is_used_outlives_the_timeouts() {
    let (stage, edge) = staged("timeouts: {request: 2s, idle: 3s}").await;
    let (mut client, mut backend) = upgraded(&stage, &edge).await;
    for _ in 0..8 {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        backend.send("x").await.unwrap();
        assert_eq!(client.read(1).await.unwrap(), b"x");
    }
    client.send("y").await.unwrap();
    assert_eq!(backend.read(1).await.unwrap(), b"y");
}

#[tokio::test]
async fn a_declined_upgrade_is_an_answer_like_any_other() {
    let backend = Backend::scripted(|request| match request.target() {
        "/socket" => Reply::raw("HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno"),
        _ => Reply::ok("ok"),
    });
    let backend = backend.await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    for pipelined in [false, true, false] {
        client.send(get("/socket", ASK)).await.unwrap();
        if pipelined {
            client.send(get("/next", "")).await.unwrap();
        }
        let answer = client.read_answer("GET").await.unwrap();
        assert_eq!((answer.status(), answer.text().as_str()), (400, "no"));
        assert!(!answer.closes(), "{}", answer.head);
        if !pipelined {
            client.send(get("/next", "")).await.unwrap();
        }
        assert_eq!(client.read_answer("GET").await.unwrap().text(), "ok");
    }
    assert_eq!(backend.connections(), 1);
}

#[tokio::test]
async fn an_upgrade_that_the_edge_answers_itself_is_declined_too() {
    let fixed = route("fixed", "matches: [{path: /fixed}]\nrespond: {body: hi}");
    let edge = Edge::start(&(front_door("") + &fixed)).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    for (target, status) in [("/fixed", 200), ("/none", 404), ("/fixed", 200)] {
        client.send(get(target, ASK)).await.unwrap();
        assert_eq!(client.read_answer("GET").await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn other_upgrades_are_dropped() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    for fields in [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n",
        "Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n",
        "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n",
        // Not named in Connection: no upgrade at all.
        "Upgrade: websocket\r\n",
    ] {
        let mut client = Wire::connect(edge.address()).await.unwrap();
        for _ in 0..2 {
            client.send(get("/", fields)).await.unwrap();
            assert_eq!(client.read_answer("GET").await.unwrap().text(), "ok", "{fields}");
        }
        let got = backend.last().unwrap();
        for name in ["upgrade", "connection", "http2-settings"] {
            assert!(got.fields(name).is_empty(), "{fields}: {}", got.head);
        }
    }
}

/// A body leaves no place for another protocol: the request is served as what else it is.
#[tokio::test]
async fn an_upgrade_with_a_body_is_no_upgrade() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let request =
        format!("POST / HTTP/1.1\r\nHost: www.ep.com\r\n{ASK}Content-Length: 4\r\n\r\nbody");
    assert_eq!(ask(edge.address(), request).await.unwrap().text(), "ok");
    let got = backend.request().unwrap();
    assert_eq!(got.text(), "body");
    assert!(got.fields("upgrade").is_empty(), "{}", got.head);
}

/// Until nothing has been written for 10 s it may only have closed its sending side.
#[tokio::test]
async fn no_backend_is_kept_for_a_client_that_leaves_before_the_101() {
    let (stage, edge) = staged("").await;
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(get("/socket", ASK)).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    drop(client);
    assert!(backend.read_to_end().await.unwrap().is_empty());
}

/// It can say nothing to a WebSocket, but it can listen.
#[tokio::test]
async fn a_client_that_sends_no_more_after_its_handshake_gets_the_response_and_what_follows() {
    const DECLINED: &str = "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno";
    let (stage, edge) = staged("").await;
    for (response, status, body) in [(DECLINED, 400, "no"), (SWITCH, 101, "")] {
        let mut client = Wire::connect(edge.address()).await.unwrap();
        client.send(get("/socket", ASK)).await.unwrap();
        client.shut().await.unwrap();
        let mut backend = stage.accept().await.unwrap();
        backend.read_request().await.unwrap().unwrap();
        backend.send(response).await.unwrap();
        let answer = client.read_answer("GET").await.unwrap();
        assert_eq!((answer.status(), answer.text().as_str()), (status, body));
        if status == 101 {
            assert!(backend.read_to_end().await.unwrap().is_empty());
            backend.send("hello").await.unwrap();
            drop(backend);
            assert_eq!(client.read_to_end().await.unwrap(), b"hello");
        }
    }
}

#[tokio::test]
async fn services_for_websockets_are_plain_http() {
    let backend = Backend::saying("ok").await.unwrap();
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    let services = service("app", "kubernetes.io/ws", &[backend.address()]);
    let edge = Edge::start(&[front_door(""), services, app].concat()).await.unwrap();
    assert_eq!(ask(edge.address(), get("/", "")).await.unwrap().text(), "ok");
}

#[tokio::test]
async fn a_client_that_sends_no_more_gets_its_response_whatever_upgrade_it_offers() {
    let (edge, _backend) = crate::forwarding().await;
    for offer in ["h2c", "TLS/1.3", "h2c, websocket", ""] {
        let mut client = Wire::connect(edge.address()).await.unwrap();
        let fields = format!("Connection: upgrade\r\nUpgrade: {offer}\r\n");
        client.send(get("/", &fields)).await.unwrap();
        client.shut().await.unwrap();
        assert_eq!(client.read_answer("GET").await.unwrap().text(), "served", "{offer}");
    }
}
