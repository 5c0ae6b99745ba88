//! The headers that a script may set without a preflight, and their values (Fetch, "CORS-safelisted
//! request-header").

use http::{HeaderName, header};

/// Their names. A preflight requests them if their values are long or contain unsafe bytes.
pub(crate) const SAFELISTED: [&str; 5] =
    ["accept", "accept-language", "content-language", "content-type", "range"];

/// Limit in bytes for a value.
const MAX_BYTES: usize = 128;

/// The media types that a form can send.
const FORM_TYPES: [&[u8]; 3] =
    [b"application/x-www-form-urlencoded", b"multipart/form-data", b"text/plain"];

/// Whether this header is safelisted for some values.
pub(super) fn has_safe_values(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::ACCEPT
            | header::ACCEPT_LANGUAGE
            | header::CONTENT_LANGUAGE
            | header::CONTENT_TYPE
            | header::RANGE
    )
}

/// Whether a value is not too long to be safelisted.
pub(super) fn is_short(value: &[u8]) -> bool {
    value.len() <= MAX_BYTES
}

/// Whether this header is safelisted with this value.
pub(super) fn is_safelisted(name: &HeaderName, value: &[u8]) -> bool {
    if !is_short(value) {
        return false;
    }
    match *name {
        header::ACCEPT => SAFE.contains_all(value),
        header::ACCEPT_LANGUAGE | header::CONTENT_LANGUAGE => LANGUAGE.contains_all(value),
        header::CONTENT_TYPE => SAFE.contains_all(value) && is_form_type(value),
        header::RANGE => is_single_range(value),
        _ => false,
    }
}

/// All bytes but Fetch's "CORS-unsafe request-header bytes".
static SAFE: Bytes = {
    let mut bytes = [true; 256];
    let mut control = 0;
    while control < 0x20 {
        bytes[control] = control == b'\t' as usize;
        control += 1;
    }
    Bytes(bytes).set(b"\"():<>?@[\\]{}\x7f", false)
};

/// The bytes allowed in language tags and lists of them.
static LANGUAGE: Bytes = Bytes([false; 256])
    .set(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz *,-.;=", true);

/// A set of byte values.
struct Bytes([bool; 256]);

impl Bytes {
    const fn set(mut self, bytes: &[u8], to: bool) -> Self {
        let mut at = 0;
        while at < bytes.len() {
            self.0[bytes[at] as usize] = to;
            at += 1;
        }
        self
    }

    /// Whether the set contains all bytes of `value`.
    fn contains_all(&self, value: &[u8]) -> bool {
        value.iter().all(|byte| self.0[usize::from(*byte)])
    }
}

/// Whether the value's essence is a media type that forms send (MIME Sniffing, "parse a MIME
/// type"). Parameters don't matter, even malformed ones.
fn is_form_type(value: &[u8]) -> bool {
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default();
    // Only tabs and spaces can occur here: line ends are unsafe bytes.
    let essence = essence.trim_ascii();
    FORM_TYPES.iter().any(|form| form.eq_ignore_ascii_case(essence))
}

/// Whether it is at least one digit, and nothing else.
pub(super) fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// Whether the value is a single range with a first byte, without white space (Fetch, "parse a
/// single range header value"), whose numbers have at most 64 bits. Fetch has no such limit, but
/// browsers do.
fn is_single_range(value: &[u8]) -> bool {
    let range = value.strip_prefix(b"bytes=").unwrap_or_default();
    let mut ends = range.splitn(2, |byte| *byte == b'-');
    let (Some(first), Some(last)) = (ends.next(), ends.next()) else { return false };
    let number = |digits: &[u8]| -> Option<u64> {
        str::from_utf8(digits).ok().filter(|_| is_digits(digits))?.parse().ok()
    };
    let Some(first) = number(first) else { return false };
    last.is_empty() || number(last).is_some_and(|last| first <= last)
}
