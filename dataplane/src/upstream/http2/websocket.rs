//! The handshake of a WebSocket (RFC 6455 §4) as an extended CONNECT (RFC 8441 §5).

use crate::request::websocket_accept;
use h2::ext::Protocol;
use http::{HeaderValue, Method, Request, StatusCode, header, response};

/// Turns a handshake into an extended CONNECT, and returns the `Sec-WebSocket-Accept` that accepts
/// it; `None` if it is none.
pub(super) fn begin(request: &mut Request<()>) -> Option<HeaderValue> {
    if *request.method() != Method::GET {
        return None;
    }
    let key = request.headers_mut().remove(header::SEC_WEBSOCKET_KEY)?;
    let accept = HeaderValue::try_from(websocket_accept(key.as_bytes())?).ok()?;
    *request.method_mut() = Method::CONNECT;
    request.extensions_mut().insert(Protocol::from_static("websocket"));
    // What follows is not content (RFC 9110 §9.3.6).
    request.headers_mut().remove(header::CONTENT_LENGTH);
    Some(accept)
}

/// Turns the response to an extended CONNECT that has succeeded into that to the handshake.
pub(super) fn accept(head: &mut response::Parts, accept: HeaderValue) {
    head.status = StatusCode::SWITCHING_PROTOCOLS;
    head.headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_a_handshake_is_turned_into_a_connect() {
        const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
        for (method, key, is_handshake) in [
            (Method::GET, Some(KEY), true),
            (Method::POST, Some(KEY), false),
            (Method::GET, Some("short"), false),
            (Method::GET, None, false),
        ] {
            let mut request = Request::builder().method(&method).uri("http://a/b");
            if let Some(key) = key {
                request = request.header(header::SEC_WEBSOCKET_KEY, key);
            }
            let mut request = request.body(()).unwrap();
            assert_eq!(begin(&mut request).is_some(), is_handshake, "{method} {key:?}");
            if is_handshake {
                assert_eq!(*request.method(), Method::CONNECT);
                assert!(request.headers().is_empty());
            }
        }
    }
}
