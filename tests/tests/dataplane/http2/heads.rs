//! Heads that are refused, each by itself: the connection and its other requests go on.

use super::{
    Answer, Client, ask, ask_whole, connect,
    frames::{CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, field, head},
    get, post,
};
use crate::{forwarding, forwarding_with};
use h2::Reason;
use http::{HeaderMap, HeaderValue, Method, Request};
use portico_dataplane::config::Limits;
use portico_tests::edge::Setup;

fn outcome(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.reason())
}

#[tokio::test]
async fn what_http_1_refuses_is_refused() {
    let (edge, backend) = forwarding().await;
    let sender = connect(&edge).await;
    let with = |name: &str, values: &[&[u8]]| {
        let mut request = get("/");
        for value in values {
            let value = HeaderValue::from_bytes(value).unwrap();
            request.headers_mut().append(http::HeaderName::try_from(name).unwrap(), value);
        }
        request
    };
    let large = [b'b'; 9000];
    let at = |uri: &str| Request::get(uri).body(()).unwrap();
    for (request, status, reason) in [
        (with("x-a", &[b" b"]), 400, "MalformedHead"),
        (with("x-a", &[b"b\t"]), 400, "MalformedHead"),
        (with("content-length", &[b"0", b"0"]), 400, "AmbiguousFraming"),
        (with("host", &[b"other.ep.com"]), 400, "InvalidHost"),
        (with("host", &[b"www.ep.com", b"www.ep.com"]), 400, "InvalidHost"),
        (with("host", &[b""]), 400, "InvalidHost"),
        (at("http://user:pw@www.ep.com/"), 400, "InvalidHost"),
        (at("http://@www.ep.com/"), 400, "InvalidHost"),
        (at("http://www.ep.com:99999/"), 400, "InvalidHost"),
        (at("ftp://www.ep.com/"), 400, "InvalidTarget"),
        (at("http://nobody.example/"), 404, "NoHost"),
        (get(&format!("/{}", "a".repeat(9000))), 414, "UriTooLong"),
        (with("x-a", &[&b"b"[..]; 100]), 431, "TooManyFields"),
        (with("x-a", &[&large[..]; 8]), 431, "HeadTooLarge"),
        (with("x-a", &[&large[..]; 20]), 431, "HeadTooLarge"),
        (
            Request::builder().method(Method::CONNECT).uri("www.ep.com:443").body(()).unwrap(),
            405,
            "Connect",
        ),
    ] {
        let name = format!("{} {:?}", request.uri(), request.headers().keys().next());
        let answer = ask(&sender, request).await;
        assert_eq!(outcome(&answer), (status, reason.into()), "{name}");
        assert_eq!(answer.field("content-type"), "application/problem+json", "{name}");
        assert!(answer.field("connection").is_empty(), "{name}");
        assert_eq!(ask(&sender, get("/")).await.text(), "served", "{name}");
        assert_eq!(backend.take().len(), 1, "{name}");
    }
}

