//! The bytes that are sent.

use std::fmt::Write as _;

/// The fields that ask for a WebSocket (RFC 6455 §4.1); the key is the one of its example.
pub(super) const WEBSOCKET: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// A GET with further fields, each with its line end.
pub(super) fn get(target: &str, fields: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n").into_bytes()
}

/// So many fields of a few bytes.
pub(super) fn fields(count: usize) -> String {
    (0..count).fold(String::new(), |mut fields, i| {
        let _ = write!(fields, "X-{i}: {i}\r\n");
        fields
    })
}

/// Bytes without a pattern, and without the line end that would make them a request line at once.
pub(super) fn garbage(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let byte = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(byte).filter(|byte| *byte != b'\n').collect()
}

/// A POST of these chunks, and these trailer fields.
pub(super) fn chunked(chunks: &str, trailers: &str) -> Vec<u8> {
    format!(
        "POST /bad/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n\
         {chunks}0\r\n{trailers}\r\n"
    )
    .into_bytes()
}

/// As many bytes of extensions as hyper takes, which is fewer than the guard does.
pub(super) fn chunk_extensions() -> Vec<u8> {
    let chunk = format!("1000;{}\r\n{}\r\n", "a".repeat(1_000), "x".repeat(4_096));
    chunked(&chunk.repeat(15), "")
}

pub(super) fn trailers() -> Vec<u8> {
    let fields = (0..99).fold(String::new(), |mut fields, i| {
        let _ = write!(fields, "X-{i}: {}\r\n", "x".repeat(150));
        fields
    });
    chunked("1\r\nx\r\n", &fields)
}

/// Options and announced trailer fields without end: each of these could be looked for among those.
pub(super) fn options() -> Vec<u8> {
    let (options, trailers) = ("aa,".repeat(10_000), "te,".repeat(10_000));
    format!(
        "POST /bad/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\
         Connection: {options}\r\nTrailer: {trailers}\r\n\r\n0\r\n\r\n"
    )
    .into_bytes()
}

/// URLs in a field that WebDAV's methods have.
pub(super) fn conditions() -> Vec<u8> {
    let urls = "</bad>".repeat(10_500);
    format!("PUT /bad/x HTTP/1.1\r\nHost: localhost\r\nIf: {urls}\r\nContent-Length: 0\r\n\r\n")
        .into_bytes()
}

/// A preflight that asks for these headers.
pub(super) fn preflight(headers: &str) -> Vec<u8> {
    format!(
        "OPTIONS /route-0/small HTTP/1.1\r\nHost: localhost\r\nOrigin: https://pr-1-1.example.com\r\n\
         Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: x{headers}x\r\n\r\n"
    )
    .into_bytes()
}

/// Requests in a row, each from another origin that the expressions read to its end.
pub(super) fn origins(count: usize) -> Vec<u8> {
    let request = |i: usize| {
        let labels = "a.".repeat(230);
        get("/bad/x", &format!("Origin: https://pr-{i}-{i}.{labels}example.net\r\n"))
    };
    (0..count).flat_map(request).collect()
}

/// A response with further fields, the last without its line end.
pub(super) fn response(fields: &[&str]) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{}\r\n\r\nok", fields.concat()).into_bytes()
}

/// A response with about as large a head as is accepted.
pub(super) fn large_response_head() -> Vec<u8> {
    let mut head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n".to_owned();
    for i in 0..98 {
        let _ = write!(head, "X-{i}: {}\r\n", "x".repeat(1_000));
    }
    (head + "\r\nok").into_bytes()
}
