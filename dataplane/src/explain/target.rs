//! The target of a request, given as a URL.

use crate::{
    proxy::Host,
    table::{Hosts, Scheme, VirtualHost},
};
use http::{
    HeaderValue, Uri,
    uri::{Authority, PathAndQuery, Scheme as UriScheme},
};
use std::{fmt, net::Ipv4Addr, str::FromStr};

/// An absolute `http` or `https` URL, split as a browser sends it: scheme, Host, and path with
/// query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    scheme: Scheme,
    host: HeaderValue,
    path: PathAndQuery,
}

/// Why a URL is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not a URL, or not an absolute one.
    #[error("write an absolute URL: http://localhost:8080/sales/report?year=2021")]
    NotAbsolute,
    /// A scheme that Portico does not support.
    #[error("the scheme must be http or https")]
    Scheme,
    /// A user name or a password before the host.
    #[error("a browser sends no user name in a URL: remove everything up to the '@'")]
    UserInfo,
    /// An invalid port.
    #[error("the port must be a number up to 65535")]
    Port,
}

impl FromStr for Target {
    type Err = TargetError;

    /// Drops a fragment and the scheme's default port, which no request carries.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.parse().map_err(|_| TargetError::NotAbsolute)?;
        let parts = uri.into_parts();
        let (scheme, authority) =
            parts.scheme.zip(parts.authority).ok_or(TargetError::NotAbsolute)?;
        let scheme = if scheme == UriScheme::HTTP {
            Scheme::Http
        } else if scheme == UriScheme::HTTPS {
            Scheme::Https
        } else {
            return Err(TargetError::Scheme);
        };
        if authority.as_str().contains('@') {
            return Err(TargetError::UserInfo);
        }
        let mut host = authority.host().to_ascii_lowercase();
        if let Some(port) = port(&authority)?.filter(|port| *port != scheme.default_port()) {
            host.push_str(&format!(":{port}"));
        }
        let host = HeaderValue::from_str(&host).map_err(|_| TargetError::NotAbsolute)?;
        let path = parts.path_and_query.unwrap_or(PathAndQuery::from_static("/"));
        Ok(Self { scheme, host, path })
    }
}

/// The port in a URL; an empty one counts as absent (URL Standard, "port state").
fn port(authority: &Authority) -> Result<Option<u16>, TargetError> {
    let text = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
    match text.strip_prefix(':').unwrap_or(text) {
        "" => Ok(None),
        digits if !digits.bytes().all(|byte| byte.is_ascii_digit()) => Err(TargetError::Port),
        digits => digits.parse().map(Some).map_err(|_| TargetError::Port),
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.path)
    }
}

impl Target {
    /// The scheme that the client uses.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// `Host` as a browser writes it.
    pub fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// Path and query, as in the URL.
    pub fn path(&self) -> &PathAndQuery {
        &self.path
    }

    /// The virtual host that serves this target.
    pub fn find_in<'t>(&self, hosts: &'t Hosts) -> Option<&'t VirtualHost> {
        hosts.find(&Host::parse(self.host.as_bytes())?.name)
    }

    /// The name that a client asks for in a TLS handshake; empty for an address, of which there is
    /// none (RFC 6066 §3).
    pub(super) fn server_name(&self) -> String {
        let host = Host::parse(self.host.as_bytes()).map(|host| host.name.to_string());
        let name = host.unwrap_or_default();
        let is_address = name.starts_with('[') || name.parse::<Ipv4Addr>().is_ok();
        if is_address { String::new() } else { name }
    }

    /// `Host` as text.
    pub(super) fn name(&self) -> &str {
        self.host.to_str().unwrap_or_default()
    }

    /// The URL's origin.
    pub(super) fn origin(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.name())
    }

    /// The request line's target.
    pub(super) fn uri(&self) -> Uri {
        Uri::from(self.path.clone())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_as_a_browser_sends_them() {
        for (text, origin, path) in [
            ("http://localhost:8080/a?b=c#d", "http://localhost:8080", "/a?b=c"),
            ("https://www.ep.com", "https://www.ep.com", "/"),
            ("HTTP://WWW.Ep.com:80?q", "http://www.ep.com", "/?q"),
            ("https://www.ep.com:443/a/../b", "https://www.ep.com", "/a/../b"),
            ("https://www.ep.com:80/", "https://www.ep.com:80", "/"),
            ("http://www.ep.com:/", "http://www.ep.com", "/"),
            ("http://www.ep.com:08080/", "http://www.ep.com:8080", "/"),
            ("http://[::1]/", "http://[::1]", "/"),
            ("http://[::1]:8080/", "http://[::1]:8080", "/"),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.origin(), origin, "{text}");
            assert_eq!(target.uri().to_string(), path, "{text}");
        }
    }

    #[test]
    fn other_urls_are_rejected() {
        for (text, error) in [
            ("", TargetError::NotAbsolute),
            ("/sales", TargetError::NotAbsolute),
            ("localhost:8080", TargetError::NotAbsolute),
            ("www.ep.com/sales", TargetError::NotAbsolute),
            ("http://a b/", TargetError::NotAbsolute),
            ("http:///a", TargetError::NotAbsolute),
            ("ftp://a/", TargetError::Scheme),
            ("http://me@a/", TargetError::UserInfo),
            ("http://me:secret@a/", TargetError::UserInfo),
            ("http://a:65536/", TargetError::Port),
            ("http://a:99999/x", TargetError::Port),
            ("http://a:+80/", TargetError::Port),
            ("http://[::1]:http/", TargetError::Port),
        ] {
            assert_eq!(text.parse::<Target>(), Err(error), "{text}");
        }
    }
}
