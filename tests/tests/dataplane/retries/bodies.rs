//! Bodies that are sent again.

use super::{BUSY, OK, backend_of, request, retries, retrying};
use portico_tests::{
    backend::{Backend, Reply},
    edge::Edge,
    wire::ask,
};

const KEPT: usize = 64 * 1024;

fn with_length(method: &str, length: usize) -> String {
    request(method, &format!("Content-Length: {length}\r\n\r\n{}", "b".repeat(length)))
}

fn chunked(method: &str, length: usize) -> String {
    let (one, other) = (length / 2, length - length / 2);
    let chunk = |length: usize| format!("{length:x}\r\n{}\r\n", "b".repeat(length));
    let body = format!("{}{}0\r\nX-Sum: 7\r\n\r\n", chunk(one), chunk(other));
    request(method, &format!("Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n{body}"))
}

#[tokio::test]
async fn a_kept_body_is_sent_again_whole() {
    for first in [BUSY, ""] {
        for (request, length) in [
            (with_length("PUT", 4), 4),
            (with_length("PUT", KEPT), KEPT),
            (with_length("DELETE", 10), 10),
            (with_length("GET", 10), 10),
            (chunked("PUT", 6), 6),
            (chunked("PUT", KEPT), KEPT),
        ] {
            let answers: &'static [&'static str] = Box::leak(Box::new([first, OK]));
            let backend = backend_of(answers).await;
            let retry = "on: [Reset, \"503\"]";
            let edge = Edge::start(&retrying(&[backend.address()], retry)).await.unwrap();
            let answer = ask(edge.address(), &request).await.unwrap();
            let what = format!("{first:?} {}", &request[..request.len().min(90)]);
            assert_eq!(answer.text(), "ok", "{what}");
            let requests = backend.requests();
            assert_eq!(requests.len(), 2, "{what}");
            for got in requests {
                assert!(got.complete && got.text() == "b".repeat(length), "{what}");
                let has_trailers = request.contains("chunked");
                assert_eq!(got.trailers.len(), usize::from(has_trailers), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_longer_body_and_one_that_may_have_an_effect_are_not() {
    let backend = Backend::answering(BUSY).await.unwrap();
    let retry = "on: [Reset, \"503\"]";
    let edge = Edge::start(&retrying(&[backend.address()], retry)).await.unwrap();
    for request in [
        with_length("PUT", KEPT + 1),
        chunked("PUT", KEPT + 1),
        with_length("POST", 4),
        with_length("PATCH", 4),
        with_length("POST", 0),
        chunked("POST", 4),
        with_length("LOCK", 4),
    ] {
        let answer = ask(edge.address(), &request).await.unwrap();
        assert_eq!(answer.status(), 503);
        assert_eq!(backend.take().len(), 1, "{}", &request[..request.len().min(90)]);
    }
    assert_eq!(retries(&edge, "503").await, 0);
    let broken = Backend::scripted(|_| Reply::raw("").then_close()).await.unwrap();
    edge.serve(&retrying(&[broken.address()], retry)).await.unwrap();
    for request in [with_length("PUT", KEPT + 1), with_length("POST", 4)] {
        let answer = ask(edge.address(), &request).await.unwrap();
        assert_eq!((answer.status(), answer.reason().as_str()), (502, "BackendBroken"));
        assert_eq!(broken.take().len(), 1);
    }
}
