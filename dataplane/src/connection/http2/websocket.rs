//! WebSockets over HTTP/2 (RFC 8441): the handshake as the pipeline reads it, which is that of
//! HTTP/1.1 (RFC 6455 §4.1).

use crate::refusal::Refusal;
use data_encoding::BASE64;
use h2::ext::Protocol;
use http::{HeaderValue, Method, StatusCode, header, request, response};
use sha1::{Digest, Sha1};
use std::hash::{BuildHasher, RandomState};

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");

/// Turns an extended CONNECT into a handshake, and returns the `Sec-WebSocket-Accept` that accepts
/// it; `None` if it is none.
pub(super) fn begin(head: &mut request::Parts) -> Result<Option<String>, Refusal> {
    let Some(protocol) = head.extensions.get::<Protocol>() else { return Ok(None) };
    if protocol.as_str() != "websocket" {
        return Err(Refusal::UpgradeUnsupported);
    }
    head.method = Method::GET;
    head.headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    head.headers.insert(header::UPGRADE, WEBSOCKET);
    let key = key();
    let accept = answer(&key);
    let key = HeaderValue::try_from(key).map_err(|_| Refusal::MalformedHead)?;
    head.headers.insert(header::SEC_WEBSOCKET_KEY, key);
    Ok(Some(accept))
}

/// Turns the response to a handshake that has succeeded into that to an extended CONNECT.
pub(super) fn accept(head: &mut response::Parts) {
    head.status = StatusCode::OK;
    head.headers.remove(header::SEC_WEBSOCKET_ACCEPT);
}

/// 16 bytes in base64 (RFC 4648 §4). Over HTTP/2 clients send none.
fn key() -> String {
    let random = || RandomState::new().hash_one(0);
    let bytes = u128::from(random()) << 64 | u128::from(random());
    BASE64.encode(&bytes.to_be_bytes())
}

/// What a server that has read the key answers (RFC 6455 §4.2.2).
fn answer(key: &str) -> String {
    const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    BASE64.encode(&Sha1::digest([key, GUID].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_and_have_their_answers() {
        assert_ne!(key(), key());
        // RFC 6455 §1.3.
        assert_eq!(answer("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
