//! Where requests begin and end: what is forwarded is exactly what was allowed, and what is refused
//! takes the rest of its connection with it.

use crate::{assert_problem, exchange, forwarding, sole};
use portico_tests::{
    backend::{Stage, one_route},
    edge::Edge,
    wire::Wire,
};

/// A request that nobody must ever see.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: www.ep.com\r\n\r\n";

/// What the parser itself refuses has no problem details.
const PARSER: &str = "";

/// Each of `cases`, field lines and a body, must be refused with this status and reason, close the
/// connection, and hide nothing that reaches the backend.
async fn assert_refused(cases: &[&str], status: u16, reason: &str) {
    let (edge, backend) = forwarding().await;
    for case in cases {
        let request = format!("POST /shown HTTP/1.1\r\nHost: www.ep.com\r\n{case}{HIDDEN}");
        let answers = exchange(&edge, &request).await;
        assert_eq!(answers.len(), 1, "{case:?}: {answers:?}");
        if reason == PARSER {
            assert_eq!(answers[0].status(), status, "{case:?}: {answers:?}");
        } else {
            assert_problem(&answers[0], status, reason);
        }
        assert!(answers[0].closes(), "{case:?}: {answers:?}");
        assert_eq!(backend.connections(), 0, "{case:?}");
    }
}

