//! Bodies and trailers both ways, and answers that are cut off.

use super::{
    Client, answer, ask, ask_whole, connect, counts,
    frames::{DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, WINDOW_UPDATE, head},
    get, post,
};
use crate::forwarding;
use bytes::Bytes;
use h2::Reason;
use http::{HeaderMap, HeaderValue, Response};
use portico_tests::{
    backend::{Backend, Reply, Stage, front_door, one_route, route, service},
    edge::Edge,
    wire::{PATIENCE, Wire},
};
use tokio::{net::TcpListener, time::timeout};

async fn staged(spec: &str) -> (Stage, Edge) {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), spec)).await.unwrap();
    (stage, edge)
}

#[tokio::test]
async fn bodies_and_trailers_pass_both_ways() {
    let trailing = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum, host\r\n\r\n2\r\nok\r\n0\r\nx-sum: 1\r\nhost: evil\r\n\r\n";
    let backend = Backend::answering(trailing).await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let sender = connect(&edge).await;
    for length in [0, 1, 70_000, 3_000_000] {
        let body: Vec<_> = (0..length).map(|n| (n % 251) as u8).collect();
        let mut trailers = HeaderMap::new();
        for (name, value) in [
            ("x-sum", "2"),
            ("host", "evil"),
            ("content-length", "9"),
            ("cookie", "a"),
            ("te", "trailers"),
        ] {
            trailers.insert(name, HeaderValue::from_static(value));
        }
        let mut request = post("/");
        request.headers_mut().insert("trailer", HeaderValue::from_static("x-sum"));
        let answer = ask_whole(&sender, request, &body, trailers).await;
        assert_eq!((answer.text().as_str(), answer.reset), ("ok", None), "{length}");
        let names: Vec<_> = answer.trailers.keys().map(|name| name.as_str()).collect();
        assert_eq!(names, ["x-sum"]);
        let got = backend.take().pop().unwrap();
        assert!(got.body == body, "{length}");
        assert_eq!(got.trailers, ["x-sum: 2"], "{length}");
    }
}

#[tokio::test]
async fn a_malformed_trailer_breaks_the_body_off() {
    let (edge, _backend) = forwarding().await;
    let sender = connect(&edge).await;
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static(" 2"));
    let answer = ask_whole(&sender, post("/"), b"body", trailers).await;
    assert_eq!((answer.status.as_u16(), answer.reason().as_str()), (400, "BodyBroken"));
    assert_eq!(ask(&sender, get("/")).await.text(), "served");
}

#[tokio::test]
async fn requests_go_side_by_side() {
    let (stage, edge) = staged("").await;
    let sender = connect(&edge).await;
    let slow = {
        let sender = sender.clone();
        tokio::spawn(async move { ask(&sender, get("/slow")).await })
    };
    let mut first = stage.accept().await.unwrap();
    first.read_request().await.unwrap().unwrap();
    let fast = {
        let sender = sender.clone();
        tokio::spawn(async move { ask(&sender, get("/fast")).await })
    };
    let mut second = stage.accept().await.unwrap();
    second.read_request().await.unwrap().unwrap();
    second.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfast").await.unwrap();
    assert_eq!(fast.await.unwrap().text(), "fast");
    first.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow").await.unwrap();
    assert_eq!(slow.await.unwrap().text(), "slow");
}

#[tokio::test]
async fn a_client_that_gives_a_request_up_takes_it_along() {
    let (stage, edge) = staged("").await;
    let mut client = Client::connect(&edge).await;
    for stream in [1, 3] {
        client.send(HEADERS, END_HEADERS | END_STREAM, stream, &head("GET", "/", &[])).await;
    }
    let mut first = stage.accept().await.unwrap();
    let mut second = stage.accept().await.unwrap();
    first.read_request().await.unwrap().unwrap();
    second.read_request().await.unwrap().unwrap();
    client.send(RST_STREAM, 0, 1, &[0, 0, 0, 8]).await;
    // Either may carry either.
    let closed = tokio::select! {
        rest = first.read_to_end() => rest,
        rest = second.read_to_end() => rest,
    };
    assert!(closed.unwrap().is_empty());
}

