//! New connections to backends.

use super::{error::Phase, stream::Stream, tls::TlsConnectors};
use crate::table::Protocol;
use hickory_resolver::TokioResolver;
use std::{
    cell::OnceCell,
    future::Future,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::{net::TcpStream, time::timeout};

/// The outcome of a part of connecting, if it comes within `limit`.
pub(super) async fn within<T>(
    limit: Option<Duration>,
    connecting: impl Future<Output = T>,
) -> Result<T, Phase> {
    match limit {
        Some(limit) => timeout(limit, connecting).await.map_err(|_| Phase::ConnectTimeout),
        None => Ok(connecting.await),
    }
}

/// Dials endpoints: connects and performs the TLS handshake. Resolves names.
pub(super) struct Connector {
    connectors: TlsConnectors,
    /// Created when the first name is resolved; caches records for their TTLs.
    resolver: OnceCell<TokioResolver>,
}

impl Connector {
    pub(super) fn new() -> Self {
        Self { connectors: TlsConnectors::new(), resolver: OnceCell::new() }
    }

    /// Forgets what nobody has used for long. Called periodically.
    pub(super) fn evict(&self) {
        self.connectors.evict();
    }

    /// Connects to an address within `limit`; offers HTTP/2 unless the connection `needs_http1`. A
    /// failure has sent nothing of the request, so another address is safe to try.
    pub(super) async fn connect(
        &self,
        protocol: &Protocol,
        address: SocketAddr,
        needs_http1: bool,
        limit: Option<Duration>,
    ) -> Result<Stream, Phase> {
        within(limit, self.connect_to(protocol, address, needs_http1)).await?
    }

    async fn connect_to(
        &self,
        protocol: &Protocol,
        address: SocketAddr,
        needs_http1: bool,
    ) -> Result<Stream, Phase> {
        let tcp = TcpStream::connect(address).await.map_err(|_| Phase::Connect)?;
        // Without it every small request would wait for the previous one's acknowledgement. A
        // socket that does not support it still works.
        let _ = tcp.set_nodelay(true);
        let tls = match protocol {
            Protocol::Http1 | Protocol::H2c => return Ok(tcp.into()),
            Protocol::Https(tls) => tls,
        };
        let handshake = self.connectors.connect(tls, needs_http1, address, tcp);
        Ok(handshake.await?.into())
    }

    /// The addresses of an external host.
    pub(super) async fn look_up(&self, host: &str) -> Result<Vec<IpAddr>, Phase> {
        let resolver = match self.resolver.get() {
            Some(resolver) => resolver,
            None => {
                let built = TokioResolver::builder_tokio().and_then(|builder| builder.build());
                let built = built.map_err(|error| {
                    tracing::warn!(%error, "can't create a resolver from the system's DNS configuration");
                    Phase::Resolve
                })?;
                self.resolver.get_or_init(|| built)
            }
        };
        // The trailing dot prevents search domains: an external host is fully qualified.
        let found = resolver.lookup_ip(format!("{host}.")).await.map_err(|error| {
            tracing::debug!(host, %error, "host does not resolve");
            Phase::Resolve
        })?;
        Ok(found.iter().collect())
    }
}
