//! The other end of a client's connection, with values cached from its requests.

use crate::{
    request::SharedFields,
    table::{HostTls, Scheme, TlsVersion, VirtualHost},
};
use http::HeaderValue;
use std::{cell::RefCell, net::SocketAddr, rc::Rc, sync::Arc};

/// The other end of a client's connection. Most of its requests carry the same Host, so values
/// derived from it are cached for the next.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its address.
    pub(crate) address: SocketAddr,
    /// The address without the port, as a field value.
    pub(crate) ip: HeaderValue,
    /// The scheme of the connection.
    pub(crate) scheme: Scheme,
    /// Its TLS session; `None` if TLS, as far as there is any, ends in front of Portico.
    pub(crate) session: Option<Session>,
    /// The last Host that was parsed.
    pub(crate) host: RefCell<Option<KnownHost>>,
    /// What backends are told of the client and the last Host that it has sent itself.
    pub(super) forwarded: RefCell<Option<(HeaderValue, Rc<SharedFields>)>>,
}

/// A TLS session with a client.
#[derive(Debug)]
pub(crate) struct Session {
    /// TLS of the host that it was opened for.
    pub(crate) host: Arc<HostTls>,
    /// The version.
    pub(crate) version: TlsVersion,
    /// Whether it continues an earlier one.
    pub(crate) is_resumed: bool,
    /// The client's certificate, verified.
    pub(crate) client: Option<ClientCertificate>,
}

impl Session {
    /// What the client's certificate takes: as it is told, and as rustls keeps it, which is shorter.
    pub(crate) fn certificate_bytes(&self) -> usize {
        let Some(client) = &self.client else { return 0 };
        2 * (client.own.len() + client.chain.as_ref().map_or(0, HeaderValue::len))
    }
}

#[cfg(test)]
impl Session {
    /// One without a client's certificate.
    pub(crate) fn sample() -> Self {
        let host = HostTls {
            secret: crate::table::ObjectName::new("web", "one"),
            certificate: None,
            min_version: TlsVersion::Tls12,
            client_certificates: None,
            plain_http: crate::table::PlainHttp::Redirect,
            hsts: None,
        };
        let version = TlsVersion::Tls13;
        Self { host: Arc::new(host), version, is_resumed: false, client: None }
    }
}

/// A client's certificate.
#[derive(Debug)]
pub(crate) struct ClientCertificate {
    /// `Client-Cert` (RFC 9440 §2.2).
    pub(crate) own: HeaderValue,
    /// `Client-Cert-Chain` (RFC 9440 §2.3): what else the client has presented.
    pub(crate) chain: Option<HeaderValue>,
    /// The name of its subject.
    pub(crate) name: Arc<str>,
}

/// A parsed Host.
#[derive(Debug)]
pub(crate) struct KnownHost {
    /// The original value.
    pub(crate) value: HeaderValue,
    /// Lower case, without trailing dot; IPv6 in brackets.
    pub(crate) name: Rc<str>,
    /// The port, if present.
    pub(crate) port: Option<u16>,
}

impl Peer {
    /// A peer without any requests yet.
    pub(crate) fn new(address: SocketAddr, scheme: Scheme) -> Self {
        Self::with_session(address, scheme, None)
    }

    /// A peer with a TLS session, without any requests yet.
    pub(crate) fn over_tls(address: SocketAddr, session: Session) -> Self {
        Self::with_session(address, Scheme::Https, Some(session))
    }

    fn with_session(address: SocketAddr, scheme: Scheme, session: Option<Session>) -> Self {
        let ip = address.ip().to_canonical().to_string();
        Self {
            address,
            // An address is visible ASCII.
            ip: HeaderValue::from_str(&ip).unwrap_or(HeaderValue::from_static("unknown")),
            scheme,
            session,
            host: RefCell::new(None),
            forwarded: RefCell::new(None),
        }
    }

    /// Forgets what was cached.
    pub(crate) fn forget(&self) {
        self.host.take();
        self.forwarded.take();
    }

    /// The client's certificate, if it has presented one.
    pub(crate) fn certificate(&self) -> Option<&ClientCertificate> {
        self.session.as_ref()?.client.as_ref()
    }

    /// Whether requests for a host may come over this connection, whichever host it was opened for:
    /// browsers use one connection for all hosts that its certificate names (RFC 9113 §9.1.1).
    pub(super) fn may_reach(&self, host: &VirtualHost) -> bool {
        let Some(session) = &self.session else { return true };
        let Some(wanted) = &host.tls else { return false };
        let opened = &session.host;
        Arc::ptr_eq(opened, wanted)
            || opened.secret == wanted.secret
                && opened.client_terms() == wanted.client_terms()
                && session.version >= wanted.min_version
    }
}