/// What the library refuses by itself.
#[tokio::test]
async fn a_malformed_head_ends_its_stream_alone() {
    let (edge, backend) = forwarding().await;
    let mut client = Client::connect(&edge).await;
    let mut stream = 1;
    let without = |name: &str| {
        let pseudo =
            [(":method", "GET"), (":scheme", "http"), (":authority", "www.ep.com"), (":path", "/")];
        let left = pseudo.iter().filter(|(other, _)| *other != name);
        left.flat_map(|(name, value)| field(name, value)).collect::<Vec<_>>()
    };
    for malformed in [
        head("GET", "/", &[("connection", "close")]),
        head("GET", "/", &[("connection", "x-a"), ("x-a", "b")]),
        head("POST", "/", &[("transfer-encoding", "chunked")]),
        head("GET", "/", &[("upgrade", "h2c")]),
        head("GET", "/", &[("keep-alive", "timeout=5")]),
        head("GET", "/", &[("proxy-connection", "close")]),
        head("GET", "/", &[("te", "gzip")]),
        head("GET", "/", &[("te", "trailers, gzip")]),
        head("GET", "foo", &[]),
        head("GET", "", &[]),
        head("GET", "http://www.ep.com/", &[]),
        head("GET", "/a b", &[]),
        head("GET", "/?a=\"", &[]),
        head("GET", "/?<", &[]),
        head("GET", "/?>", &[]),
        head("GET", "/", &[(":path", "/b")]),
        head("GET", "/", &[("content-length", "+5")]),
        head("GET", "/", &[("content-length", "5")]),
        head("GET", "/", &[("content-length", "0"), ("content-length", "1")]),
        without(":method"),
        without(":scheme"),
        without(":path"),
    ] {
        let name = malformed.escape_ascii().to_string();
        client.send(HEADERS, END_HEADERS | END_STREAM, stream, &malformed).await;
        let answer = client.of(stream).await;
        match answer.kind {
            RST_STREAM => assert_eq!(answer.code(), 1, "{name}"),
            HEADERS => {
                // `:status: 400`.
                assert_eq!(answer.payload[0], 0x8c, "{name}");
                while client.of(stream).await.flags & END_STREAM == 0 {}
            }
            _ => panic!("{answer:?} {name}"),
        }
        stream += 2;
        client.send(HEADERS, END_HEADERS | END_STREAM, stream, &head("GET", "/", &[])).await;
        assert_eq!(client.of(stream).await.payload[0], 0x88, "{name}");
        while client.of(stream).await.flags & END_STREAM == 0 {}
        stream += 2;
        assert_eq!(backend.take().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn cookies_are_joined_and_count_once() {
    let (edge, backend) = forwarding().await;
    let sender = connect(&edge).await;
    let mut request = get("/");
    for number in 0..150 {
        let crumb = HeaderValue::try_from(format!("c{number}={number}")).unwrap();
        request.headers_mut().append("cookie", crumb);
    }
    assert_eq!(ask(&sender, request).await.text(), "served");
    let cookie = backend.request().unwrap().field("cookie");
    assert!(cookie.starts_with("c0=0; c1=1; ") && cookie.ends_with("; c149=149"), "{cookie}");
}

#[tokio::test]
async fn a_body_must_be_as_long_as_its_head_tells() {
    let (edge, _backend) = forwarding().await;
    let sender = connect(&edge).await;
    for (length, body) in [("3", "ab"), ("1", "ab"), ("0", "a")] {
        let mut request = post("/");
        request.headers_mut().insert("content-length", HeaderValue::from_static(length));
        let answer = ask_whole(&sender, request, body.as_bytes(), HeaderMap::new()).await;
        assert!(
            answer.reset == Some(Reason::PROTOCOL_ERROR) || answer.status == 400,
            "{length} {answer:?}"
        );
        assert_eq!(ask(&sender, get("/")).await.text(), "served");
    }
}

#[tokio::test]
async fn a_head_that_does_not_end_ends_its_connection() {
    let limits =
        Limits { header_timeout: std::time::Duration::from_millis(300), ..Limits::default() };
    let (edge, _backend) = forwarding_with(Setup { limits, ..Setup::default() }, "").await;
    let head = head("GET", "/", &[]);
    // In pieces, in a frame that is incomplete, and before anything else.
    let mut client = Client::connect(&edge).await;
    client.send(HEADERS, END_STREAM, 1, &head).await;
    client.send(CONTINUATION, 0, 1, b"").await;
    assert_eq!(client.ends_with().await, [11]);
    let mut client = Client::connect(&edge).await;
    let whole = super::frames::frame(HEADERS, END_HEADERS | END_STREAM, 1, &head);
    client.0.send(&whole[..20]).await.unwrap();
    assert_eq!(client.ends_with().await, [11]);
    let mut wire = portico_tests::wire::Wire::connect(edge.address()).await.unwrap();
    wire.send("PRI * HTTP/2.0\r\n\r\n").await.unwrap();
    let rest = wire.read_to_end().await.unwrap();
    assert!(rest.starts_with(b"HTTP/1.1 408 "), "{}", rest.escape_ascii());
    // A whole one is served by the same edge.
    let mut client = Client::connect(&edge).await;
    client.0.send(&whole).await.unwrap();
    assert_eq!(client.of(1).await.payload[0], 0x88);
    assert_eq!(client.of(1).await.kind, DATA);
}
