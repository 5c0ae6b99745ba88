//! Fields that concern one connection only, not the message (RFC 9110 §7.6.1).

use super::present::{Field, Present};
use http::{HeaderMap, HeaderName, HeaderValue, header};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");

/// Removes hop-by-hop fields from a request that has `present`. `TE: trailers` is set again, since
/// trailer fields are forwarded (RFC 9110 §10.1.4), and so is an upgrade to WebSocket.
pub(in crate::proxy) fn remove_from_request(
    headers: &mut HeaderMap,
    present: Present,
    upgrade: bool,
) {
    let trailers = present.has(Field::Te)
        && headers
            .get_all(header::TE)
            .iter()
            .any(|value| elements(value).any(|coding| coding.eq_ignore_ascii_case(b"trailers")));
    remove(headers, present);
    if trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    if upgrade {
        offer_websocket(headers);
    } else if trailers {
        headers.insert(header::CONNECTION, HeaderValue::from_static("te"));
    }
}

/// Removes hop-by-hop fields from a response that has `present`; a 101 keeps its upgrade.
pub(crate) fn remove_from_response(headers: &mut HeaderMap, present: Present, upgraded: bool) {
    remove(headers, present);
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

/// Fields that are removed whether or not `Connection` lists them, apart from `Connection` itself.
static HOP_BY_HOP: [(Field, HeaderName); 8] = [
    (Field::KeepAlive, KEEP_ALIVE),
    (Field::ProxyConnection, PROXY_CONNECTION),
    (Field::Te, header::TE),
    (Field::TransferEncoding, header::TRANSFER_ENCODING),
    (Field::Upgrade, header::UPGRADE),
    (Field::ProxyAuthenticate, header::PROXY_AUTHENTICATE),
    (Field::ProxyAuthorization, header::PROXY_AUTHORIZATION),
    // Answered here: hyper sends 100 when the backend's connection starts to read the body.
    (Field::Expect, header::EXPECT),
];

fn remove(headers: &mut HeaderMap, present: Present) {
    if present.has(Field::Connection) {
        remove_connection(headers);
    }
    for (_, name) in HOP_BY_HOP.iter().filter(|(field, _)| present.has(*field)) {
        headers.remove(name);
    }
}

/// Removes `Connection` and the fields that it lists.
fn remove_connection(headers: &mut HeaderMap) {
    let header::Entry::Occupied(lines) = headers.entry(header::CONNECTION) else { return };
    // The most frequent values by far are connection options, not field names.
    if lines.iter().all(|line| matches!(line.as_bytes(), b"keep-alive" | b"close")) {
        lines.remove();
        return;
    }
    let named: Vec<HeaderName> = named(headers)
        // The message's framing and host are not hop-by-hop, whatever `Connection` lists.
        .filter(|name| *name != header::CONTENT_LENGTH && *name != header::HOST)
        .collect();
    for name in named.iter().chain([&header::CONNECTION]) {
        headers.remove(name);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_hop_by_hop_field_is_removed() {
        for name in HOP_BY_HOP.iter().map(|(_, name)| name).chain([&header::CONNECTION]) {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static("x"));
            headers.insert(header::ACCEPT, HeaderValue::from_static("x"));
            let present = Present::of(&headers);
            remove(&mut headers, present);
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
        let present = Present::of(&headers);
        remove_from_request(&mut headers, present, false);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["te", "connection"]);
        assert_eq!(headers[header::TE], "trailers");
    }
}
