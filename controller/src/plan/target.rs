//! Where a recorded request went: its origin and path. Credentials, queries and fragments are
//! dropped here.

use portico_dataplane::path::normalise;
use std::net::IpAddr;
use url::{Host, Url};

/// How long a path may be. A longer one can't be a path pattern, nor would anybody write it as one.
const MAX_PATH: usize = 512;

/// How many segments it may have.
const MAX_SEGMENTS: usize = 32;

/// Where a request went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Scheme, host and port, as browsers write an origin; that of a WebSocket as http or https.
    pub(super) origin: String,
    /// The normalised path; `None` if it is one that Portico would refuse.
    pub(super) path: Option<String>,
    /// Whether it is a WebSocket.
    pub(super) is_socket: bool,
}

/// Why a URL is no target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoTarget {
    /// It goes nowhere: `data:`, `blob:`, an extension's.
    Local,
    /// It is not an absolute URL.
    Invalid,
}

impl Target {
    /// Reads an absolute URL (URL Standard).
    pub(super) fn parse(text: &str) -> Result<Self, NoTarget> {
        let url = Url::parse(text).map_err(|_| NoTarget::Invalid)?;
        let scheme = match url.scheme() {
            "http" | "ws" => "http",
            "https" | "wss" => "https",
            _ => return Err(NoTarget::Local),
        };
        let host = url.host_str().ok_or(NoTarget::Invalid)?;
        // The parser drops default ports, and those of ws and wss are the same.
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let is_short =
            |path: &str| path.len() <= MAX_PATH && path.matches('/').count() <= MAX_SEGMENTS;
        let path = normalise(url.path()).ok().filter(|path| is_short(path));
        Ok(Self {
            origin: format!("{scheme}://{}{port}", host.trim_end_matches('.')),
            path: path.map(|path| path.into_owned()),
            is_socket: url.scheme().starts_with("ws"),
        })
    }
}

/// The origin of a URL, or of an `Origin` header; `None` for `null` and what is neither.
pub(super) fn origin_of(text: &str) -> Option<String> {
    Target::parse(text).ok().map(|target| target.origin)
}

/// The parts of an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) is_https: bool,
    /// A name, or an address; IPv6 in brackets.
    pub(super) host: String,
    /// The port, even if it is the default one.
    pub(super) port: u16,
    /// The address, where the host is one, or `localhost`.
    pub(super) address: Option<IpAddr>,
}

impl Authority {
    /// Takes apart an origin that [`Target`] made.
    pub(super) fn of(origin: &str) -> Option<Self> {
        let url = Url::parse(origin).ok()?;
        let address = match url.host()? {
            Host::Domain(name) if name == "localhost" || name.ends_with(".localhost") => {
                Some(IpAddr::from([127, 0, 0, 1]))
            }
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        };
        Some(Self {
            is_https: url.scheme() == "https",
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
            address,
        })
    }

    /// The domain that somebody registered; the host itself where that is an address, a name without
    /// dots or a public suffix.
    pub(super) fn site(&self) -> &str {
        match self.address {
            Some(_) => &self.host,
            None => psl::domain_str(&self.host).unwrap_or(&self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_origin_and_path_are_left_of_a_url() {
        for (url, origin, path) in [
            ("https://me:pw@API.example.com:443/a/../b%7e?k=v#f", "https://api.example.com", "/b~"),
            ("http://[::1]:80", "http://[::1]", "/"),
            ("wss://a.example:8443/ws", "https://a.example:8443", "/ws"),
            ("http://a.example./x", "http://a.example", "/x"),
            ("https://bücher.example/ä", "https://xn--bcher-kva.example", "/%C3%A4"),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.origin.as_str(), target.path.as_deref()), (origin, Some(path)));
        }
        assert_eq!(Target::parse("https://a.example/a%00").unwrap().path, None);
        let long = format!("https://a.example/{}", "a".repeat(600));
        assert_eq!(Target::parse(&long).unwrap().path, None);
        let deep = format!("https://a.example{}", "/a".repeat(33));
        assert_eq!(Target::parse(&deep).unwrap().path, None);
        for url in ["data:,x", "blob:https://a/1", "chrome-extension://x/y", "about:blank"] {
            assert_eq!(Target::parse(url), Err(NoTarget::Local), "{url}");
        }
        for url in ["", "/path", "null", "https://", "https://a b/"] {
            assert_eq!(Target::parse(url), Err(NoTarget::Invalid), "{url}");
        }
    }

    #[test]
    fn a_site_is_what_somebody_registered() {
        for (origin, site) in [
            ("https://www.ep.com", "ep.com"),
            ("https://a.b.example.co.uk", "example.co.uk"),
            ("https://profiles.azurewebsites.net", "profiles.azurewebsites.net"),
            ("http://localhost:9102", "localhost"),
            ("http://127.0.0.1:1", "127.0.0.1"),
            ("http://intranet", "intranet"),
        ] {
            assert_eq!(Authority::of(origin).unwrap().site(), site);
        }
    }
}
