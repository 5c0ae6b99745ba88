//! Generates streams of requests, valid and invalid, and the pieces in which they arrive.

use crate::config::Limits;
use proptest::prelude::*;

fn text(choices: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(choices).prop_map(str::to_owned)
}

fn line() -> impl Strategy<Value = String> {
    text(&[
        "GET /a HTTP/1.1",
        "GET /\"?\"<>% HTTP/1.1",
        "POST /b?c HTTP/1.1",
        "\r\nPUT /long/er HTTP/1.1",
    ])
}

fn odd_line() -> impl Strategy<Value = String> {
    text(&[
        "POST /d HTTP/1.0",
        "GET /e",
        "GET /f g HTTP/1.1",
        "CONNECT a:1 HTTP/1.1",
        "GET /h#i HTTP/1.1",
        "GET /jjjjjjjjjjjjjjjjjjjjjjjjjj HTTP/1.1",
    ])
}

fn field() -> impl Strategy<Value = String> {
    text(&["Host: a", "X: y", "Accept:\t*/* ", "Upgrade: websocket", "Upgrade: x"])
}

fn odd_field() -> impl Strategy<Value = String> {
    text(&[
        "Content-Length: 3",
        "Transfer-Encoding: chunked",
        "content-length:4\t",
        "Content-Length: +3",
        "TRANSFER-ENCODING: Chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding : chunked",
        " folded: x",
        "no colon",
        ":",
        "X: a\rb",
        "X: y\nZ: z",
    ])
}

fn body() -> impl Strategy<Value = String> {
    text(&[
        "\r\n",
        "Content-Length: 3\r\n\r\nabc",
        "Content-Length: 16\r\n\r\nGET / HTTP/1.1\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n2;x=y\r\n\r\n\r\nA \r\n0123456789\r\n00\r\nT: 1\r\n\r\n",
    ])
}

fn odd_body() -> impl Strategy<Value = String> {
    text(&[
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3 x\r\nabc\r\n0\r\n\r\n",
        "Content-Length: 9\r\n\r\nabc",
        "\n",
        "\r\n3\r\nabc\r\n0\r\n\r\n",
        "",
    ])
}

fn message(
    line: impl Strategy<Value = String>,
    field: impl Strategy<Value = String>,
    body: impl Strategy<Value = String>,
) -> impl Strategy<Value = String> {
    (line, prop::collection::vec(field, 0..4), body).prop_map(|(line, fields, body)| {
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        format!("{line}\r\n{fields}{body}")
    })
}

/// Well-framed requests, which may exceed limits.
pub(super) fn plain_streams() -> impl Strategy<Value = String> {
    prop::collection::vec(message(line(), field(), body()), 0..5)
        .prop_map(|messages| messages.concat())
}

/// The same, mixed with invalid ones.
pub(super) fn streams() -> impl Strategy<Value = String> {
    let any = prop_oneof![
        8 => message(line(), field(), body()),
        1 => message(odd_line(), field(), body()),
        2 => message(line(), prop_oneof![field(), odd_field()], body()),
        1 => message(line(), field(), odd_body()),
    ];
    prop::collection::vec(any, 0..5).prop_map(|messages| messages.concat())
}

pub(super) fn limits() -> impl Strategy<Value = Limits> {
    let small = Limits { head_bytes: 90, head_fields: 2, uri_bytes: 30, ..Limits::default() };
    prop_oneof![Just(Limits::default()), Just(small)]
}

pub(super) fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        prop::collection::vec(1..40_usize, 1..8),
        (1..4_usize).prop_map(|size| vec![size]),
        Just(vec![100_000]),
    ]
}
