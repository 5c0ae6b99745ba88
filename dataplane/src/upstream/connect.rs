//! New connections to backends.

use super::{error::Phase, stream::Stream, tls::TlsConnectors};
use crate::table::Protocol;
use std::{future::Future, net::SocketAddr, time::Duration};
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

/// Dials endpoints: connects and performs the TLS handshake.
pub(super) struct Connector {
    connectors: TlsConnectors,
}

impl Connector {
    pub(super) fn new() -> Self {
        Self { connectors: TlsConnectors::new() }
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
}
