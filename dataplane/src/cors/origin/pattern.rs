//! What a policy may list as an origin: the strict parser.

use serde::{Serialize, Serializer};
use std::{fmt, str::FromStr};

/// An entry of a policy's `allowOrigins`, in its canonical spelling.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OriginPattern {
    /// `*`: every origin, the opaque one (`null`) too.
    Any,
    /// `scheme://host[:port]`, with a wildcard in the host, the port, or both.
    Tuple {
        /// Lower case.
        scheme: Box<str>,
        /// Which hosts.
        host: OriginHost,
        /// Which ports.
        port: OriginPort,
    },
}

/// The hosts of an [`OriginPattern`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OriginHost {
    /// One name or address; IPv6 in brackets.
    Exact(Box<str>),
    /// One or more labels in front of this suffix (held without `*.`), never the bare suffix.
    Subdomains(Box<str>),
}

/// The ports of an [`OriginPattern`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OriginPort {
    /// The scheme's default one, which an origin never writes.
    Default,
    /// One that is written.
    Number(u16),
    /// Any, the unwritten default one too.
    Any,
}

/// Why an entry is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginPatternError {
    /// Not `scheme://host[:port]`.
    #[error("is not an origin: write scheme://host[:port], without path and trailing slash")]
    NotAnOrigin,
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

impl FromStr for OriginPattern {
    type Err = OriginPatternError;

    fn from_str(entry: &str) -> Result<Self, Self::Err> {
        if entry == "*" {
            return Ok(Self::Any);
        }
        let (scheme, authority) = entry.split_once("://").ok_or(OriginPatternError::NotAnOrigin)?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, "*")) => (host, OriginPort::Any),
            Some((host, port)) if !port.contains(']') => {
                let port = port.parse().map_err(|_| OriginPatternError::NotAnOrigin)?;
                (host, OriginPort::Number(port))
            }
            Some(_) | None => (authority, OriginPort::Default),
        };
        let host = match host.strip_prefix("*.") {
            Some(suffix) => OriginHost::Subdomains(suffix.into()),
            None => OriginHost::Exact(host.into()),
        };
        Ok(Self::Tuple { scheme: scheme.into(), host, port })
    }
}
