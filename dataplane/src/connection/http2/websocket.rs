//! WebSockets over HTTP/2 (RFC 8441): the handshake as the pipeline reads it, which is that of
//! HTTP/1.1 (RFC 6455 §4.1).

use crate::refusal::Refusal;
use h2::ext::Protocol;
use http::{HeaderValue, Method, StatusCode, header, request, response};
use std::hash::{BuildHasher, RandomState};

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");

/// Turns an extended CONNECT into a handshake; `false` if it is none.
pub(super) fn begin(head: &mut request::Parts) -> Result<bool, Refusal> {
    let Some(protocol) = head.extensions.get::<Protocol>() else { return Ok(false) };
    if protocol.as_str() != "websocket" {
        return Err(Refusal::UpgradeUnsupported);
    }
    head.method = Method::GET;
    head.headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    head.headers.insert(header::UPGRADE, WEBSOCKET);
    head.headers.insert(header::SEC_WEBSOCKET_KEY, key());
    Ok(true)
}

/// Turns the response to a handshake that has succeeded into that to an extended CONNECT.
pub(super) fn accept(head: &mut response::Parts) {
    head.status = StatusCode::OK;
    head.headers.remove(header::SEC_WEBSOCKET_ACCEPT);
}

/// 16 bytes in base64 (RFC 4648 §4). Over HTTP/2 clients send none.
fn key() -> HeaderValue {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let random = || RandomState::new().hash_one(0);
    let mut bits = u128::from(random()) << 64 | u128::from(random());
    let mut key = *b"........................";
    key[22..].copy_from_slice(b"==");
    // The first digits have six bits each, and the last one the two that are left.
    for digit in &mut key[..22] {
        *digit = DIGITS[(bits >> 122) as usize];
        bits <<= 6;
    }
    HeaderValue::from_bytes(&key).unwrap_or(WEBSOCKET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_16_bytes_in_base64() {
        let (one, other) = (key(), key());
        assert_ne!(one, other);
        for key in [one, other] {
            let text = key.to_str().unwrap_or_default();
            assert_eq!(text.len(), 24);
            assert!(["A==", "Q==", "g==", "w=="].iter().any(|end| text.ends_with(end)), "{text}");
        }
    }
}
