//! WebSockets over HTTP/2 (RFC 8441): the handshake as the pipeline reads it, which is that of
//! HTTP/1.1 (RFC 6455 §4.1).

use crate::{
    refusal::Refusal,
    request::{websocket_accept, websocket_key},
};
use h2::ext::Protocol;
use http::{HeaderValue, Method, StatusCode, header, request, response};

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
    // Over HTTP/2 clients send none.
    let key = websocket_key();
    let accept = websocket_accept(key.as_bytes());
    let key = HeaderValue::try_from(key).map_err(|_| Refusal::MalformedHead)?;
    head.headers.insert(header::SEC_WEBSOCKET_KEY, key);
    Ok(accept)
}

/// Turns the response to a handshake that has succeeded into that to an extended CONNECT.
pub(super) fn accept(head: &mut response::Parts) {
    head.status = StatusCode::OK;
    head.headers.remove(header::SEC_WEBSOCKET_ACCEPT);
}
