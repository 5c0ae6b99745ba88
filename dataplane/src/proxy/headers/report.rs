//! What trusted proxies report about the client: one walk along their chain, from the nearest on,
//! up to the first address that is not a trusted proxy's. What lies beyond, a client may have
//! written.

use super::{forwarded, names};
use crate::table::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
};

/// Limit for the number of proxies in a chain.
const MAX_HOPS: usize = 32;

/// The client as trusted proxies report it; what they don't report is `None`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Report<'h> {
    /// Its address; as far as the proxies know it, and at least the nearest proxy's.
    pub(super) address: IpAddr,
    /// The scheme that it used.
    pub(super) scheme: Option<Scheme>,
    /// The Host that it sent, which may be invalid.
    pub(super) host: Option<Cow<'h, [u8]>>,
    /// The port that it dialled.
    pub(super) port: Option<u16>,
}

/// The walk along the chain of proxies.
struct Chain<F> {
    /// The furthest address so far.
    address: IpAddr,
    /// How many trusted proxies have been passed that report an address.
    hops: usize,
    is_trusted: F,
}

impl<F: Fn(IpAddr) -> bool> Chain<F> {
    /// Follows what the proxy at [`Self::address`] reports; whether the address that it reports is
    /// a trusted proxy's too, whose own report counts as well.
    fn follow(&mut self, reported: Option<IpAddr>) -> bool {
        self.hops += 1;
        let Some(address) = reported else { return false };
        self.address = address;
        self.hops < MAX_HOPS && (self.is_trusted)(address)
    }
}

impl<'h> Report<'h> {
    /// Reads `X-Forwarded-*`, or without `X-Forwarded-For` also `X-Real-IP`, from a trusted proxy
    /// at `peer`. `X-Forwarded-For` tells how many trusted proxies there are. Each appends to the
    /// other fields too, or replaces them; so of each the element counts that the furthest of them
    /// can have written.
    pub(super) fn of_x_forwarded(
        headers: &'h HeaderMap,
        peer: IpAddr,
        is_trusted: impl Fn(IpAddr) -> bool,
    ) -> Self {
        let mut chain = Chain { address: peer, hops: 0, is_trusted };
        let has_chain = headers.contains_key(names::FORWARDED_FOR);
        let addresses = if has_chain { names::FORWARDED_FOR } else { names::REAL_IP };
        for element in from_nearest(headers, &addresses) {
            if !chain.follow(parse_address(element)) {
                break;
            }
        }
        let hops = chain.hops.max(1);
        let reported = |name: HeaderName| {
            let elements = from_nearest(headers, &name).take(hops);
            elements.last().filter(|element| !element.is_empty())
        };
        let port = reported(names::FORWARDED_PORT).and_then(|port| text(port)?.parse().ok());
        Self {
            address: chain.address,
            scheme: reported(names::FORWARDED_PROTO).map(scheme),
            host: reported(names::FORWARDED_HOST).map(Cow::Borrowed),
            port: port.filter(|port| *port != 0),
        }
    }

    /// Reads `Forwarded` (RFC 7239) from a trusted proxy at `peer`. The furthest trusted proxy that
    /// reports a host or scheme knows best; a malformed element ends the walk.
    pub(super) fn of_forwarded(
        headers: &'h HeaderMap,
        peer: IpAddr,
        is_trusted: impl Fn(IpAddr) -> bool,
    ) -> Self {
        let mut chain = Chain { address: peer, hops: 0, is_trusted };
        let (mut proto, mut host) = (None, None);
        for element in forwarded::from_nearest(headers) {
            let Some(element) = element else { break };
            proto = element.proto.or(proto);
            host = element.host.or(host);
            let client = element.client.as_deref().map(str::as_bytes);
            if !chain.follow(client.and_then(parse_address)) {
                break;
            }
        }
        Self {
            address: chain.address,
            scheme: proto.map(|proto| scheme(proto.as_bytes())),
            host: host.map(|host| match host {
                Cow::Borrowed(host) => Cow::Borrowed(host.as_bytes()),
                Cow::Owned(host) => Cow::Owned(host.into_bytes()),
            }),
            port: None,
        }
    }
}

/// The elements of a list field, the one that the nearest proxy added first.
fn from_nearest<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'h [u8]> + use<'h> {
    let lines = headers.get_all(name).iter().rev().map(HeaderValue::as_bytes);
    lines.flat_map(|line| line.rsplit(|byte| *byte == b',').map(<[u8]>::trim_ascii))
}

/// A proxy's name for the scheme. Traefik reports `wss` for a WebSocket, whose page has an `https`
/// origin.
fn scheme(proto: &[u8]) -> Scheme {
    if proto.eq_ignore_ascii_case(b"https") || proto.eq_ignore_ascii_case(b"wss") {
        Scheme::Https
    } else {
        Scheme::Http
    }
}

