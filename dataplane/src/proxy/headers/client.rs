//! The request as the client sent it: its address, and the origin that it talked to. Headers from a
//! proxy in front are used only if the FrontDoor trusts that proxy.

use super::{
    super::{peer::Peer, target::Host},
    forwarded,
};
use crate::table::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use std::net::IpAddr;

/// `X-Forwarded-For`: the client's address, then each proxy's.
pub(in crate::proxy) const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// `X-Forwarded-Proto`: the scheme that the client used.
pub(in crate::proxy) const FORWARDED_PROTO: HeaderName =
    HeaderName::from_static("x-forwarded-proto");
/// `X-Forwarded-Host`: the Host that the client sent.
pub(in crate::proxy) const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// `X-Forwarded-Port`: the port that the client dialled.
pub(in crate::proxy) const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
/// `X-Real-IP`: the client's address.
pub(in crate::proxy) const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
/// `X-Request-Id`: identifies a request in logs.
pub(in crate::proxy) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The request as the client sent it.
#[derive(Clone, Debug)]
pub(in crate::proxy) struct ClientInfo {
    /// Whether the peer is a trusted proxy.
    pub(in crate::proxy) trusted: bool,
    /// The client's address.
    pub(in crate::proxy) address: IpAddr,
    /// The scheme that the client used.
    pub(in crate::proxy) scheme: Scheme,
    /// The Host that the client sent.
    pub(in crate::proxy) host: HeaderValue,
    /// The port that the client dialled.
    pub(in crate::proxy) port: u16,
}

impl ClientInfo {
    /// Evaluates the headers of trusted proxies; `host` is the request's own Host, and `port` the
    /// port in it.
    pub(in crate::proxy) fn of(
        peer: &Peer,
        headers: &HeaderMap,
        trusted_proxies: &[IpNet],
        host: &HeaderValue,
        port: Option<u16>,
    ) -> Self {
        let address = peer.address.ip().to_canonical();
        let is_trusted = |address: IpAddr| trusted_proxies.iter().any(|net| net.contains(&address));
        let trusted = !trusted_proxies.is_empty() && is_trusted(address);
        if !trusted {
            let (scheme, host) = (peer.scheme, host.clone());
            let port = port.unwrap_or(scheme.default_port());
            return Self { trusted, address, scheme, host, port };
        }
        let chain = forwarded::elements(headers);
        let nearest = chain.last().cloned().unwrap_or_default();
        let reported = |name: &HeaderName| last_element(headers, name);
        let scheme = match reported(&FORWARDED_PROTO).or(nearest.proto.as_deref()) {
            Some(proto) if is_over_tls(proto) => Scheme::Https,
            Some(_) => Scheme::Http,
            None => peer.scheme,
        };
        let host = reported(&FORWARDED_HOST)
            .or(nearest.host.as_deref())
            .filter(|host| Host::parse(host.as_bytes()).is_some())
            .and_then(|host| HeaderValue::from_str(host).ok())
            .unwrap_or_else(|| host.clone());
        let port = reported(&FORWARDED_PORT).and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| {
            let port = Host::parse(host.as_bytes()).and_then(|host| host.port);
            port.unwrap_or(scheme.default_port())
        });
        let address = client_address(headers, &chain, address, is_trusted);
        Self { trusted, address, scheme, host, port }
    }

    /// Whether `origin` is the origin that the client talks to: scheme and Host of this request, in
    /// lower case and without the scheme's default port, as browsers write it (HTML, "ASCII
    /// serialization of an origin").
    pub(in crate::proxy) fn is_own_origin(&self, origin: &[u8]) -> bool {
        let authority = origin
            .strip_prefix(self.scheme.as_str().as_bytes())
            .and_then(|rest| rest.strip_prefix(b"://"));
        let own = self.host.as_bytes();
        let written = Host::parse(own).and_then(|host| host.port);
        let port = written.filter(|port| *port != self.scheme.default_port());
        let name_ends = match port {
            Some(_) => own.len(),
            // Drop the default port, or a colon with nothing after it.
            None => own.len() - own.iter().rev().take_while(|b| b.is_ascii_digit()).count(),
        };
        let own = match (port, own.get(..name_ends)) {
            (None, Some([name @ .., b':'])) => name,
            _ => own,
        };
        authority
            .is_some_and(|theirs| theirs.iter().copied().eq(own.iter().map(u8::to_ascii_lowercase)))
    }
}

