//! Which hosts an entry matches.

use serde::{Serialize, Serializer};
use std::{fmt, net::Ipv6Addr, str::FromStr, sync::Arc};

/// A host entry of a FrontDoor: exact, `*.suffix` or `*`; lower case, no trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostPattern {
    /// One host name or address.
    Exact(Arc<str>),
    /// One or more labels before this suffix (stored without `*.`), never the bare suffix.
    Suffix(Arc<str>),
    /// Every host.
    Any,
}

/// Why a host entry is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostPatternError {
    /// Empty.
    #[error("is empty")]
    Empty,
    /// Longer than a DNS name can be.
    #[error("is longer than 253 characters")]
    TooLong,
    /// Not labels of 1 to 63 letters, digits, `-` or `_`, joined by dots.
    #[error(
        "is not a DNS name: labels of letters, digits and '-', joined by dots; a host in Unicode is written as its A-label (xn--…)"
    )]
    NotAName,
    /// A port, a scheme, or an IPv6 address without brackets.
    #[error("has a ':': give the name alone, without scheme and port; IPv6 goes in brackets")]
    Port,
    /// A `*` that is not the whole first label.
    #[error("has a '*' that is not the whole first label: write '*.suffix' or '*' alone")]
    Wildcard,
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => f.write_str(host),
            Self::Suffix(suffix) => write!(f, "*.{suffix}"),
            Self::Any => f.write_str("*"),
        }
    }
}

impl HostPattern {
    /// Whether it matches `host`, which is in lower case, without port or trailing dot.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(own) => **own == *host,
            Self::Suffix(suffix) => is_below(suffix, host),
            Self::Any => true,
        }
    }

    /// Whether every host that `other` matches is one that this matches too.
    pub fn includes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (_, Self::Any) | (Self::Exact(_), Self::Suffix(_)) => false,
            (Self::Exact(ours), Self::Exact(theirs)) => ours == theirs,
            (Self::Suffix(ours), Self::Suffix(theirs)) if ours == theirs => true,
            (Self::Suffix(ours), Self::Exact(theirs) | Self::Suffix(theirs)) => {
                is_below(ours, theirs)
            }
        }
    }
}

/// Whether a name has labels before this suffix.
fn is_below(suffix: &str, name: &str) -> bool {
    let labels = name.strip_suffix(suffix);
    labels.is_some_and(|labels| labels.len() > 1 && labels.ends_with('.'))
}

impl Serialize for HostPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for HostPattern {
    type Err = HostPatternError;

    /// Lower-cases the entry and drops one trailing dot; an IPv6 address is in brackets, as in
    /// `Host`.
    fn from_str(entry: &str) -> Result<Self, Self::Err> {
        if entry == "*" {
            return Ok(Self::Any);
        }
        let folded = entry.strip_suffix('.').unwrap_or(entry).to_ascii_lowercase();
        if let Some(suffix) = folded.strip_prefix("*.") {
            dns_name(suffix)?;
            return Ok(Self::Suffix(suffix.into()));
        }
        if let Some(address) = folded.strip_prefix('[') {
            let (address, port) = address.split_once(']').ok_or(HostPatternError::NotAName)?;
            let address: Ipv6Addr = address.parse().map_err(|_| HostPatternError::NotAName)?;
            return match port {
                "" => Ok(Self::Exact(format!("[{address}]").into())),
                _ => Err(HostPatternError::Port),
            };
        }
        dns_name(&folded)?;
        Ok(Self::Exact(folded.into()))
    }
}

/// Checks a lower-case DNS name.
fn dns_name(name: &str) -> Result<(), HostPatternError> {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    match name {
        "" => Err(HostPatternError::Empty),
        _ if name.contains('*') => Err(HostPatternError::Wildcard),
        _ if name.contains(':') => Err(HostPatternError::Port),
        _ if name.len() > 253 => Err(HostPatternError::TooLong),
        _ if !name.split('.').all(is_label) => Err(HostPatternError::NotAName),
        _ => Ok(()),
    }
}
