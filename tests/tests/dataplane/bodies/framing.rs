//! Where a body ends, or that there is none.

use portico_tests::{
    backend::{Backend, Reply, one_route},
    edge::Edge,
    wire::{Message, Wire, ask, get},
};

#[tokio::test]
async fn answers_without_a_body_leave_the_connection_in_step() {
    for (method, answer, length) in [
        ("HEAD", "200 OK\r\nContent-Length: 1234", "1234"),
        ("HEAD", "200 OK\r\nTransfer-Encoding: chunked", ""),
        ("HEAD", "200 OK\r\nX: y", ""),
        ("GET", "204 No Content\r\nX: y", ""),
        ("GET", "304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 99", ""),
        ("GET", "304 Not Modified\r\nETag: \"a\"", ""),
        ("GET", "200 OK\r\nContent-Length: 0", "0"),
        ("POST", "201 Created\r\nContent-Length: 0", "0"),
    ] {
        let raw = format!("HTTP/1.1 {answer}\r\n\r\n");
        let backend = Backend::answering(raw).await.unwrap();
        let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
        let mut client = Wire::connect(edge.address()).await.unwrap();
        for _ in 0..3 {
            let request = get("/", "").replacen("GET", method, 1);
            client.send(&request).await.unwrap();
            let got = client.read_answer(method).await.unwrap();
            assert!(
                answer.starts_with(&got.status().to_string()),
                "{method} {answer}: {}",
                got.head
            );
            assert_eq!(got.field("content-length"), length, "{method} {answer}: {}", got.head);
            assert!(got.body.is_empty());
        }
        assert_eq!(backend.connections(), 1, "{method} {answer}");
    }
}

#[tokio::test]
async fn http_1_0_clients_get_their_answer_until_the_close() {
    for (answer, length) in [
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n",
            "",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd", "4"),
    ] {
        let backend = Backend::answering(answer).await.unwrap();
        let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
        let raw = edge.raw("GET / HTTP/1.0\r\nHost: www.ep.com\r\n\r\n").await.unwrap();
        let (head, body) = raw.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.0 200 OK"), "{raw}");
        assert_eq!(body, "abcd", "{raw}");
        let head = Message { head: head.into(), ..Message::default() };
        assert_eq!(head.field("content-length"), length);
        assert!(head.fields("transfer-encoding").is_empty(), "{raw}");
        assert!(backend.last().unwrap().start_line().ends_with(" HTTP/1.1"));
    }
}

#[tokio::test]
async fn an_http_1_0_client_is_promised_only_what_is_kept() {
    for (answer, is_kept) in [
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd", true),
    ] {
        let backend = Backend::answering(answer).await.unwrap();
        let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
        let mut client = Wire::connect(edge.address()).await.unwrap();
        let request = "GET / HTTP/1.0\r\nHost: www.ep.com\r\nConnection: keep-alive\r\n\r\n";
        for _ in 0..if is_kept { 3 } else { 1 } {
            client.send(request).await.unwrap();
            let got = client.read_answer("GET").await.unwrap();
            assert_eq!((got.start_line(), got.text().as_str()), ("HTTP/1.0 200 OK", "abcd"));
            let connection = if is_kept { "keep-alive" } else { "close" };
            assert_eq!(got.field("connection"), connection, "{}", got.head);
        }
    }
}

#[tokio::test]
async fn an_http_1_0_backends_answer_passes() {
    for answer in
        ["HTTP/1.0 200 OK\r\n\r\nabcd", "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nabcd"]
    {
        let backend = Backend::scripted(move |_| Reply::raw(answer).then_close()).await.unwrap();
        let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
        for round in 1..=2 {
            let got = ask(edge.address(), get("/", "")).await.unwrap();
            assert_eq!(got.start_line(), "HTTP/1.1 200 OK");
            assert_eq!((got.text().as_str(), got.complete), ("abcd", true), "{answer}");
            assert_eq!(backend.connections(), round);
        }
    }
}

#[tokio::test]
async fn a_backends_length_is_passed_on_once_and_only_where_it_counts() {
    for (fields, body, passed) in [
        ("Content-Length: 4, 4\r\nContent-Length: 04", "abcd", &["4"][..]),
        ("Content-Length: 2\r\nTransfer-Encoding: chunked", "4\r\nabcd\r\n0\r\n\r\n", &[]),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n{body}");
        let reply = move |_: &Message| Reply::raw(answer.clone()).then_close();
        let backend = Backend::scripted(reply).await.unwrap();
        let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
        let got = ask(edge.address(), get("/", "")).await.unwrap();
        assert_eq!((got.text().as_str(), got.complete), ("abcd", true), "{fields}: {}", got.head);
        assert_eq!(got.fields("content-length"), passed, "{fields}");
    }
}

#[tokio::test]
async fn a_response_with_a_coding_that_is_not_decoded_is_malformed() {
    for codings in ["gzip", "gzip, chunked", "chunked, identity"] {
        let answer = format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: {codings}\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"
        );
        let reply = move |_: &Message| Reply::raw(answer.clone()).then_close();
        let backend = Backend::scripted(reply).await.unwrap();
        let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
        let got = ask(edge.address(), get("/", "")).await.unwrap();
        assert_eq!((got.status(), got.reason().as_str()), (502, "BackendMalformed"), "{codings}");
    }
}

#[tokio::test]
async fn every_method_keeps_its_body() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    for method in ["GET", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "QUERY"] {
        for framed in [
            "Content-Length: 4\r\n\r\nbody",
            "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
        ] {
            let request = format!("{method} / HTTP/1.1\r\nHost: www.ep.com\r\n{framed}");
            assert_eq!(ask(edge.address(), request).await.unwrap().status(), 200);
            let got = backend.last().unwrap();
            assert_eq!(got.text(), "body", "{method} {framed}: {}", got.head);
            assert!(got.complete && got.start_line().starts_with(method), "{}", got.head);
        }
    }
}

#[tokio::test]
async fn a_request_without_a_body_gets_none() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    for (method, fields, length) in
        [("GET", "", ""), ("DELETE", "", ""), ("POST", "Content-Length: 0\r\n", "0")]
    {
        let request = format!("{method} / HTTP/1.1\r\nHost: www.ep.com\r\n{fields}\r\n");
        ask(edge.address(), request).await.unwrap();
        let got = backend.last().unwrap();
        assert_eq!(got.field("content-length"), length, "{}", got.head);
        assert!(got.fields("transfer-encoding").is_empty(), "{}", got.head);
    }
}
