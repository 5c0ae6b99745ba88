//! What handshakes need: a rustls configuration for each host's TLS, made when it is first used.

use super::{
    super::memory::TLS_BUFFER_BYTES,
    tickets::{Terms, Tickets},
};
use crate::{
    certificate::Certificate,
    table::{ClientCertificateMode, ClientCertificates, HostTls, ObjectName, Table, TlsVersion},
    telemetry::HandshakeStats,
};
use hashbrown::{HashMap, HashSet};
use rustls::{
    ALL_VERSIONS, Error, ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::SingleCertAndKey,
    version::TLS13,
};
use sha2::{Digest, Sha256};
use std::{cell::RefCell, rc::Rc, sync::Arc};
use tokio::sync::Semaphore;

/// What HTTP/2 is called (RFC 9113 §3.2).
pub(super) const HTTP_2: &[u8] = b"h2";

/// The protocols that are offered (RFC 7301), the preferred one first.
const PROTOCOLS: [&[u8]; 2] = [HTTP_2, b"http/1.1"];

/// How a worker accepts TLS connections.
pub(crate) struct TlsAcceptor {
    provider: Arc<CryptoProvider>,
    tickets: Tickets,
    /// Those of the current table's hosts that have been used; `None` if one can't be made.
    configurations: RefCell<HashMap<Key, Option<Rc<Configuration>>>>,
    /// Counters.
    pub(crate) stats: HandshakeStats,
    /// Held for as long as a handshake computes. See [`TlsAcceptor::handshake`].
    pub(super) turn: Semaphore,
}

/// What a configuration depends on.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    certificate: Arc<Certificate>,
    secret: ObjectName,
    min_version: TlsVersion,
    /// Which certificates clients are asked for: the mode, and the authorities' fingerprint.
    clients: Option<(ClientCertificateMode, String)>,
}

/// How handshakes for a host are made.
pub(super) struct Configuration {
    /// For rustls.
    pub(super) server: Arc<ServerConfig>,
    /// How many bytes of certificates a handshake presents.
    pub(super) chain_bytes: usize,
}

/// Why there is no handshake for a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unavailable {
    /// Its Secret has no valid certificate.
    NoCertificate,
    /// The authorities of its clients' certificates are missing or invalid.
    NoAuthorities,
}

impl TlsAcceptor {
    /// A worker's; `tickets` are those of all workers.
    pub(crate) fn new(tickets: Tickets) -> Self {
        Self {
            provider: Arc::new(aws_lc_rs::default_provider()),
            tickets,
            configurations: RefCell::default(),
            stats: HandshakeStats::default(),
            turn: Semaphore::new(1),
        }
    }

    /// Another table is served from now on: what none of its hosts needs is dropped.
    pub(crate) fn table_changed(&self, table: &Table) {
        let mut configurations = self.configurations.borrow_mut();
        if configurations.is_empty() {
            return;
        }
        let needed: HashSet<_> = table.hosts.tls().filter_map(|host| Key::of(host).ok()).collect();
        configurations.retain(|key, _| needed.contains(key));
    }

    /// The configuration for a host.
    pub(super) fn configuration(&self, host: &HostTls) -> Result<Rc<Configuration>, Unavailable> {
        let key = Key::of(host)?;
        let mut configurations = self.configurations.borrow_mut();
        let configuration = configurations.entry(key).or_insert_with_key(|key| {
            // Certificate and authorities have been checked when the table was compiled.
            let log = |error: &Error| {
                tracing::warn!(%error, secret = %host.secret, "TLS can't be set up");
            };
            let clients = host.client_certificates.as_deref();
            self.build(key, clients).inspect_err(log).ok().map(Rc::new)
        });
        configuration.clone().ok_or(Unavailable::NoCertificate)
    }

    fn build(
        &self,
        key: &Key,
        clients: Option<&ClientCertificates>,
    ) -> Result<Configuration, Error> {
        let builder = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(versions(key.min_version))?;
        let clients = clients.and_then(|clients| self.verifier(clients).transpose()).transpose()?;
        let asks_clients = clients.is_some();
        let builder = match clients {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let certificate = SingleCertAndKey::from(key.certificate.certified_key().clone());
        let mut server = builder.with_cert_resolver(Arc::new(certificate));
        server.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        // Sessions are in tickets alone: what a worker keeps, the others don't know.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        if asks_clients {
            // A session would carry the client's certificate on, whatever has become of it since.
            server.send_tls13_tickets = 0;
        } else {
            server.ticketer = self.tickets.under(terms(key));
        }
        // No early data: it can be replayed (RFC 8446 §8).
        server.max_early_data_size = 0;
        let chain_bytes = key.certificate.chain_bytes();
        Ok(Configuration { server: Arc::new(server), chain_bytes })
    }

