//! `portico demo`: three small services on three origins, a front door in front of them, and a page
//! that calls the same APIs both ways.

mod certificate;
mod counts;
mod front_door;
mod kind;
mod manifests;
mod responses;
mod service;

pub use front_door::Metrics;
pub use kind::Kind;
pub use service::{Service, Settings};

use crate::objects::Snapshot;
use std::{
    convert::Infallible,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use tokio::task::JoinSet;

/// All three services. They run until this is dropped.
#[derive(Debug)]
pub struct Services {
    addresses: Vec<(Kind, SocketAddr)>,
    metrics: Metrics,
    _tasks: JoinSet<Infallible>,
}

impl Services {
    /// Starts the services on `ip`, each on its port in `examples/ep`, or on a free one if that is
    /// taken.
    pub async fn start(ip: IpAddr, latency: Duration) -> io::Result<Self> {
        let mut services = Vec::new();
        let mut addresses = Vec::new();
        for kind in Kind::ALL {
            let service = match Service::bind(kind, (ip, kind.port()).into()).await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    Service::bind(kind, (ip, 0).into()).await?
                }
                bound => bound?,
            };
            addresses.push((kind, service.address()?));
            services.push(service);
        }
        let ports = addresses.iter().map(|(kind, address)| (*kind, address.port())).collect();
        let metrics = Metrics::default();
        let settings = Settings { latency, ports, metrics: metrics.clone() };
        let mut tasks = JoinSet::new();
        for service in services {
            tasks.spawn(service.run(settings.clone()));
        }
        Ok(Self { addresses, metrics, _tasks: tasks })
    }

    /// The services, and where each can be reached from this machine.
    pub fn addresses(&self) -> impl Iterator<Item = (Kind, SocketAddr)> {
        self.addresses.iter().map(|&(kind, address)| (kind, reachable(address)))
    }

    /// Where the page reads what the front door has counted.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The objects of `examples/ep`, with these services as endpoints.
    pub fn snapshot(&self) -> Snapshot {
        manifests::snapshot(&self.addresses().collect::<Vec<_>>())
    }

    /// The same, with a certificate that is made for `address` and this machine.
    ///
    /// # Errors
    /// If no key can be made.
    pub fn snapshot_with_tls(&self, address: IpAddr) -> Result<Snapshot, rcgen::Error> {
        let mut snapshot = self.snapshot();
        certificate::add(&mut snapshot, address)?;
        Ok(snapshot)
    }
}

/// The address at which this machine can reach a listener on `address`.
pub fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    address
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn two_demos_do_not_meet() {
        let ip = Ipv4Addr::UNSPECIFIED.into();
        let first = Services::start(ip, Duration::ZERO).await.unwrap();
        let second = Services::start(ip, Duration::ZERO).await.unwrap();
        for (kind, address) in first.addresses() {
            assert!(address.ip().is_loopback());
            assert!(second.addresses().all(|other| other != (kind, address)));
        }
    }
}
