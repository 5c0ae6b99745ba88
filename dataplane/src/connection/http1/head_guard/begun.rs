//! What the first bytes of a connection begin.

/// What a client that has prior knowledge of HTTP/2 sends first (RFC 9113 §3.4).
const HTTP_2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What ends the wait for a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Begun {
    /// A head is complete, or refused.
    Head,
    /// The client speaks HTTP/2.
    Http2,
    /// The client has closed.
    Closed,
}

/// Whether a connection that begins with these bytes may be one of HTTP/2.
pub(super) fn may_be_http_2(bytes: &[u8]) -> bool {
    let length = bytes.len().min(HTTP_2_PREFACE.len());
    bytes[..length] == HTTP_2_PREFACE[..length]
}

/// Whether it is.
pub(super) fn is_http_2(bytes: &[u8]) -> bool {
    bytes.starts_with(HTTP_2_PREFACE)
}