    fn verifier(
        &self,
        clients: &ClientCertificates,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, Error> {
        let Some(authorities) = &clients.roots else { return Ok(None) };
        let roots = authorities.roots().clone();
        let builder = WebPkiClientVerifier::builder_with_provider(roots, self.provider.clone());
        let builder = match clients.mode {
            ClientCertificateMode::Require => builder,
            ClientCertificateMode::Optional => builder.allow_unauthenticated(),
        };
        builder.build().map(Some).map_err(|error| Error::General(error.to_string()))
    }
}

impl Key {
    fn of(host: &HostTls) -> Result<Self, Unavailable> {
        let clients = host.client_terms().map(|(mode, authorities)| {
            authorities.map(|it| (mode, it.to_owned())).ok_or(Unavailable::NoAuthorities)
        });
        Ok(Self {
            certificate: host.certificate.clone().ok_or(Unavailable::NoCertificate)?,
            secret: host.secret.clone(),
            min_version: host.min_version,
            clients: clients.transpose()?,
        })
    }
}

impl Configuration {
    /// Prepares a connection.
    pub(super) fn prepare(connection: &mut rustls::ServerConnection) {
        connection.set_buffer_limit(Some(TLS_BUFFER_BYTES));
    }
}

static ONLY_TLS13: [&SupportedProtocolVersion; 1] = [&TLS13];

fn versions(min: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match min {
        TlsVersion::Tls12 => ALL_VERSIONS,
        TlsVersion::Tls13 => &ONLY_TLS13,
    }
}

/// What sessions depend on.
fn terms(key: &Key) -> Terms {
    let mut digest = Sha256::new();
    digest.update(match key.min_version {
        TlsVersion::Tls12 => b"1.2",
        TlsVersion::Tls13 => b"1.3",
    });
    digest.update(key.secret.to_string());
    digest.finalize().into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        certificate::CertificateAuthorities,
        path::Slashes,
        table::{HostPattern, PlainHttp, TrustedHeaders, VirtualHost},
    };

    fn host() -> HostTls {
        let made = rcgen::generate_simple_self_signed(["a.com".to_owned()]).unwrap();
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        HostTls {
            secret: ObjectName::new("web", "one"),
            certificate: Some(Arc::new(
                Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap(),
            )),
            min_version: TlsVersion::Tls12,
            client_certificates: None,
            plain_http: PlainHttp::Redirect,
            hsts: None,
        }
    }

    fn table(host: &HostTls) -> Table {
        let entry = VirtualHost {
            host: HostPattern::Any,
            front_door: ObjectName::new("web", "ep"),
            tls: Some(Arc::new(host.clone())),
            trusted_proxies: Arc::new([]),
            trusted_headers: TrustedHeaders::default(),
            slashes: Slashes::default(),
            cors: None,
            rules: Arc::default(),
            unavailable: None,
            not_accepted: None,
            routes: Arc::default(),
            uid: Arc::from(""),
            affinity_cookies: Arc::default(),
            shared_cookies: Arc::default(),
            has_separate_cookies: false,
        };
        Table { hosts: [entry].into_iter().collect(), ..Table::default() }
    }

    #[test]
    fn a_configuration_stays_for_as_long_as_a_host_needs_it_used_or_not() {
        let acceptor = TlsAcceptor::new(Tickets::new().unwrap());
        let host = host();
        let made = acceptor.configuration(&host).unwrap();
        for _ in 0..3 {
            acceptor.table_changed(&table(&host));
        }
        assert!(Rc::ptr_eq(&made, &acceptor.configuration(&host).unwrap()));
        acceptor.table_changed(&Table::default());
        assert!(acceptor.configurations.borrow().is_empty());
    }

    #[test]
    fn what_can_not_be_made_is_tried_once() {
        let acceptor = TlsAcceptor::new(Tickets::new().unwrap());
        // No authority: rustls makes no verifier.
        let roots = CertificateAuthorities::none();
        let clients = ClientCertificates {
            authorities: vec![],
            mode: ClientCertificateMode::Require,
            roots: Some(roots),
        };
        let host = HostTls { client_certificates: Some(Arc::new(clients)), ..host() };
        for _ in 0..2 {
            assert_eq!(acceptor.configuration(&host).err(), Some(Unavailable::NoCertificate));
            assert_eq!(acceptor.configurations.borrow().len(), 1);
        }
    }
}
