//! What a policy may list as an origin.

use serde::{Serialize, Serializer};
use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

/// An entry of a policy's `allowOrigins`, in its canonical spelling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OriginPattern {
    /// `*`: every origin, including the opaque one (`null`).
    Any,
    /// `scheme://host[:port]`, with a wildcard in the host, the port, or both.
    Tuple {
        /// Lower case.
        scheme: Box<str>,
        /// The hosts.
        host: OriginHost,
        /// The ports.
        port: OriginPort,
    },
}

/// The hosts of an [`OriginPattern`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OriginHost {
    /// One name or address; IPv6 in brackets. A trailing dot is kept: to browsers `example.com.`
    /// and `example.com` are different hosts.
    Exact(Box<str>),
    /// One or more labels before this suffix (stored without `*.`), never the bare suffix.
    Subdomains(Box<str>),
}

/// The ports of an [`OriginPattern`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OriginPort {
    /// The scheme's default, which browsers leave out.
    Default,
    /// An explicit port.
    Number(u16),
    /// Any, including the default.
    Any,
}

impl OriginPattern {
    /// Whether an attacker on the network can impersonate one of these origins: the scheme is
    /// `http` and the host is not loopback. Always false for [`OriginPattern::Any`].
    pub fn is_insecure(&self) -> bool {
        match self {
            Self::Any => false,
            Self::Tuple { scheme, host, port: _ } => &**scheme == "http" && !host.is_loopback(),
        }
    }
}

impl OriginHost {
    /// Whether the hosts are `localhost`, names under it, or loopback addresses (Secure Contexts,
    /// "is origin potentially trustworthy").
    fn is_loopback(&self) -> bool {
        let (Self::Exact(host) | Self::Subdomains(host)) = self;
        let name = host.strip_suffix('.').unwrap_or(host);
        name.strip_suffix("localhost").is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            || host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
            || host
                .strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'))
                .is_some_and(|host| host.parse() == Ok(Ipv6Addr::LOCALHOST))
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Tuple { scheme, host, port } = self else { return f.write_str("*") };
        write!(f, "{scheme}://")?;
        match host {
            OriginHost::Exact(host) => f.write_str(host)?,
            OriginHost::Subdomains(suffix) => write!(f, "*.{suffix}")?,
        }
        match port {
            OriginPort::Default => Ok(()),
            OriginPort::Number(port) => write!(f, ":{port}"),
            OriginPort::Any => f.write_str(":*"),
        }
    }
}

impl Serialize for OriginPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn rule_30_http_is_insecure_unless_it_stays_on_the_machine() {
        for (entry, insecure) in [
            ("http://example.com", true),
            ("http://*.example.com:*", true),
            ("http://localhost.example.com", true),
            ("http://mylocalhost", true),
            ("http://*.mylocalhost:*", true),
            ("http://128.0.0.1", true),
            ("http://0.0.0.0", true),
            ("http://[::2]", true),
            ("http://[::ffff:7f00:1]", true),
            ("http://localhost", false),
            ("http://localhost:*", false),
            ("http://localhost.:3000", false),
            ("http://app.localhost", false),
            ("http://*.localhost:*", false),
            ("http://*.app.localhost", false),
            ("http://127.0.0.1:3000", false),
            ("http://127.255.0.9", false),
            ("http://[::1]:8080", false),
            ("https://example.com", false),
            ("capacitor://example.com", false),
            ("ws://example.com", false),
            ("*", false),
        ] {
            let pattern: OriginPattern = entry.parse().unwrap();
            assert_eq!(pattern.is_insecure(), insecure, "{entry}");
        }
    }
}
