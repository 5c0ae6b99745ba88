//! The keys of a WebSocket's handshake (RFC 6455 §4).

use crate::random::random;
use data_encoding::BASE64;
use sha1::{Digest, Sha1};

/// How many bytes a key stands for.
const KEY_BYTES: usize = 16;

/// A new key: 16 bytes in base64 (RFC 4648 §4).
pub(crate) fn websocket_key() -> String {
    let bytes = u128::from(random()) << 64 | u128::from(random());
    BASE64.encode(&bytes.to_be_bytes())
}

/// The `Sec-WebSocket-Accept` of a server that has read this key (§4.2.2); `None` if it is none.
pub(crate) fn websocket_accept(key: &[u8]) -> Option<String> {
    const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let is_key = BASE64.decode(key).is_ok_and(|bytes| bytes.len() == KEY_BYTES);
    is_key.then(|| BASE64.encode(&Sha1::digest([key, GUID].concat())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_and_have_their_answers() {
        assert_ne!(websocket_key(), websocket_key());
        assert!(websocket_accept(websocket_key().as_bytes()).is_some());
        // RFC 6455 §1.3.
        let accept = websocket_accept(b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accept.as_deref(), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        for key in [&b""[..], b"a", b"dGhlIHNhbXBsZQ==", b"dGhlIHNhbXBsZSBub25jZQ"] {
            assert_eq!(websocket_accept(key), None, "{key:?}");
        }
    }
}
