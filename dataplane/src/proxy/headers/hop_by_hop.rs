//! Fields that concern one connection only, not the message (RFC 9110 §7.6.1).

use http::{HeaderMap, HeaderName, HeaderValue, header};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");

/// Removes hop-by-hop fields from a request. `TE: trailers` is set again, since trailer fields are
/// forwarded (RFC 9110 §10.1.4), and so is an upgrade to WebSocket.
pub(in crate::proxy) fn remove_from_request(headers: &mut HeaderMap, upgrade: bool) {
    let trailers = headers.contains_key(header::TE)
        && headers
            .get_all(header::TE)
            .iter()
            .any(|value| elements(value).any(|coding| coding.eq_ignore_ascii_case(b"trailers")));
    remove(headers);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    if upgrade {
        offer_websocket(headers);
    } else if trailers {
        headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
    }
}

/// Removes hop-by-hop fields from a response; a 101 keeps its upgrade.
pub(crate) fn remove_from_response(headers: &mut HeaderMap, upgraded: bool) {
    remove(headers);
    if upgraded {
        offer_websocket(headers);
    }
}

fn offer_websocket(headers: &mut HeaderMap) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, WEBSOCKET);
}

/// Whether a request asks for an upgrade to WebSocket (RFC 6455 §4.1); no other upgrade is
/// forwarded.
pub(crate) fn asks_for_websocket(headers: &HeaderMap) -> bool {
    headers
        .get(header::UPGRADE)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(WEBSOCKET.as_bytes()))
        && names_in_connection(headers).any(|name| name.eq_ignore_ascii_case(b"upgrade"))
}

/// The fields that `Connection` lists.
pub(super) fn named(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    names_in_connection(headers).filter_map(|name| HeaderName::from_bytes(name).ok())
}

fn names_in_connection(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(header::CONNECTION).iter().flat_map(elements)
}

/// The elements of a list of tokens. One that is not a token hides none of the others.
fn elements(list: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    list.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

const COUNT: usize = 9;

/// Fields that are removed whether or not `Connection` lists them.
const HOP_BY_HOP: [HeaderName; COUNT] = [
    header::CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    // Answered here: hyper sends 100 when the backend's connection starts to read the body.
    header::EXPECT,
];

/// Which of [`HOP_BY_HOP`] are present: one pass over the few fields of a message is cheaper than a
/// lookup for each.
fn present(headers: &HeaderMap) -> [bool; COUNT] {
    let mut present = [false; COUNT];
    for name in headers.keys() {
        let index = match name.as_str() {
            "connection" => 0,
            "keep-alive" => 1,
            "proxy-connection" => 2,
            "te" => 3,
            "transfer-encoding" => 4,
            "upgrade" => 5,
            "proxy-authenticate" => 6,
            "proxy-authorization" => 7,
            "expect" => 8,
            _ => continue,
        };
        present[index] = true;
    }
    present
}

fn remove(headers: &mut HeaderMap) {
    let present = present(headers);
    if present[0] {
        remove_named(headers);
    }
    for (name, _) in HOP_BY_HOP.iter().zip(present).filter(|(_, present)| *present) {
        headers.remove(name);
    }
}

/// Removes the fields that `Connection` lists.
fn remove_named(headers: &mut HeaderMap) {
    // The most frequent values by far are connection options, not field names.
    let mut lines = headers.get_all(header::CONNECTION).iter();
    if lines.all(|line| matches!(line.as_bytes(), b"keep-alive" | b"close")) {
        return;
    }
    let named: Vec<HeaderName> = named(headers)
        // The message's framing and host are not hop-by-hop, whatever `Connection` lists.
        .filter(|name| *name != header::CONTENT_LENGTH && *name != header::HOST)
        .collect();
    for name in named {
        headers.remove(name);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_hop_by_hop_field_is_removed() {
        for name in HOP_BY_HOP {
            let mut headers = HeaderMap::new();
            headers.insert(name.clone(), HeaderValue::from_static("x"));
            headers.insert(header::ACCEPT, HeaderValue::from_static("x"));
            remove(&mut headers);
            assert_eq!(headers.keys().collect::<Vec<_>>(), [header::ACCEPT], "{name}");
        }
    }

    #[test]
    fn what_is_no_token_hides_no_token() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", &b"\xE9, x-private ,Upgrade"[..]),
            ("x-private", b"x"),
            ("te", b"\xE9;q=1, trailers"),
            ("upgrade", b"websocket"),
        ] {
            headers.insert(name, HeaderValue::from_bytes(value).unwrap());
        }
        assert!(asks_for_websocket(&headers));
        remove_from_request(&mut headers, false);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["te", "connection"]);
        assert_eq!(headers[header::TE], "trailers");
    }
}
