//! What handshakes need: a rustls configuration for each host's TLS, made when it is first used.

use super::tickets::{Terms, Tickets};
use crate::{
    certificate::Certificate,
    table::{ClientCertificateMode, ClientCertificates, HostTls, TlsVersion},
    telemetry::HandshakeStats,
};
use hashbrown::HashMap;
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

/// How much of what is written may wait, encrypted, for the socket: two records.
const BUFFER_LIMIT: usize = 32 * 1024;

/// How a worker accepts TLS connections.
pub(crate) struct TlsAcceptor {
    provider: Arc<CryptoProvider>,
    tickets: Tickets,
    configurations: RefCell<Generations>,
    /// Counters.
    pub(crate) stats: HandshakeStats,
    /// Held for as long as a handshake computes. See [`TlsAcceptor::handshake`].
    pub(super) turn: Semaphore,
}

/// Configurations by what they depend on. Those that no handshake has used between two changes of
/// the table are dropped.
#[derive(Default)]
struct Generations {
    current: HashMap<Key, Rc<Configuration>>,
    previous: HashMap<Key, Rc<Configuration>>,
}

/// What a configuration depends on.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    certificate: Arc<Certificate>,
    min_version: TlsVersion,
    terms: Terms,
}

/// How handshakes for a host are made.
pub(super) struct Configuration {
    /// For rustls.
    pub(super) server: Arc<ServerConfig>,
    /// Verifies the certificates of clients, if they are asked for one.
    pub(super) clients: Option<Arc<dyn ClientCertVerifier>>,
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

    /// Another table is served from now on.
    pub(crate) fn table_changed(&self) {
        let mut generations = self.configurations.borrow_mut();
        generations.previous = std::mem::take(&mut generations.current);
    }

    /// The configuration for a host.
    pub(super) fn configuration(&self, host: &HostTls) -> Result<Rc<Configuration>, Unavailable> {
        let certificate = host.certificate.clone().ok_or(Unavailable::NoCertificate)?;
        let clients = host.client_certificates.as_deref();
        let terms = terms(clients).ok_or(Unavailable::NoAuthorities)?;
        let key = Key { certificate, min_version: host.min_version, terms };
        let mut generations = self.configurations.borrow_mut();
        if let Some(known) = generations.current.get(&key) {
            return Ok(known.clone());
        }
        let configuration = match generations.previous.remove(&key) {
            Some(known) => known,
            None => self.build(&key, clients).map(Rc::new).map_err(|error| {
                // Certificate and authorities have been checked when the table was compiled.
                tracing::warn!(%error, secret = %host.secret, "TLS can't be set up");
                Unavailable::NoCertificate
            })?,
        };
        generations.current.insert(key, configuration.clone());
        Ok(configuration)
    }

    fn build(
        &self,
        key: &Key,
        clients: Option<&ClientCertificates>,
    ) -> Result<Configuration, Error> {
        let clients = clients.and_then(|clients| self.verifier(clients).transpose()).transpose()?;
        let builder = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(versions(key.min_version))?;
        let builder = match &clients {
            Some(verifier) => builder.with_client_cert_verifier(verifier.clone()),
            None => builder.with_no_client_auth(),
        };
        let certificate = SingleCertAndKey::from(key.certificate.certified_key().clone());
        let mut server = builder.with_cert_resolver(Arc::new(certificate));
        server.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        server.ticketer = self.tickets.under(key.terms);
        // Sessions are in tickets alone: what a worker keeps, the others don't know.
        server.session_storage = Arc::new(NoServerSessionStorage {});
        // No early data: it can be replayed (RFC 8446 §8).
        server.max_early_data_size = 0;
        Ok(Configuration { server: Arc::new(server), clients })
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

impl Configuration {
    /// Prepares a connection.
    pub(super) fn prepare(connection: &mut rustls::ServerConnection) {
        connection.set_buffer_limit(Some(BUFFER_LIMIT));
    }
}

static ONLY_TLS13: [&SupportedProtocolVersion; 1] = [&TLS13];

fn versions(min: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match min {
        TlsVersion::Tls12 => ALL_VERSIONS,
        TlsVersion::Tls13 => &ONLY_TLS13,
    }
}

/// What sessions depend on: which certificates clients are asked for. `None` if no client gets in.
fn terms(clients: Option<&ClientCertificates>) -> Option<Terms> {
    let Some(clients) = clients else { return Some(Terms::default()) };
    let mut digest = Sha256::new();
    digest.update(match clients.mode {
        ClientCertificateMode::Require => b"require",
        ClientCertificateMode::Optional => b"optional".as_slice(),
    });
    digest.update(clients.roots.as_ref()?.fingerprint());
    Some(digest.finalize().into())
}
