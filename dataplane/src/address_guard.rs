//! Which addresses an `external` backend may point at.

use ipnet::IpNet;
use std::{net::IpAddr, str::FromStr};

/// The `--allow-external` setting: public addresses are always allowed, others only if listed.
/// Checked on the address that is dialled, not on the name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressGuard {
    allowed: Vec<ExternalPattern>,
}

/// One `--allow-external` pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExternalPattern {
    /// An address or a CIDR.
    Net(IpNet),
    /// A host, whatever it resolves to.
    Host(String),
    /// `*.host`: every subdomain of the host, whatever it resolves to.
    Below(String),
}

/// A pattern that is none of these.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an address, a CIDR, a host or '*.host'")]
pub struct ExternalPatternError(String);

impl FromStr for ExternalPattern {
    type Err = ExternalPatternError;

    fn from_str(pattern: &str) -> Result<Self, Self::Err> {
        if let Ok(net) = pattern.parse::<IpNet>() {
            return Ok(Self::Net(net));
        }
        if let Ok(address) = pattern.trim_matches(['[', ']']).parse::<IpAddr>() {
            return Ok(Self::Net(address.into()));
        }
        let (host, below) = match pattern.strip_prefix("*.") {
            Some(host) => (host, true),
            None => (pattern, false),
        };
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let is_name = !host.is_empty()
            && host.split('.').all(|label| {
                !label.is_empty()
                    && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            });
        match (is_name, below) {
            (false, _) => Err(ExternalPatternError(pattern.to_owned())),
            (true, true) => Ok(Self::Below(host)),
            (true, false) => Ok(Self::Host(host)),
        }
    }
}

impl AddressGuard {
    /// A guard that allows public addresses and those that `allowed` lists.
    pub fn new(allowed: Vec<ExternalPattern>) -> Self {
        Self { allowed }
    }

    /// Whether `address`, to which `host` (lower case) resolved, may be dialled.
    pub fn allows(&self, host: &str, address: IpAddr) -> bool {
        let address = address.to_canonical();
        is_public(address)
            || self.allowed.iter().any(|pattern| match pattern {
                ExternalPattern::Net(net) => net.contains(&address),
                ExternalPattern::Host(allowed) => host == allowed,
                ExternalPattern::Below(allowed) => host
                    .strip_suffix(allowed.as_str())
                    .is_some_and(|subdomain| subdomain.len() > 1 && subdomain.ends_with('.')),
            })
    }
}

/// Whether an address is globally reachable unicast (IANA special-purpose registries, RFC 6890).
/// This excludes link-local and unique-local ranges, where cloud metadata services live.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(a == 0
                || a >= 224
                || v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && (c == 0 || c == 2))
                || (a == 192 && b == 88 && c == 99)
                || (a == 198 && (18..20).contains(&b))
                || (a == 198 && b == 51 && c == 100)
                || (a == 203 && b == 0 && c == 113)
                || (a == 168 && b == 63 && c == 129))
        }
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            // Only 2000::/3 is assigned; within it, exclude documentation, Teredo, ORCHID and 6to4,
            // which embeds an unchecked IPv4 address.
            (0x2000..0x4000).contains(&first)
                && first != 0x2002
                && first != 0x3fff
                && !(first == 0x2001 && (second < 0x0200 || second == 0x0db8))
        }
    }
}
