//! Settings that flags control.

use crate::{access_log::AccessLog, address_guard::AddressGuard, trace::Tracing};
use std::{net::SocketAddr, sync::Arc, time::Duration};

/// How the dataplane serves; fixed for the life of the process, unlike the table.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address for plain HTTP. Port 0 lets the system choose.
    pub http: SocketAddr,
    /// Address for HTTPS. Port 0 lets the system choose.
    pub https: SocketAddr,
    /// The port at which clients reach HTTPS, if it does not follow from the one at which they
    /// reach plain HTTP. See [`HttpsPorts`].
    pub public_https_port: Option<u16>,
    /// Number of worker threads, each with its own listener and pools.
    pub workers: usize,
    /// This install's name in `Via`; a request that already carries it is in a loop.
    pub via_name: Arc<str>,
    /// Which addresses `external` backends may point at.
    pub guard: AddressGuard,
    /// The name servers that are asked for their addresses; empty: those of the system
    /// (`/etc/resolv.conf`).
    pub name_servers: Arc<[SocketAddr]>,
    /// How requests are logged, if they are.
    pub access_log: Option<AccessLog>,
    /// How requests are traced, if they are.
    pub tracing: Option<Tracing>,
    /// Bounds on what clients and backends may send.
    pub limits: Limits,
}

/// What happens to request fields whose names contain an underscore, which backends that turn names
/// into variables (CGI, RFC 3875 §4.1.18) read as if it were a hyphen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Underscores {
    /// They are removed.
    #[default]
    Remove,
    /// They are forwarded, except those that a backend may take for a field that the edge owns or
    /// edits.
    Allow,
}

/// How many options `Connection` may list in a head: as many as fields, which they can name. Each is
/// looked for among these, and among the names that `Trailer` lists.
pub(crate) const MAX_CONNECTION_OPTIONS: usize = 100;

/// Bounds on what clients and backends may send.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes in a request head; 431 beyond.
    pub head_bytes: usize,
    /// Fields in a request head; 431 beyond.
    pub head_fields: usize,
    /// Fields whose names contain an underscore.
    pub underscores: Underscores,
    /// Bytes in a request line; 414 beyond.
    pub uri_bytes: usize,
    /// Fields in a response head of a backend; 502 beyond.
    pub response_fields: usize,
    /// Bytes in a request body; 413 beyond.
    pub body_bytes: Option<u64>,
    /// Connections per worker. Beyond, the one that has been idle longest is closed, else the one
    /// that has been longest in an unfinished head; while each has a request, new ones wait.
    pub connections: usize,
    /// Connections per client address, or /64 for IPv6, over all workers; further ones are closed.
    pub connections_per_client: Option<usize>,
    /// Bytes that all client connections may hold. Beyond, those that have been longest without a
    /// request are closed, then those whose clients have read nothing for longest; else new ones
    /// wait.
    pub memory: usize,
    /// From accepting a connection to its first byte, when it is closed, and from the first byte of
    /// a head to its last; 408 beyond.
    pub header_timeout: Duration,
    /// How long an idle connection is kept open.
    pub idle_timeout: Duration,
    /// From accepting a TLS connection to the end of its handshake.
    pub handshake_timeout: Duration,
}

/// Where clients reach HTTPS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpsPorts {
    /// The port that listens for plain HTTP.
    pub http: u16,
    /// The port that listens for HTTPS.
    pub https: u16,
    /// The port at which clients reach HTTPS, if it is fixed.
    pub public: Option<u16>,
}

impl HttpsPorts {
    /// The port to which a request over plain HTTP is redirected, given the port in its Host;
    /// `None` if it is that of https. A client that names the listening port is not behind anything
    /// that translates ports; any other finds both schemes at their default ports.
    pub fn redirected(&self, port: Option<u16>) -> Option<u16> {
        let own = port.filter(|port| *port == self.http).map(|_| self.https);
        self.public.or(own).filter(|port| *port != 443)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 64 * 1024,
            head_fields: 100,
            underscores: Underscores::default(),
            response_fields: 100,
            uri_bytes: 8 * 1024,
            body_bytes: None,
            connections: 10_000,
            connections_per_client: None,
            memory: 1024 * 1024 * 1024,
            header_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            handshake_timeout: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_goes_where_https_is() {
        let ports = HttpsPorts { http: 8080, https: 8443, public: None };
        for (public, from, to) in [
            (None, None, None),
            (None, Some(80), None),
            (None, Some(8080), Some(8443)),
            (None, Some(30080), None),
            (Some(443), Some(8080), None),
            (Some(30443), None, Some(30443)),
            (Some(30443), Some(8080), Some(30443)),
        ] {
            assert_eq!(HttpsPorts { public, ..ports }.redirected(from), to, "{public:?} {from:?}");
        }
        assert_eq!(HttpsPorts { https: 443, ..ports }.redirected(Some(8080)), None);
    }
}
