//! How a backend's answers are framed, and what of them is none.

use portico_tests::{
    backend::{Backend, Reply, Stage, one_route},
    edge::Edge,
    wire::{Wire, ask, get},
};

#[tokio::test]
async fn what_can_be_read_in_two_ways_is_502() {
    let long_head = format!("X: {}\r\n", "y".repeat(200_000));
    let many_fields = "X: y\r\n".repeat(101);
    for (line, fields) in [
        ("1.1 200 OK", "Content-Length: 1\r\nContent-Length: 2\r\n"),
        ("1.1 200 OK", "Content-Length: 1, 2\r\n"),
        ("1.1 200 OK", "Content-Length: +2\r\n"),
        ("1.0 200 OK", "Transfer-Encoding: chunked\r\n"),
        ("1.1 200 OK", "Content-Length : 2\r\n"),
        ("1.1 200 OK", "X: y\r\n folded\r\n"),
        ("1.1 099 OK", "Content-Length: 2\r\n"),
        ("2.0 200 OK", "Content-Length: 2\r\n"),
        ("1.1 200 OK", &long_head),
        ("1.1 200 OK", &many_fields),
    ] {
        let answer = format!("HTTP/{line}\r\n{fields}\r\nok");
        let backend = Backend::scripted(move |_| Reply::raw(answer.clone()).then_close());
        let backend = backend.await.unwrap();
        let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
        let got = ask(edge.address(), get("/", "")).await.unwrap();
        let fields = &fields[..fields.len().min(50)];
        assert_eq!((got.status(), got.reason().as_str()), (502, "BackendMalformed"), "{fields}");
    }
}

/// RFC 9112 §6.3: who reads it by its length would read something else.
#[tokio::test]
async fn a_chunked_answer_has_no_length() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n\
                  6\r\nchunks\r\n0\r\n\r\n";
    let backend = Backend::answering(answer).await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    for _ in 0..2 {
        let got = ask(edge.address(), get("/", "")).await.unwrap();
        assert_eq!((got.text().as_str(), got.complete), ("chunks", true));
        assert!(got.fields("content-length").is_empty(), "{}", got.head);
    }
    assert_eq!(backend.connections(), 1);
}

#[tokio::test]
async fn an_answer_in_single_bytes_is_the_same_answer() {
    for (answer, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd", "abcd"),
        (
            "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\
             \r\n3;x\r\nabc\r\n1\r\nd\r\n0\r\nT: u\r\n\r\n",
            "abcd",
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", ""),
    ] {
        let stage = Stage::open().await.unwrap();
        let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
        let mut client = Wire::connect(edge.address()).await.unwrap();
        client.send(get("/", "")).await.unwrap();
        let mut backend = stage.accept().await.unwrap();
        // Twice: the connection is kept in between.
        for round in 0..2 {
            backend.read_request().await.unwrap().unwrap();
            for byte in answer.as_bytes() {
                backend.send([*byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
            if answer.contains(" 103 ") {
                assert_eq!(client.read_answer("GET").await.unwrap().field("x"), "y");
            }
            let got = client.read_answer("GET").await.unwrap();
            assert_eq!((got.text().as_str(), got.complete), (body, true), "{answer} {round}");
            if round == 0 {
                client.send(get("/", "")).await.unwrap();
            }
        }
    }
}

/// A backend may say no and go without reading what it does not want.
#[tokio::test]
async fn an_answer_of_a_backend_that_stops_reading_passes() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client
        .send("POST / HTTP/1.1\r\nHost: www.ep.com\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await
        .unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_head().await.unwrap().unwrap();
    backend.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno").await.unwrap();
    backend.shut().await.unwrap();
    drop(backend);
    let got = client.read_answer("POST").await.unwrap();
    assert_eq!((got.start_line(), got.text().as_str()), ("HTTP/1.1 413 Too Large", "no"));
}