/// Whether a proxy's name for the scheme means TLS. Traefik reports `wss` for a WebSocket, whose
/// page has an `https` origin.
fn is_over_tls(proto: &str) -> bool {
    proto.eq_ignore_ascii_case("https") || proto.eq_ignore_ascii_case("wss")
}

/// The list element that the nearest proxy added.
fn last_element<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let value = headers.get_all(name).iter().next_back()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim).filter(|element| !element.is_empty())
}

/// The nearest address in `X-Forwarded-For`, or else in `Forwarded` (RFC 7239 §5.2), that is not a
/// trusted proxy's; else `X-Real-IP`; else the peer's.
fn client_address(
    headers: &HeaderMap,
    chain: &[forwarded::Element],
    peer: IpAddr,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> IpAddr {
    let lines = headers.get_all(FORWARDED_FOR);
    let lines = lines.iter().rev().map(|line| line.to_str().unwrap_or_default());
    let reported = lines.flat_map(|line| line.rsplit(',').map(str::trim));
    let forwarded_for =
        chain.iter().rev().map(|element| element.client.as_deref().unwrap_or_default());
    let first = nearest(reported, &is_trusted).or_else(|| nearest(forwarded_for, &is_trusted));
    let first = first.or_else(|| Some(parse_address(last_element(headers, &REAL_IP)?)));
    first.flatten().unwrap_or(peer)
}

/// The first address that is not a trusted proxy's, or the last before an invalid one; `None` if
/// there are no elements, `Some(None)` if the first is invalid.
fn nearest<'t>(
    reported: impl Iterator<Item = &'t str>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Option<Option<IpAddr>> {
    let mut furthest = None;
    for element in reported {
        let Some(address) = parse_address(element) else {
            return Some(furthest.flatten());
        };
        furthest = Some(Some(address));
        if !is_trusted(address) {
            break;
        }
    }
    furthest
}

/// Parses an address with or without a port, IPv6 with or without brackets.
fn parse_address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address =
        bare.parse().ok().or_else(|| text.parse().ok().map(|with: std::net::SocketAddr| with.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(scheme: Scheme, host: &'static str) -> ClientInfo {
        let address = IpAddr::from([127, 0, 0, 1]);
        let host = HeaderValue::from_static(host);
        ClientInfo { trusted: false, address, scheme, host, port: scheme.default_port() }
    }

    #[test]
    fn rule_2_the_own_origin_is_scheme_and_host_of_this_request() {
        for (scheme, host, own) in [
            (Scheme::Http, "www.ep.com", "http://www.ep.com"),
            (Scheme::Http, "WWW.Ep.com", "http://www.ep.com"),
            (Scheme::Http, "www.ep.com:80", "http://www.ep.com"),
            (Scheme::Http, "www.ep.com:", "http://www.ep.com"),
            (Scheme::Http, "www.ep.com:443", "http://www.ep.com:443"),
            (Scheme::Https, "www.ep.com:443", "https://www.ep.com"),
            (Scheme::Https, "www.ep.com:80", "https://www.ep.com:80"),
            (Scheme::Http, "www.ep.com.:8080", "http://www.ep.com.:8080"),
            (Scheme::Http, "10.0.0.1", "http://10.0.0.1"),
            (Scheme::Http, "[::1]:8080", "http://[::1]:8080"),
            (Scheme::Http, "[::1]", "http://[::1]"),
            (Scheme::Http, "[::1]:80", "http://[::1]"),
        ] {
            assert!(client(scheme, host).is_own_origin(own.as_bytes()), "{host}: {own}");
        }
    }

    #[test]
    fn rule_2_another_spelling_is_another_origin() {
        let client = client(Scheme::Http, "www.ep.com");
        for other in [
            "",
            "null",
            "www.ep.com",
            "http://",
            "http://ep.com",
            "http://www.ep.com/",
            "http://www.ep.com:80",
            "http://WWW.ep.com",
            "HTTP://www.ep.com",
            "https://www.ep.com",
            "http://www.ep.com.",
            "http://www.ep.com:8080",
            "http://xwww.ep.com",
        ] {
            assert!(!client.is_own_origin(other.as_bytes()), "{other}");
        }
    }
}
