//! The syntax that the parsers of policies and of requests share.

/// The maximum length of an origin in bytes: a host has at most 253, and schemes are short.
pub(in crate::cors) const MAX_BYTES: usize = 512;

/// Whether a scheme, which begins with a letter, may contain this byte (RFC 3986 §3.1, in lower
/// case).
pub(super) fn is_scheme_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.')
}

/// Whether a host other than an IPv6 address may contain this byte. The URL Standard allows a few
/// more, which no registry and no resolver does.
pub(super) fn is_host_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.')
}

/// The port that origins of this scheme leave out; only special schemes have one (URL Standard,
/// "special scheme").
pub(super) fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "https" | "wss" => Some(443),
        "http" | "ws" => Some(80),
        "ftp" => Some(21),
        _ => None,
    }
}