#[tokio::test]
async fn two_ways_to_frame_a_body_are_refused() {
    let cases = [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        "TRANSFER-encoding: CHUNKED\r\ncontent-LENGTH: 5\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nX: y\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ];
    assert_refused(&cases, 400, "AmbiguousFraming").await;
}

#[tokio::test]
async fn a_content_length_is_one_decimal_number() {
    let cases = [
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "Content-Length: 5, 5\r\n\r\nhello",
        "Content-Length: 5,6\r\n\r\nhello",
        "Content-Length: +5\r\n\r\nhello",
        "Content-Length: -5\r\n\r\nhello",
        "Content-Length: 0x5\r\n\r\nhello",
        "Content-Length: 5 5\r\n\r\nhello",
        "Content-Length: 5.0\r\n\r\nhello",
        "Content-Length: '5'\r\n\r\nhello",
        "Content-Length: five\r\n\r\nhello",
        "Content-Length:\r\n\r\nhello",
        "Content-Length: 18446744073709551616\r\n\r\nhello",
        "Content-Length: 99999999999999999999999999\r\n\r\nhello",
    ];
    assert_refused(&cases, 400, "AmbiguousFraming").await;
}

#[tokio::test]
async fn the_only_transfer_coding_is_a_sole_chunked() {
    let cases = [
        "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: identity\r\n\r\n",
        "Transfer-Encoding:\r\n\r\n",
        "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: \x0cchunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\x0b\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n\r\nhello",
    ];
    assert_refused(&cases, 501, "UnknownTransferCoding").await;
}

#[tokio::test]
async fn lines_end_in_cr_lf_and_are_not_folded() {
    let cases = [
        "Content-Length: 5\n\r\nhello",
        "X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Content-Length: 5\r\n\nhello",
        "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        "X: y\r\n Content-Length: 5\r\n\r\nhello",
        "X: y\r\n\tfolded\r\n\r\n",
        "Content-Length\r\n\r\n",
        "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
        "Content-Length : 5\r\n\r\nhello",
        " Content-Length: 5\r\n\r\nhello",
        ": 5\r\n\r\n",
    ];
    let (edge, backend) = forwarding().await;
    for case in cases {
        let request = format!("POST /shown HTTP/1.1\r\nHost: www.ep.com\r\n{case}{HIDDEN}");
        let (status, reason) = sole(&edge, &request).await;
        let reasons = ["MalformedHead", "UnknownTransferCoding"];
        assert!(matches!(status, 400 | 501) && reasons.contains(&&*reason), "{case:?}: {status}");
        assert_eq!(backend.connections(), 0, "{case:?}");
    }
}

#[tokio::test]
async fn names_and_values_have_no_characters_that_none_may_have() {
    let cases = [
        "Content Length: 5\r\n\r\nhello",
        "Transfer\x0bEncoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding\x00: chunked\r\n\r\n0\r\n\r\n",
        "(X): y\r\n\r\n",
        "X: a\x00b\r\n\r\n",
        "X: a\rContent-Length: 5\r\n\r\nhello",
        "X: a\r\r\n\r\n",
        "\u{e9}: y\r\n\r\n",
    ];
    assert_refused(&cases, 400, PARSER).await;
}

#[tokio::test]
async fn a_request_line_is_three_words() {
    let (edge, backend) = forwarding().await;
    for line in [
        "GET /shown",
        "GET  /shown HTTP/1.1",
        "GET /shown  HTTP/1.1",
        "GET /shown HTTP/1.1 ",
        "GET\t/shown\tHTTP/1.1",
        "GET /sh own HTTP/1.1",
        "GET /shown HTTP/1.1\r",
        "G(T /shown HTTP/1.1",
        " GET /shown HTTP/1.1",
        "GET /shown http/1.1",
        "GET /shown HTTP/1.2",
        "GET /shown HTTP/2.0",
        "PRI * HTTP/2.0",
        "GET /shown HTTP/0.9",
        "GET /shown HTTP/11",
        "GET /shown#fragment HTTP/1.1",
    ] {
        let answers = exchange(&edge, format!("{line}\r\nHost: www.ep.com\r\n\r\n{HIDDEN}")).await;
        // A parser that takes it for another protocol's preface may close without a word.
        assert!(answers.len() <= 1, "{line:?}: {answers:?}");
        assert!(answers.iter().all(|answer| answer.status() == 400), "{line:?}: {answers:?}");
        assert_eq!(backend.connections(), 0, "{line:?}");
    }
}

#[tokio::test]
async fn http_1_0_has_no_transfer_codings() {
    let (edge, backend) = forwarding().await;
    let request = format!(
        "POST /shown HTTP/1.0\r\nHost: www.ep.com\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}"
    );
    assert_eq!(sole(&edge, request).await, (400, "AmbiguousFraming".into()));
    assert_eq!(backend.connections(), 0);
}

#[tokio::test]
async fn a_chunked_body_that_is_none_is_refused_and_nothing_behind_it_is_read() {
    let (edge, backend) = forwarding().await;
    let oversized = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(100_000));
    for body in [
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello\r\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\n\r\n",
        "5\r\nhello\r\n0\r\n\n",
        "5\r\nhelloworld\r\n0\r\n\r\n",
        "4\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5 x\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "g\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: a\nb\r\n\r\n",
        "5\r\nhello\r\n0\r\nno field\r\n\r\n",
        &oversized,
    ] {
        let request = format!(
            "POST /broken HTTP/1.1\r\nHost: www.ep.com\r\nTransfer-Encoding: chunked\r\n\r\n{body}{HIDDEN}"
        );
        let answers = exchange(&edge, request).await;
        // The answer is 400 or, where it had begun already, a close; never the backend's fault.
        assert!(answers.len() <= 1, "{body:?}: {answers:?}");
        for answer in &answers {
            assert_problem(answer, 400, "BodyBroken");
            assert!(answer.closes());
        }
        let got = backend.requests();
        assert!(
            got.iter().all(|got| !got.complete && got.target() == "/broken"),
            "{body:?}: {got:?}"
        );
    }
}

