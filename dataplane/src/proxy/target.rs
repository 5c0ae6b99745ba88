//! The target of a request: its host, path and query, from Host or an absolute URL.

use super::peer::{KnownHost, Peer};
use crate::{
    path::{self, Slashes},
    refusal::Refusal,
};
use http::{HeaderMap, HeaderValue, Method, header, request};
use std::{borrow::Cow, net::Ipv6Addr, rc::Rc};

/// A host and port as in the Host field (RFC 9110 §7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host<'h> {
    /// Lower case, without trailing dot; IPv6 in brackets.
    pub(crate) name: Cow<'h, str>,
    /// The port, if present.
    pub(crate) port: Option<u16>,
}

impl<'h> Host<'h> {
    /// Parses a `Host` value: a DNS name, an IPv4 address or an IPv6 literal, and a port.
    pub(crate) fn parse(value: &'h [u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?;
        let end = match text.strip_prefix('[') {
            Some(literal) => literal.find(']')? + 2,
            None => text.find(':').unwrap_or(text.len()),
        };
        let (name, port) = text.split_at(end);
        let port = match port {
            "" | ":" => None,
            port => {
                let digits = port.strip_prefix(':')?;
                if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
                    return None;
                }
                Some(digits.parse().ok()?)
            }
        };
        if let Some(literal) = name.strip_prefix('[') {
            let address: Ipv6Addr = literal.strip_suffix(']')?.parse().ok()?;
            return Some(Self { name: format!("[{address}]").into(), port });
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        is_name(name).then(|| Self { name: lower_case(name), port })
    }
}

/// The name and port of a Host. Most requests of a connection have the same host, so the last one
/// parsed is cached.
pub(super) fn read_host(
    peer: &Peer,
    value: &HeaderValue,
) -> Result<(Rc<str>, Option<u16>), Refusal> {
    let mut last = peer.host.borrow_mut();
    if let Some(known) = &*last
        && known.value == value
    {
        return Ok((known.name.clone(), known.port));
    }
    let Host { name, port } = Host::parse(value.as_bytes()).ok_or(Refusal::InvalidHost)?;
    let name: Rc<str> = name.into();
    // Copied, since the header's own bytes share the request's buffer.
    if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
        *last = Some(KnownHost { value, name: name.clone(), port });
    }
    Ok((name, port))
}

/// Whether `name` is dot-separated labels of letters, digits, `-` and `_`.
fn is_name(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

fn lower_case(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        name.to_ascii_lowercase().into()
    } else {
        name.into()
    }
}

/// Refuses the methods that no backend gets, in any case, as some servers read it: TRACE and TRACK,
/// whose response shows the client what the edge adds to its request (RFC 9110 §9.3.8), and CONNECT
/// (§9.3.6).
pub(super) fn refuse_method(method: &Method) -> Result<(), Refusal> {
    let is = |name| method.as_str().eq_ignore_ascii_case(name);
    if is("TRACE") || is("TRACK") {
        Err(Refusal::MethodNotAllowed)
    } else if is("CONNECT") {
        Err(Refusal::Connect)
    } else {
        Ok(())
    }
}

/// The effective Host: the field must occur exactly once, and the authority of an absolute target
/// replaces it (RFC 9112 §3.2, §3.2.2).
pub(super) fn settle_host(head: &mut request::Parts) -> Result<HeaderValue, Refusal> {
    let host = sole(&head.headers, &header::HOST).ok_or(Refusal::InvalidHost)?;
    match head.uri.authority() {
        None => Ok(host.clone()),
        Some(authority) => {
            if !matches!(head.uri.scheme_str(), Some("http" | "https")) {
                return Err(Refusal::InvalidTarget);
            }
            // Replaced or not, an invalid Host is an error (RFC 9112 §3.2).
            Host::parse(host.as_bytes()).ok_or(Refusal::InvalidHost)?;
            let host =
                HeaderValue::from_str(authority.as_str()).map_err(|_| Refusal::InvalidHost)?;
            head.headers.insert(header::HOST, host.clone());
            Ok(host)
        }
    }
}

/// The value of a field that must occur exactly once.
fn sole<'h>(headers: &'h HeaderMap, name: &http::HeaderName) -> Option<&'h HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// The normalised path. `*`, the target of a server-wide OPTIONS (RFC 9112 §3.2.4), matches no
/// Route.
pub(super) fn path(head: &request::Parts, slashes: Slashes) -> Result<String, Refusal> {
    match head.uri.path() {
        "*" => Err(Refusal::NoRoute),
        "" => Ok("/".to_owned()),
        path => normalised(path, slashes),
    }
}

/// A path that a client sent, normalised as its front door says.
pub(super) fn normalised(path: &str, slashes: Slashes) -> Result<String, Refusal> {
    slashes.check(path).map_err(Refusal::InvalidPath)?;
    let merged = slashes.apply(path);
    path::normalise(&merged).map(Cow::into_owned).map_err(Refusal::InvalidPath)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_parsed_strictly() {
        let parsed = |text: &str| {
            Host::parse(text.as_bytes()).map(|host| (host.name.into_owned(), host.port))
        };
        assert_eq!(parsed("WWW.Ep.com"), Some(("www.ep.com".into(), None)));
        assert_eq!(parsed("ep.com.:8080"), Some(("ep.com".into(), Some(8080))));
        assert_eq!(parsed("ep.com:"), Some(("ep.com".into(), None)));
        assert_eq!(parsed("127.0.0.1:80"), Some(("127.0.0.1".into(), Some(80))));
        assert_eq!(parsed("[0:0::1]:80"), Some(("[::1]".into(), Some(80))));
        for bad in [
            "",
            "a b",
            "a/b",
            "user@a",
            "a:b",
            "a:1:2",
            "a:70000",
            "[::1",
            "[x]",
            "::1",
            "a..b",
            ".",
            "<refused>",
            "a,b",
            "é",
        ] {
            assert_eq!(parsed(bad), None, "{bad}");
        }
    }

    proptest::proptest! {
        /// It is put into `Location`, `Forwarded`, `X-Forwarded-Host` and logs as it was sent.
        #[test]
        fn a_host_is_no_syntax_where_it_is_put(value in "[\\x21-\\x7E]{0,12}|[a-f.:\\[\\]0-9]{0,20}") {
            if Host::parse(value.as_bytes()).is_some() {
                let is_plain =
                    |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte);
                proptest::prop_assert!(value.bytes().all(is_plain), "{}", value);
                let url = format!("http://{value}/;@a");
                let uri: http::Uri = url.parse().unwrap();
                proptest::prop_assert_eq!(uri.authority().map(|a| a.as_str()), Some(value.as_str()));
                proptest::prop_assert_eq!(uri.path(), "/;@a");
            }
        }
    }
}