#[tokio::test]
async fn a_100_is_sent_when_the_body_is_waited_for() {
    let (stage, edge) = staged("").await;
    let mut client = Client::connect(&edge).await;
    let fields = [("expect", "100-continue"), ("content-length", "4")];
    client.send(HEADERS, END_HEADERS, 1, &head("POST", "/", &fields)).await;
    let interim = client.of(1).await;
    assert_eq!((interim.kind, interim.flags & END_STREAM), (HEADERS, 0));
    client.send(DATA, END_STREAM, 1, b"body").await;
    let mut backend = stage.accept().await.unwrap();
    let request = backend.read_request().await.unwrap().unwrap();
    assert_eq!((request.text().as_str(), request.field("expect").as_str()), ("body", ""));
    backend.send("HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    let last = client.of(1).await;
    assert_eq!((last.payload[0], last.flags & END_STREAM), (0x89, END_STREAM));
    // Nor where the head is refused.
    let fields = [("expect", "100-continue"), ("x-a", " b")];
    client.send(HEADERS, END_HEADERS, 3, &head("POST", "/", &fields)).await;
    assert_eq!(client.of(3).await.payload[0], 0x8c);
}

#[tokio::test]
async fn answers_without_content_have_no_data() {
    let backend = Backend::scripted(|request| {
        Reply::raw(match request.target() {
            "/204" => "HTTP/1.1 204 No Content\r\n\r\n",
            "/304" => "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
            _ => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        })
    });
    let backend = backend.await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let mut client = Client::connect(&edge).await;
    for (stream, method, path) in
        [(1, "HEAD", "/"), (3, "GET", "/204"), (5, "GET", "/304"), (7, "HEAD", "/\\")]
    {
        client.send(HEADERS, END_HEADERS | END_STREAM, stream, &head(method, path, &[])).await;
        let answer = client.of(stream).await;
        assert_eq!((answer.kind, answer.flags & END_STREAM), (HEADERS, END_STREAM), "{path}");
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_off_has_no_end() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nx",
    ] {
        let backend = Backend::scripted(move |_| Reply::raw(answer).then_close()).await.unwrap();
        let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
        let sender = connect(&edge).await;
        let cut = ask(&sender, get("/")).await;
        assert_eq!((cut.text().as_str(), cut.reset), ("half", Some(Reason::CANCEL)));
        assert_eq!(cut.status, 200);
    }
}

/// A reset that came before the head would make clients send their requests again.
#[tokio::test]
async fn an_answer_that_is_cut_off_beside_another_has_a_head() {
    let (stage, edge) = staged("").await;
    let mut client = Client::connect(&edge).await;
    let mut backends = Vec::new();
    for stream in [1, 3, 5] {
        client.send(HEADERS, END_HEADERS | END_STREAM, stream, &head("GET", "/", &[])).await;
        let mut backend = stage.accept().await.unwrap();
        backend.read_request().await.unwrap().unwrap();
        backends.push(backend);
    }
    for stream in [5, 3] {
        let mut backend = backends.pop().unwrap();
        backend.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").await.unwrap();
        drop(backend);
        let first = client.of(stream).await;
        assert_eq!((first.kind, first.payload[0]), (HEADERS, 0x88), "{first:?}");
        let mut last = client.of(stream).await;
        if last.kind == DATA {
            last = client.of(stream).await;
        }
        assert_eq!((last.kind, last.code()), (RST_STREAM, 8));
    }
}

/// A backend that answers before the body is waited for, and then reads it.
#[tokio::test]
async fn no_100_follows_the_head_of_an_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let h2c = service("app", "kubernetes.io/h2c", &[listener.local_addr().unwrap()]);
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    let edge = Edge::start(&[front_door(""), h2c, app].concat()).await.unwrap();
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(socket).await.unwrap();
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            let mut sender = respond.send_response(Response::new(()), false).unwrap();
            tokio::spawn(async move {
                let mut body = request.into_body();
                while body.data().await.is_some() {}
                sender.send_data(Bytes::from_static(b"ok"), true).unwrap();
            });
        }
    });
    let mut client = Client::connect(&edge).await;
    for number in 0..10 {
        let stream = number * 2 + 1;
        let fields = [("expect", "100-continue"), ("content-length", "4")];
        client.send(HEADERS, END_HEADERS, stream, &head("POST", "/", &fields)).await;
        let mut first = client.of(stream).await;
        if first.payload[0] != 0x88 {
            first = client.of(stream).await;
        }
        assert_eq!((first.kind, first.payload[0]), (HEADERS, 0x88));
        client.send(DATA, END_STREAM, stream, b"body").await;
        assert_eq!(client.of(stream).await.kind, DATA);
    }
}

/// A client that reads nothing of one answer holds up neither another one nor an upload.
#[tokio::test]
async fn a_client_that_does_not_read_holds_up_its_own_request_only() {
    let large =
        format!("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{}", "x".repeat(1_000_000));
    let backend = Backend::scripted(move |request| match request.target() {
        "/large" => Reply::raw(large.clone()),
        _ => Reply::ok("served"),
    });
    let backend = backend.await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "timeouts: {idle: 1s}")).await.unwrap();
    let mut client = Client::connect(&edge).await;
    // Room on the connection, not on the stream.
    client.send(WINDOW_UPDATE, 0, 0, &10_000_000_u32.to_be_bytes()).await;
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &head("GET", "/large", &[])).await;
    let mut received = 0;
    while received < 65_535 {
        let frame = client.of(1).await;
        received += if frame.kind == DATA { frame.payload.len() } else { 0 };
    }
    client.send(HEADERS, END_HEADERS, 3, &head("POST", "/", &[])).await;
    client.send(DATA, END_STREAM, 3, b"body").await;
    assert_eq!(client.of(3).await.payload[0], 0x88);
    assert_eq!(client.of(3).await.payload, b"served");
    // In the end it is reset.
    let reset = client.of(1).await;
    assert_eq!((reset.kind, reset.code()), (RST_STREAM, 8));
    client.send(HEADERS, END_HEADERS | END_STREAM, 5, &head("GET", "/", &[])).await;
    assert_eq!(client.of(5).await.payload[0], 0x88);
}

