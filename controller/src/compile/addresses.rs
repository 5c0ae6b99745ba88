//! Which addresses the endpoints of a Service may have.

use portico_dataplane::address_guard::embedded_v4;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Parses the address of an endpoint and checks that it may be dialled. Whoever can write
/// EndpointSlices must not be able to reach the node itself or the cloud's metadata service through
/// Portico. The error describes the address.
pub(crate) fn dialable(text: &str, loopback: bool) -> Result<IpAddr, &'static str> {
    let address: IpAddr = text.parse().map_err(|_| "not an IP address")?;
    let address = address.to_canonical();
    let embeds = |is: fn(Ipv4Addr) -> bool| embedded_v4(address).any(is);
    if address.is_unspecified() || embeds(|v4| v4.octets()[0] == 0) {
        Err("the unspecified address")
    } else if address.is_multicast() || embeds(|v4| v4.octets()[0] >= 224) {
        Err("not the address of one host")
    } else if is_metadata(address) || embeds(|v4| is_metadata(v4.into())) {
        Err("a metadata service")
    } else if embeds(|v4| v4.is_link_local())
        || matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
    {
        Err("link-local")
    } else if !loopback && (address.is_loopback() || embeds(|v4| v4.is_loopback())) {
        Err("loopback")
    } else {
        Ok(address)
    }
}

/// Whether it is the address of a cloud's metadata service, which hands out credentials, or of
/// another service that a cloud offers to its own machines at a fixed address.
fn is_metadata(address: IpAddr) -> bool {
    const V4: [Ipv4Addr; 4] = [
        Ipv4Addr::new(169, 254, 169, 254), // most clouds
        Ipv4Addr::new(168, 63, 129, 16),   // Azure
        Ipv4Addr::new(100, 100, 100, 200), // Alibaba Cloud
        Ipv4Addr::new(192, 0, 0, 192),     // Oracle Cloud
    ];
    const V6: [Ipv6Addr; 2] = [
        Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), // Google Cloud
        Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),  // Scaleway
    ];
    match address {
        IpAddr::V4(v4) => V4.contains(&v4),
        // AWS: fd00:ec2::254, and others in the same network.
        IpAddr::V6(v6) => matches!(v6.segments(), [0xfd00, 0xec2, ..]) || V6.contains(&v6),
    }
}

#[cfg(test)]
mod tests {
    use super::dialable;

    #[test]
    fn pods_are_dialled() {
        for text in [
            "10.0.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "172.16.0.1",
            "fd12::1",
            "2600::1",
            "8.8.8.8",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::10.0.0.1",
        ] {
            assert!(dialable(text, false).is_ok(), "{text}");
        }
        assert_eq!(dialable("::ffff:10.0.0.1", false), dialable("10.0.0.1", false));
    }

    #[test]
    fn loopback_is_dialled_where_allowed() {
        for text in
            ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1"]
        {
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
            "fd00:ec2::23",
            "fd00:42::42",
            "fd20:ce::254",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "::100.100.100.200",
            "::ffff:0:192.0.0.192",
            "64:ff9b:1::169.254.169.254",
            "64:ff9b:1:a9fe:a9:fe00::",
            "2002:a9fe:a9fe::1",
            "2001:0:808:808::5601:5601",
            "fd00::5efe:a9fe:a9fe",
            "::0.0.0.2",
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
