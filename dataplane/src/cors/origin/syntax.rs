//! What the parser of policies and the one of requests agree on.

/// The length, in bytes, from which on nothing is an origin: a host has 253 at most, and schemes
/// are short.
pub(in crate::cors) const MAX_BYTES: usize = 512;

/// Whether a scheme may go on with this byte (RFC 3986, section 3.1, in lower case). It begins
/// with a letter.
pub(super) fn is_scheme_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.')
}

/// Whether a host that is no IPv6 address may have this byte. The URL Standard lets a few more
/// pass, which no registry and no resolver does.
pub(super) fn is_host_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.')
}

/// The port that an origin of this scheme never writes, which the special schemes have and no
/// others (URL Standard, "special scheme").
pub(super) fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "https" | "wss" => Some(443),
        "http" | "ws" => Some(80),
        "ftp" => Some(21),
        _ => None,
    }
}