/// All of its answer has been read from the backend, and the client reads only the beginning.
#[tokio::test]
async fn an_answer_that_its_client_does_not_read_is_no_success() {
    let large = format!("HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n{}", "x".repeat(70_000));
    let backend = Backend::answering(large).await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "timeouts: {idle: 500ms}")).await.unwrap();
    let mut client = Client::connect(&edge).await;
    client.send(WINDOW_UPDATE, 0, 0, &10_000_000_u32.to_be_bytes()).await;
    client.send(HEADERS, END_HEADERS | END_STREAM, 1, &head("GET", "/", &[])).await;
    while client.of(1).await.kind != RST_STREAM {}
    counts(&edge, &["portico_requests_total", "code=\"200\"", "reason=\"ClientClosed\""]).await;
}

/// Uploads that no backend reads use up their own windows only.
#[tokio::test]
async fn uploads_that_are_not_read_hold_up_no_others() {
    let (stage, edge) = staged("").await;
    let sender = connect(&edge).await;
    let (mut uploads, mut backends) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let mut sender = sender.clone().ready().await.unwrap();
        let (_, mut stream) = sender.send_request(post("/"), false).unwrap();
        stream.send_data(Bytes::from(vec![0; 10_000_000]), false).unwrap();
        uploads.push(stream);
        // It reads the head, and nothing more.
        let mut backend = stage.accept().await.unwrap();
        backend.read_head().await.unwrap().unwrap();
        backends.push(backend);
    }
    let sent = tokio::spawn(async move {
        ask_whole(&sender, post("/"), &[1; 100_000], HeaderMap::new()).await
    });
    let mut backend = stage.accept().await.unwrap();
    let request = timeout(PATIENCE, backend.read_request()).await.unwrap().unwrap().unwrap();
    assert_eq!(request.body.len(), 100_000);
    backend.send("HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    assert_eq!(sent.await.unwrap().status, 204);
}

/// Backends that read fast, and stop: their bodies have larger windows then.
#[tokio::test]
async fn uploads_that_stop_being_read_leave_the_others_a_window() {
    let (stage, edge) = staged("").await;
    let sender = connect(&edge).await;
    let (mut uploads, mut backends) = (Vec::new(), Vec::new());
    for number in 0..6 {
        let mut sender = sender.clone().ready().await.unwrap();
        let (_, mut stream) = sender.send_request(post("/"), false).unwrap();
        stream.send_data(Bytes::from(vec![0; 20_000_000]), false).unwrap();
        uploads.push(stream);
        let mut backend = stage.accept().await.unwrap();
        backend.read_head().await.unwrap().unwrap();
        // The later ones have smaller windows.
        let fast = if number == 0 { 8_000_000 } else { 1_000_000 };
        assert_eq!(backend.read(fast).await.unwrap().len(), fast, "{number}");
        backends.push(backend);
    }
    let sent = tokio::spawn(async move {
        ask_whole(&sender, post("/"), &[1; 1_000_000], HeaderMap::new()).await
    });
    let mut backend = stage.accept().await.unwrap();
    let request = timeout(PATIENCE, backend.read_request()).await.unwrap().unwrap().unwrap();
    assert_eq!(request.body.len(), 1_000_000);
    backend.send("HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    assert_eq!(sent.await.unwrap().status, 204);
}

/// More small frames than the library would hold, for a backend that reads late.
#[tokio::test]
async fn a_body_in_small_pieces_passes_whole() {
    const PIECES: usize = 30_000;
    let (stage, edge) = staged("").await;
    let sender = connect(&edge).await;
    let mut sender = sender.ready().await.unwrap();
    let (response, mut stream) = sender.send_request(post("/"), false).unwrap();
    let sending = tokio::spawn(async move {
        for _ in 0..PIECES {
            stream.reserve_capacity(1);
            while stream.capacity() == 0 {
                let room = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
                room.expect("reset").unwrap();
            }
            stream.send_data(Bytes::from_static(b"x"), false).unwrap();
        }
        stream.send_data(Bytes::new(), true).unwrap();
    });
    let mut backend: Wire = stage.accept().await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let request = backend.read_request().await.unwrap().unwrap();
    assert_eq!(request.body.len(), PIECES);
    backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    sending.await.unwrap();
    assert_eq!(answer(response).await.text(), "ok");
}
