//! Which addresses an `external` backend may point at.

use ipnet::IpNet;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

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

/// The IPv4 addresses that a packet to `address` may end up at: itself, or those embedded in an IPv6
/// address by a transition mechanism, of which the network may have a gateway.
pub fn embedded_v4(address: IpAddr) -> impl Iterator<Item = Ipv4Addr> {
    let found = match address {
        IpAddr::V4(v4) => [Some(v4), None, None, None],
        IpAddr::V6(v6) => embedded_in_v6(v6),
    };
    found.into_iter().flatten()
}

fn embedded_in_v6(v6: Ipv6Addr) -> [Option<Ipv4Addr>; 4] {
    let octets = v6.octets();
    let at = |places: [usize; 4]| Some(Ipv4Addr::from(places.map(|place| octets[place])));
    let last = at([12, 13, 14, 15]);
    match v6.segments() {
        // Unspecified and loopback.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => [None; 4],
        // IPv4-compatible, IPv4-mapped (RFC 4291 §2.5.5), IPv4-translated (RFC 2765 §2.1), and
        // NAT64's well-known prefix (RFC 6052 §2.1).
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _]
        | [0, 0, 0, 0, 0xffff, 0, _, _]
        | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => [last, None, None, None],
        // NAT64's prefix for local use (RFC 8215), of any length: an address in 0.0.0.0/8 is a
        // sign that the prefix is longer.
        [0x64, 0xff9b, 1, ..] => {
            let sensible = |v4: &Ipv4Addr| v4.octets()[0] != 0;
            [
                last,
                at([6, 7, 9, 10]).filter(sensible),
                at([7, 9, 10, 11]).filter(sensible),
                at([9, 10, 11, 12]).filter(sensible),
            ]
        }
        // Teredo's server and client (RFC 4380 §4).
        [0x2001, 0, ..] => {
            [at([4, 5, 6, 7]), last.map(|v4| Ipv4Addr::from(!u32::from(v4))), None, None]
        }
        // 6to4 (RFC 3056 §2).
        [0x2002, ..] => [at([2, 3, 4, 5]), None, None, None],
        // ISATAP (RFC 5214 §6.1).
        [_, _, _, _, 0 | 0x200, 0x5efe, _, _] => [last, None, None, None],
        _ => [None; 4],
    }
}

/// Whether an address is globally reachable unicast (IANA special-purpose registries, RFC 6890), and
/// so is every IPv4 address embedded in it. This excludes link-local and unique-local ranges, where
/// cloud metadata services live.
pub fn is_public(address: IpAddr) -> bool {
    let address = address.to_canonical();
    let is_reachable = match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            // Only 2000::/3 is assigned; within it, exclude documentation, Teredo, ORCHID and 6to4,
            // whose relays nobody vouches for.
            (0x2000..0x4000).contains(&first)
                && first != 0x2002
                && first != 0x3fff
                && !(first == 0x2001 && (second < 0x0200 || second == 0x0db8))
        }
    };
    is_reachable && embedded_v4(address).all(is_public_v4)
}

fn is_public_v4(v4: Ipv4Addr) -> bool {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn embedded_addresses_are_found_in_every_spelling() {
        let metadata = Ipv4Addr::new(169, 254, 169, 254);
        for text in [
            "169.254.169.254",
            "::169.254.169.254",
            "::ffff:169.254.169.254",
            "::ffff:0:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::169.254.169.254",
            "64:ff9b:1:abcd::169.254.169.254",
            "64:ff9b:1:a9fe:a9:fe00::",
            "64:ff9b:1:a9fe:a9:fe00:1:2",
            "64:ff9b:1:a9:fe:a9fe::",
            "64:ff9b:1:0:a9:fea9:fe00::",
            "2002:a9fe:a9fe::1",
            "2001:0:a9fe:a9fe::1",
            "2001:0:808:808:0:0:5601:5601",
            "fe80::5efe:a9fe:a9fe",
            "2600:1::200:5efe:a9fe:a9fe",
        ] {
            let address: IpAddr = text.parse().unwrap();
            assert!(embedded_v4(address).any(|v4| v4 == metadata), "{text}");
            assert!(!is_public(address), "{text}");
        }
        for text in ["::", "::1", "2600::1", "fd00::a9fe:a9fe"] {
            assert_eq!(embedded_v4(text.parse().unwrap()).count(), 0, "{text}");
        }
    }

    #[test]
    fn only_global_addresses_are_public() {
        for text in
            ["8.8.8.8", "2600::1", "2a00:1450::8a", "2600:1::5efe:808:808", "::ffff:8.8.8.8"]
        {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "10.0.0.1",
            "fd00:ec2::254",
            "fe80::1",
            "::8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
    }
}