#[tokio::test]
async fn a_body_is_forwarded_as_it_is_framed() {
    let (edge, backend) = forwarding().await;
    let cases: [(&str, &[u8]); 14] = [
        (
            "POST /a HTTP/1.1\r\nConnection: content-length, host\r\nContent-Length: 5\r\n\r\nhello",
            b"hello",
        ),
        (
            "POST /a HTTP/1.1\r\nConnection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            b"hello",
        ),
        ("POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        ("POST /a HTTP/1.1\r\nCONTENT-LENGTH:5\t \r\n\r\nhello", b"hello"),
        ("POST /a HTTP/1.1\r\nContent-Length: 0000000005\r\n\r\nhello", b"hello"),
        ("POST /a HTTP/1.1\r\nContent-Length: 0\r\n\r\n", b""),
        ("POST /a HTTP/1.1\r\n\r\n", b""),
        ("POST /a HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        ("GET /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        ("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (
            "POST /a HTTP/1.1\r\ntransfer-encoding:\tChunked \r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            b"hello",
        ),
        ("GET /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (
            "DELETE /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n005;x=\"y\"\r\nhello\r\n2\r\n, \r\n0\r\n\r\n",
            b"hello, ",
        ),
        ("PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n000\r\n\r\n", b""),
    ];
    for (request, body) in cases {
        let before = backend.requests().len();
        let request = request.replacen("\r\n", "\r\nHost: www.ep.com\r\nConnection: close\r\n", 1);
        let answers = exchange(&edge, &request).await;
        assert_eq!(answers.len(), 1, "{request}");
        assert_eq!(answers[0].status(), 200, "{request}: {answers:?}");
        let got = backend.requests();
        assert_eq!(got.len(), before + 1, "{request}");
        let got = got.last().unwrap();
        assert_eq!(got.body, body, "{request}: {got:?}");
        assert!(got.complete, "{request}: {got:?}");
        let framings = got.fields("content-length").len() + got.fields("transfer-encoding").len();
        assert!(framings <= 1, "{got:?}");
        assert_eq!(got.field("host"), "www.ep.com", "{got:?}");
    }
}

#[tokio::test]
async fn a_good_request_in_front_of_a_refused_one_is_answered_and_nothing_behind_it() {
    let good = "POST /good HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: 4\r\n\r\nbody";
    for (bad, status, reason) in [
        ("POST /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", 400, "AmbiguousFraming"),
        (
            "POST /bad HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n",
            501,
            "UnknownTransferCoding",
        ),
        ("GET /bad HTTP/1.1\nHost: a\r\n\r\n", 400, "MalformedHead"),
        ("GET /bad HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "InvalidHost"),
        ("CONNECT www.ep.com:443 HTTP/1.1\r\nHost: www.ep.com\r\n\r\n", 405, "Connect"),
        ("GET /bad HTTP/1.1\r\nHost: www.ep.com\r\nX\x01: y\r\n\r\n", 400, PARSER),
        (
            "POST /bad HTTP/1.1\r\nHost: www.ep.com\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
            400,
            "BodyBroken",
        ),
    ] {
        let (edge, backend) = forwarding().await;
        let answers = exchange(&edge, format!("{good}{bad}{HIDDEN}")).await;
        assert_eq!(answers.len(), 2, "{bad:?}: {answers:?}");
        assert_eq!((answers[0].status(), answers[0].text().as_str()), (200, "served"), "{bad:?}");
        assert_eq!(
            (answers[1].status(), answers[1].reason().as_str()),
            (status, reason),
            "{bad:?}"
        );
        let got = backend.requests();
        assert_eq!(got.len(), 1, "{bad:?}: {got:?}");
        assert_eq!((got[0].target(), got[0].text().as_str()), ("/good", "body"), "{bad:?}");
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_turn() {
    let (edge, backend) = forwarding().await;
    let requests: String = (0..20)
        .map(|n| match n % 3 {
            0 => format!("GET /{n} HTTP/1.1\r\nHost: www.ep.com\r\n\r\n"),
            1 => format!("POST /{n} HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: 3\r\n\r\nGET"),
            _ => format!("\r\nPUT /{n} HTTP/1.1\r\nHost: www.ep.com\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n\r\n\r\r\n0\r\n\r\n"),
        })
        .collect();
    let last = "GET /last HTTP/1.1\r\nHost: www.ep.com\r\nConnection: close\r\n\r\n";
    let answers = exchange(&edge, format!("{requests}{last}{HIDDEN}")).await;
    assert_eq!(answers.len(), 21);
    assert!(answers.iter().all(|answer| answer.text() == "served"));
    let targets: Vec<_> = backend.requests().iter().map(|got| got.target().to_owned()).collect();
    let expected: Vec<_> = (0..20).map(|n| format!("/{n}")).chain(["/last".into()]).collect();
    assert_eq!(targets, expected);
}

#[tokio::test]
async fn a_head_in_pieces_of_any_size_is_refused_or_served_as_the_whole_is() {
    let good = "POST /good HTTP/1.1\r\nHost: www.ep.com\r\nTransfer-Encoding: chunked\r\n\r\n5;x\r\nhello\r\n0\r\nT: 1\r\n\r\n";
    let bad = "POST /bad HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let bytes = format!("{good}{bad}{HIDDEN}").into_bytes();
    let (edge, backend) = forwarding().await;
    for step in (1..40).chain([64, 79, 80, 81, 90, 97, 98, 99, 100, 128, 200]) {
        let before = backend.requests().len();
        let mut wire = Wire::connect(edge.address()).await.unwrap();
        for piece in bytes.chunks(step) {
            // The edge closes before all of it is sent.
            if wire.send(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        let answers = crate::answers(&mut wire).await;
        let statuses: Vec<_> = answers.iter().map(|answer| answer.status()).collect();
        assert_eq!(statuses, [200, 400], "{step}");
        assert_eq!(answers[1].reason(), "AmbiguousFraming", "{step}");
        let got = backend.requests().split_off(before);
        assert_eq!(got.len(), 1, "{step}: {got:?}");
        assert_eq!((got[0].target(), got[0].text().as_str()), ("/good", "hello"), "{step}");
    }
}

#[tokio::test]
async fn a_body_that_ends_early_is_never_the_backends_fault() {
    let (edge, backend) = forwarding().await;
    for request in [
        "POST /cut HTTP/1.1\r\nHost: www.ep.com\r\nContent-Length: 50\r\n\r\nhello",
        "POST /cut HTTP/1.1\r\nHost: www.ep.com\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "POST /cut HTTP/1.1\r\nHost: www.ep.com\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "POST /cut HTTP/1.1\r\nHost: www.ep.com\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    ] {
        let mut wire = Wire::connect(edge.address()).await.unwrap();
        wire.send(request).await.unwrap();
        wire.shut().await.unwrap();
        for answer in crate::answers(&mut wire).await {
            assert_problem(&answer, 400, "BodyBroken");
        }
        assert!(backend.requests().iter().all(|got| !got.complete), "{:?}", backend.requests());
    }
}

#[tokio::test]
async fn an_upgrade_behind_another_request_is_taken_when_its_turn_comes() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let websocket = |body: &str| {
        format!(
            "POST /ws HTTP/1.1\r\nHost: www.ep.com\r\nConnection: upgrade\r\nUpgrade: websocket\r\n{body}"
        )
    };
    let first = [
        "GET /first HTTP/1.1\r\nHost: www.ep.com\r\n\r\n".to_owned(),
        // A body has to end before another protocol can begin: this one is not offered.
        websocket("Content-Length: 5\r\n\r\nhello"),
    ];
    for first in first {
        let mut client = Wire::connect(edge.address()).await.unwrap();
        client.send(format!("{first}{}ping", websocket("\r\n"))).await.unwrap();
        let mut backend = stage.accept().await.unwrap();
        let got = backend.read_request().await.unwrap().unwrap();
        assert_eq!(got.field("upgrade"), "", "{got:?}");
        backend.send("HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        assert_eq!(client.read_answer("GET").await.unwrap().status(), 204);

        let got = backend.read_head().await.unwrap().unwrap();
        assert_eq!((got.target(), got.field("upgrade").as_str()), ("/ws", "websocket"));
        let switching = "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n";
        backend.send(format!("HTTP/1.1 101 Switching Protocols\r\n{switching}pong")).await.unwrap();
        assert_eq!(client.read_head().await.unwrap().unwrap().status(), 101);
        assert_eq!(backend.read(4).await.unwrap(), b"ping");
        assert_eq!(client.read(4).await.unwrap(), b"pong");
    }
}
