//! The request as the client sent it: its address, and the origin that it talked to. Headers from a
//! proxy in front are used only if the FrontDoor trusts that proxy.

use super::{
    super::{peer::Peer, target::Host},
    names::REQUEST_ID,
    report::Report,
};
use crate::{
    refusal::Refusal,
    table::{Scheme, TrustedHeaders, VirtualHost},
};
use http::{HeaderMap, HeaderValue};
use std::net::IpAddr;

/// The request as the client sent it.
#[derive(Clone, Debug)]
pub(in crate::proxy) struct ClientInfo {
    /// If the peer is a trusted proxy, the fields in which it reports the client.
    pub(in crate::proxy) trusted: Option<TrustedHeaders>,
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
    /// port in it. A host that they report must be one that `has_host` accepts: proxies pass on the
    /// fields that they don't set themselves.
    pub(in crate::proxy) fn of(
        peer: &Peer,
        headers: &HeaderMap,
        virtual_host: &VirtualHost,
        host: &HeaderValue,
        port: Option<u16>,
        has_host: impl FnOnce(&str) -> bool,
    ) -> Result<Self, Refusal> {
        let address = peer.address.ip().to_canonical();
        let VirtualHost { trusted_proxies, trusted_headers, .. } = virtual_host;
        let is_trusted = |address: IpAddr| trusted_proxies.iter().any(|net| net.contains(&address));
        if trusted_proxies.is_empty() || !is_trusted(address) {
            let (scheme, host) = (peer.scheme, host.clone());
            let port = port.unwrap_or(scheme.default_port());
            return Ok(Self { trusted: None, address, scheme, host, port });
        }
        let report = match trusted_headers {
            TrustedHeaders::XForwarded => Report::of_x_forwarded(headers, address, is_trusted),
            TrustedHeaders::Forwarded => Report::of_forwarded(headers, address, is_trusted),
        };
        let (host, port) = match report.host {
            None => (host.clone(), port),
            Some(reported) => {
                let parsed = Host::parse(&reported).filter(|parsed| has_host(&parsed.name));
                let port = parsed.ok_or(Refusal::InvalidForwardedHost)?.port;
                let host = HeaderValue::from_bytes(&reported);
                (host.map_err(|_| Refusal::InvalidForwardedHost)?, port)
            }
        };
        let scheme = report.scheme.unwrap_or(peer.scheme);
        Ok(Self {
            trusted: Some(*trusted_headers),
            address: report.address,
            scheme,
            host,
            port: report.port.or(port).unwrap_or(scheme.default_port()),
        })
    }

    /// The request's id, if a trusted proxy has assigned one.
    pub(in crate::proxy) fn trusted_id<'h>(
        &self,
        headers: &'h HeaderMap,
    ) -> Option<&'h HeaderValue> {
        self.trusted?;
        let id = headers.get(REQUEST_ID)?;
        // It is written to logs as it is, so it must not look like more than one value there.
        let is_plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
        let is_valid = (1..=128).contains(&id.len()) && id.as_bytes().iter().all(is_plain);
        is_valid.then_some(id)
    }

    /// Whether `origin` is the origin that the client talks to: scheme and Host of this request, in
    /// lower case and without the scheme's default port, as browsers write it (HTML, "ASCII
    /// serialization of an origin").
    pub(in crate::proxy) fn is_own_origin(&self, origin: &[u8]) -> bool {
        let rest = origin.strip_prefix(self.scheme.as_str().as_bytes());
        let Some(authority) = rest.and_then(|rest| rest.strip_prefix(b"://")) else {
            return false;
        };
        let own = self.host.as_bytes();
        let digits = own.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let (name, port) = own.split_at(own.len() - digits);
        let port = str::from_utf8(port).unwrap_or_default();
        let is_default = port.is_empty() || port.parse() == Ok(self.scheme.default_port());
        let own = match name {
            // In a valid Host, this is where the port begins.
            [name @ .., b':'] if is_default => name,
            _ => own,
        };
        authority.iter().copied().eq(own.iter().map(u8::to_ascii_lowercase))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(scheme: Scheme, host: &'static str) -> ClientInfo {
        let address = IpAddr::from([127, 0, 0, 1]);
        let host = HeaderValue::from_static(host);
        ClientInfo { trusted: None, address, scheme, host, port: scheme.default_port() }
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
