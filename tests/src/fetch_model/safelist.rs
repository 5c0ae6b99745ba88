//! What a script may send to another origin without asking (Fetch §2.2.1 and §2.2.2).

use super::{Fetch, Headers};
use std::collections::BTreeSet;

impl Fetch {
    /// Whether the browser asks beforehand (§4.1, main fetch, of a request whose unsafe-request flag
    /// is set, as `fetch()` sets it).
    pub fn needs_preflight(&self) -> bool {
        let is_unsafe =
            !is_safelisted_method(&self.sent_method()) || !self.unsafe_names().is_empty();
        is_unsafe && !self.is_same_origin()
    }

    /// The names of headers that must be asked for, in lower case (§2.2.2, "CORS-unsafe
    /// request-header names").
    pub fn unsafe_names(&self) -> BTreeSet<String> {
        unsafe_names(&self.headers)
    }
}

/// "CORS-safelisted method".
pub(super) fn is_safelisted_method(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "POST")
}

fn unsafe_names(headers: &Headers) -> BTreeSet<String> {
    let lowered = |(name, _): (&str, &str)| name.to_ascii_lowercase();
    let (safe, not): (Vec<_>, Vec<_>) =
        headers.iter().partition(|(name, value)| is_safelisted(name, value));
    let size: usize = safe.iter().map(|(_, value)| value.len()).sum();
    // Each is harmless, but all of them together are not.
    let too_large = safe.into_iter().filter(|_| size > 1024);
    not.into_iter().chain(too_large).map(lowered).collect()
}

/// "CORS-safelisted request-header".
fn is_safelisted(name: &str, value: &str) -> bool {
    value.len() <= 128
        && match name.to_ascii_lowercase().as_str() {
            "accept" => !value.bytes().any(is_unsafe_byte),
            "accept-language" | "content-language" => value.bytes().all(is_language_byte),
            "content-type" => !value.bytes().any(is_unsafe_byte) && is_form_type(value),
            "range" => is_simple_range(value),
            _ => false,
        }
}

/// "CORS-unsafe request-header byte".
fn is_unsafe_byte(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || b"\"():<>?@[\\]{}\x7F".contains(&byte)
}

fn is_language_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" *,-.;=".contains(&byte)
}

/// Whether a MIME type's essence is one that an HTML form can send (MIME Sniffing §4.4; parameters
/// never make parsing fail).
fn is_form_type(value: &str) -> bool {
    let essence = value.split(';').next().unwrap_or_default();
    let is_space = |c| matches!(c, ' ' | '\t' | '\r' | '\n');
    let essence = essence.trim_matches(is_space).to_ascii_lowercase();
    ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]
        .contains(&essence.as_str())
}

/// "Parse a single range header value", without white space, from a first byte on.
fn is_simple_range(value: &str) -> bool {
    let Some((start, end)) = value.strip_prefix("bytes=").and_then(|range| range.split_once('-'))
    else {
        return false;
    };
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |text: &str| text.trim_start_matches('0').parse::<u128>().unwrap_or(0);
    let in_order = end.is_empty() || number(start) <= number(end);
    !start.is_empty() && are_digits(start) && are_digits(end) && in_order
}

/// RFC 9110 §5.6.2.
pub(super) fn is_token(text: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_tchar)
}
