//! Which addresses the endpoints of a Service may have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Parses the address of an endpoint and checks that it may be dialled. Whoever can write
/// EndpointSlices must not be able to reach the node itself or the cloud's metadata service through
/// Portico. The error describes the address.
pub(super) fn dialable(text: &str, loopback: bool) -> Result<IpAddr, &'static str> {
    let address: IpAddr = text.parse().map_err(|_| "not an IP address")?;
    let address = address.to_canonical();
    let v4 = match address {
        IpAddr::V4(v4) => Some(v4),
        IpAddr::V6(v6) => embedded(v6),
    };
    if address.is_unspecified() || v4.is_some_and(|v4| v4.octets()[0] == 0) {
        Err("the unspecified address")
    } else if address.is_multicast() || v4.is_some_and(|v4| v4.octets()[0] >= 224) {
        Err("not the address of one host")
    } else if is_metadata(address) || v4.is_some_and(|v4| is_metadata(v4.into())) {
        Err("a metadata service")
    } else if v4.is_some_and(|v4| v4.is_link_local())
        || matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
    {
        Err("link-local")
    } else if !loopback && (address.is_loopback() || v4.is_some_and(|v4| v4.is_loopback())) {
        Err("loopback")
    } else {
        Ok(address)
    }
}

/// The IPv4 address embedded in an IPv6 address for NAT64: `64:ff9b::/96` (RFC 6052).
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = v6.segments() else { return None };
    Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
}

/// Whether it is the address of a cloud's metadata service, which hands out credentials.
fn is_metadata(address: IpAddr) -> bool {
    const AWS: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    const GOOGLE: Ipv6Addr = Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254);
    const EVERYONE: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
    const AZURE: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);
    match address {
        IpAddr::V4(v4) => v4 == EVERYONE || v4 == AZURE,
        IpAddr::V6(v6) => v6 == AWS || v6 == GOOGLE,
    }
}

#[cfg(test)]
mod tests {
    use super::dialable;

    #[test]
    fn pods_are_dialled() {
        for text in
            ["10.0.0.1", "192.168.1.1", "100.64.0.1", "172.16.0.1", "fd12::1", "2600::1", "8.8.8.8"]
        {
            assert!(dialable(text, false).is_ok(), "{text}");
        }
        assert_eq!(dialable("::ffff:10.0.0.1", false), dialable("10.0.0.1", false));
    }

    #[test]
    fn loopback_is_dialled_where_allowed() {
        for text in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"] {
            assert_eq!(dialable(text, false), Err("loopback"), "{text}");
            assert!(dialable(text, true).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_pod_is_never_dialled() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "169.254.0.1",
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "fe80::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "168.63.129.16",
            "224.0.0.1",
            "255.255.255.255",
            "ff02::1",
            "example.com",
            "",
            "10.0.0.1:80",
            "010.0.0.1",
        ] {
            assert!(dialable(text, true).is_err(), "{text}");
        }
    }
}
