//! How many connections each client has, over all workers.

use hashbrown::HashMap;
use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};

/// The open connections of each client, if their number is limited.
#[derive(Debug)]
pub(crate) struct Clients {
    limit: Option<usize>,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection that counts for its client until this is dropped.
#[derive(Debug)]
pub(crate) struct Admission(Option<(Arc<Clients>, IpAddr)>);

impl Clients {
    /// With at most `limit` connections for each client.
    pub(crate) fn new(limit: Option<usize>) -> Self {
        Self { limit, open: Mutex::default() }
    }

    /// Counts a connection from `address`; `None` if its client has as many as it may.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Admission> {
        let Some(limit) = self.limit else { return Some(Admission(None)) };
        let client = client(address);
        // A count is valid after a panic elsewhere.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(client).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Admission(Some((self.clone(), client))))
    }
}

impl Admission {
    /// One that counts for no client.
    #[cfg(test)]
    pub(crate) fn free() -> Self {
        Self(None)
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let Some((clients, client)) = self.0.take() else { return };
        let mut open = clients.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                open.remove(&client);
            }
        }
    }
}

/// An IPv4 address, or the /64 of an IPv6 address, which is what one host or site is assigned (RFC
/// 6177).
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_an_ipv4_address_or_a_64_of_ipv6() {
        let clients = Arc::new(Clients::new(Some(2)));
        let admit = |address: &str| clients.admit(address.parse().unwrap());
        let held: Vec<_> = ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "2001:db8::ffff:1"]
            .map(|address| admit(address).unwrap())
            .into();
        for full in ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::2"] {
            assert!(admit(full).is_none(), "{full}");
        }
        for other in ["192.0.2.2", "2001:db8:0:1::1"] {
            assert!(admit(other).is_some(), "{other}");
        }
        drop(held);
        assert!(clients.open.lock().unwrap().is_empty());
        assert!(admit("192.0.2.1").is_some());
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let clients = Arc::new(Clients::new(None));
        let _held = clients.admit([192, 0, 2, 1].into()).unwrap();
        assert!(clients.open.lock().unwrap().is_empty());
    }
}