/// Parses an address with or without a port, IPv6 with or without brackets.
fn parse_address(element: &[u8]) -> Option<IpAddr> {
    let text = text(element)?;
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse().ok().map(|with: SocketAddr| with.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

fn text(element: &[u8]) -> Option<&str> {
    std::str::from_utf8(element).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::table::TrustedHeaders;

    const PEER: &str = "10.0.0.1";

    /// What proxies in 10.0.0.0/8 report, printed `address scheme host port`.
    fn told(lines: &[(&'static str, &str)], family: TrustedHeaders) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let is_trusted =
            |address: IpAddr| matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 10);
        let peer = PEER.parse().unwrap();
        let report = match family {
            TrustedHeaders::XForwarded => Report::of_x_forwarded(&headers, peer, is_trusted),
            TrustedHeaders::Forwarded => Report::of_forwarded(&headers, peer, is_trusted),
        };
        let scheme = report.scheme.map_or("-", Scheme::as_str);
        let host = report.host.map_or("-".into(), |host| String::from_utf8(host.into()).unwrap());
        let port = report.port.map_or("-".into(), |port| port.to_string());
        format!("{} {scheme} {host} {port}", report.address)
    }

    #[test]
    fn all_that_is_reported_comes_from_one_walk_along_the_chain() {
        for (chain, proto, host, port, expected) in [
            ("1.1.1.1, 10.0.0.2", "https, http", "a, b", "443, 80", "1.1.1.1 https a 443"),
            ("1.1.1.1", "https, http", "a, b", "443, 80", "1.1.1.1 http b 80"),
            (
                "6.6.6.6, 1.1.1.1, 10.0.0.2",
                "http, https, http",
                "x, a, b",
                "1, 443, 80",
                "1.1.1.1 https a 443",
            ),
            // Proxies that replace instead of appending.
            ("1.1.1.1, 10.0.0.2", "https", "a", "443", "1.1.1.1 https a 443"),
            (
                "1.1.1.1, 10.0.0.3, 10.0.0.2",
                "https, http",
                "a, b",
                "443, 80",
                "1.1.1.1 https a 443",
            ),
            ("10.0.0.3, 10.0.0.2", "https, http", "a, b", "443, 80", "10.0.0.3 https a 443"),
            (
                "1.1.1.1, unknown, 10.0.0.2",
                "https, http",
                "a, b",
                "443, 80",
                "10.0.0.2 https a 443",
            ),
            ("nonsense", "https", "a", "x", "10.0.0.1 https a -"),
            ("1.1.1.1", "", "", "0", "1.1.1.1 - - -"),
        ] {
            let lines = [
                ("x-forwarded-for", chain),
                ("x-forwarded-proto", proto),
                ("x-forwarded-host", host),
                ("x-forwarded-port", port),
                ("forwarded", "for=6.6.6.6;proto=https;host=evil"),
            ];
            let family = TrustedHeaders::XForwarded;
            assert_eq!(told(&lines, family), expected, "{chain} {proto}");
        }
    }

    #[test]
    fn without_a_chain_only_the_nearest_proxy_counts() {
        let family = TrustedHeaders::XForwarded;
        let proto = ("x-forwarded-proto", "http, https");
        assert_eq!(told(&[proto], family), "10.0.0.1 https - -");
        assert_eq!(told(&[("x-real-ip", "1.1.1.1"), proto], family), "1.1.1.1 https - -");
    }

    #[test]
    fn lines_continue_each_other() {
        let family = TrustedHeaders::XForwarded;
        let lines = [
            ("x-forwarded-for", "6.6.6.6, 1.1.1.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-for", "10.0.0.2"),
            ("x-forwarded-proto", "http"),
        ];
        assert_eq!(told(&lines, family), "1.1.1.1 https - -");
        let lines = [("forwarded", "for=6.6.6.6, for=1.1.1.1"), ("forwarded", "for=10.0.0.2")];
        let family = TrustedHeaders::Forwarded;
        assert_eq!(told(&lines, family), "1.1.1.1 - - -");
    }

    #[test]
    fn forwarded_is_read_as_far_as_trusted_proxies_wrote_it() {
        let family = TrustedHeaders::Forwarded;
        for (line, expected) in [
            ("for=1.1.1.1;proto=https;host=a", "1.1.1.1 https a -"),
            ("for=1.1.1.1;proto=https;host=a, for=10.0.0.2;proto=http;host=b", "1.1.1.1 https a -"),
            ("for=1.1.1.1, for=10.0.0.2;proto=https;host=b", "1.1.1.1 https b -"),
            ("for=10.0.0.9;proto=https;host=evil, for=1.1.1.1;host=a", "1.1.1.1 - a -"),
            ("for=10.0.0.9;proto=https;host=evil, for=_hidden", "10.0.0.1 - - -"),
            ("for=10.0.0.9;proto=https;host=evil, proto=http", "10.0.0.1 http - -"),
            // Nothing that a client leaves open swallows what the proxy adds.
            ("for=\"evil, for=1.1.1.1;proto=https;host=\"a\"", "1.1.1.1 https a -"),
            ("for=\"evil\\, for=1.1.1.1", "1.1.1.1 - - -"),
            ("for, for=10.0.0.2;proto=https", "10.0.0.2 https - -"),
            ("for=1.1.1.1;for=2.2.2.2", "10.0.0.1 - - -"),
        ] {
            let lines = [
                ("x-forwarded-for", "6.6.6.6"),
                ("x-forwarded-proto", "http"),
                ("x-real-ip", "6.6.6.6"),
                ("forwarded", line),
            ];
            assert_eq!(told(&lines, family), expected, "{line}");
        }
    }

    #[test]
    fn a_chain_has_a_bound() {
        let all = vec!["10.0.0.2"; MAX_HOPS + 8].join(", ");
        let chain = format!("1.1.1.1, {all}");
        let family = TrustedHeaders::XForwarded;
        assert_eq!(told(&[("x-forwarded-for", &chain)], family), "10.0.0.2 - - -");
    }
}
