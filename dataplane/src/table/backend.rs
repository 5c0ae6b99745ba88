//! Where a request can be forwarded.

use crate::certificate::{Certificate, CertificateAuthorities};
use http::HeaderValue;
use rustls::pki_types::ServerName;
use serde::{Serialize, Serializer};
use std::{fmt, net::SocketAddr, sync::Arc};

/// One backend of a Route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Backend {
    /// Its name in logs, metrics and `/debug/table`: `web/profiles:80` for a Service's port, the
    /// URL for an external backend.
    pub name: String,
    /// Its weight among the backends of its priority; 0 gets no traffic.
    pub weight: u32,
    /// Lower numbers are preferred.
    pub priority: u32,
    /// The protocol of connections to it.
    pub protocol: Protocol,
    /// The Host that the backend gets.
    pub host: HostHeader,
    /// The authorities that the backend may use for itself in `Location` or a cookie's `Domain`, in
    /// addition to the Host it was sent and the address that was dialled.
    pub own_authorities: Vec<Authority>,
    /// The addresses to dial.
    pub target: Target,
}

/// The protocol of connections to a backend: from `appProtocol` of a Service's port, or the scheme
/// of an external URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Protocol {
    /// HTTP/1.1 in cleartext, including WebSocket upgrades (`http`, `kubernetes.io/ws`).
    Http1,
    /// HTTP/2 in cleartext with prior knowledge (RFC 9113 §3.3; `kubernetes.io/h2c`).
    H2c,
    /// HTTP/2 or HTTP/1.1 over TLS, as the backend prefers (RFC 7301; `https`, `kubernetes.io/wss`,
    /// `https://` externals).
    Https(Arc<BackendTls>),
}

impl Protocol {
    /// The URL scheme.
    pub fn scheme(&self) -> super::Scheme {
        match self {
            Self::Http1 | Self::H2c => super::Scheme::Http,
            Self::Https(_) => super::Scheme::Https,
        }
    }
}

/// The TLS of connections to a backend. Connections and sessions are shared where it is equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendTls {
    /// The name that is sent (SNI, RFC 6066 §3), and that a verified certificate must have. Without
    /// one nothing is sent, and it must have the address that was dialled.
    #[serde(serialize_with = "server_name", skip_serializing_if = "Option::is_none")]
    pub server_name: Option<ServerName<'static>>,
    /// How the backend proves who it is.
    pub verification: Verification,
    /// The certificate that is presented where the backend asks for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<Arc<Certificate>>,
}

/// How a backend proves who it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Verification {
    /// Not at all: connections are encrypted, and anybody may be at their end.
    None,
    /// By a certificate of a public authority.
    PublicRoots,
    /// By a certificate of one of these.
    Authorities(Arc<CertificateAuthorities>),
}

fn server_name<S: Serializer>(
    name: &Option<ServerName<'static>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match name {
        Some(name) => serializer.serialize_str(&name.to_str()),
        None => serializer.serialize_none(),
    }
}

/// The `Host` that a backend gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum HostHeader {
    /// The client's own.
    Preserve,
    /// This value: the backend's host, or `rewrite.host`.
    Set(#[serde(serialize_with = "header_value")] HeaderValue),
}

pub(super) fn header_value<S: Serializer>(
    value: &HeaderValue,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&String::from_utf8_lossy(value.as_bytes()))
}

/// A lower-case host, with a port unless it is the scheme's default.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    /// A DNS name or an address, lower case, IPv6 in brackets.
    pub host: String,
    /// The port; `None` stands for the scheme's default.
    pub port: Option<u16>,
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

impl Serialize for Authority {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What is dialled for a backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// The ready endpoints of a Service's port, sorted; may be empty. Shared by all Routes that
    /// name the port.
    Endpoints(Arc<[SocketAddr]>),
    /// An external host, resolved when dialled; the address guard applies to the resolved address.
    External {
        /// A DNS name or an address without brackets.
        host: String,
        /// The port.
        port: u16,
    },
}

impl Target {
    /// Whether there is anything to dial.
    pub fn is_available(&self) -> bool {
        match self {
            Self::Endpoints(endpoints) => !endpoints.is_empty(),
            Self::External { .. } => true,
        }
    }
}
