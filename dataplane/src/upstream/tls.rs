//! TLS to backends. Equal settings share their sessions, so that handshakes are resumed.

use super::{error::Phase, tls_failure::TlsFailure};
use crate::table::{BackendTls, Verification};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    sign::SingleCertAndKey,
};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    net::SocketAddr,
    sync::Arc,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// How many evictions a connector that nobody uses survives: an hour with one every 5 s.
const MAX_UNUSED_EVICTIONS: u64 = 720;

/// The protocols that are offered (RFC 7301 §6), the preferred one first.
const HTTP_2: &[u8] = b"h2";
const HTTP_1_1: &[u8] = b"http/1.1";

/// The connectors of a worker, each with the sessions of its settings.
pub(super) struct TlsConnectors {
    provider: Arc<CryptoProvider>,
    public_roots: Arc<RootCertStore>,
    by_settings: RefCell<HashMap<Arc<BackendTls>, Known>>,
    /// How many evictions there have been.
    evictions: Cell<u64>,
}

/// A connector, and the eviction count when it was last used.
struct Known {
    connector: TlsConnector,
    used: u64,
}

impl TlsConnectors {
    /// Without connectors yet.
    pub(super) fn new() -> Self {
        let public_roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Self {
            provider: Arc::new(aws_lc_rs::default_provider()),
            public_roots: Arc::new(public_roots),
            by_settings: RefCell::default(),
            evictions: Cell::new(0),
        }
    }

    /// Performs the handshake; offers HTTP/2 unless the connection `needs_http1`.
    pub(super) async fn connect(
        &self,
        tls: &Arc<BackendTls>,
        needs_http1: bool,
        address: SocketAddr,
        tcp: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Phase> {
        let name = tls.server_name.clone();
        let name = name.unwrap_or_else(|| ServerName::IpAddress(address.ip().into()));
        let connector = self.connector(tls).map_err(|error| {
            tracing::warn!(%error, "TLS to a backend can't be set up");
            Phase::Tls(TlsFailure::Other)
        })?;
        let connecting = match needs_http1 {
            true => connector.with_alpn(vec![HTTP_1_1.to_vec()]).connect(name, tcp),
            false => connector.connect(name, tcp),
        };
        connecting.await.map_err(|error| {
            tracing::debug!(%address, %error, "a TLS handshake with a backend failed");
            Phase::Tls(TlsFailure::of(&error))
        })
    }

    fn connector(&self, tls: &Arc<BackendTls>) -> Result<TlsConnector, rustls::Error> {
        let used = self.evictions.get();
        let mut all = self.by_settings.borrow_mut();
        if let Some(known) = all.get_mut(tls) {
            known.used = used;
            return Ok(known.connector.clone());
        }
        let connector = TlsConnector::from(Arc::new(self.config(tls)?));
        all.insert(tls.clone(), Known { connector: connector.clone(), used });
        Ok(connector)
    }

    fn config(&self, tls: &BackendTls) -> Result<ClientConfig, rustls::Error> {
        let builder = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?;
        let builder = match &tls.verification {
            Verification::None => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyCertificate(self.provider.clone()))),
            Verification::PublicRoots => builder.with_root_certificates(self.public_roots.clone()),
            Verification::Authorities(authorities) => {
                builder.with_root_certificates(authorities.roots().clone())
            }
        };
        let mut config = match &tls.client_certificate {
            Some(certificate) => {
                let presented = SingleCertAndKey::from(certificate.certified_key().clone());
                builder.with_client_cert_resolver(Arc::new(presented))
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1_1.to_vec()];
        Ok(config)
    }

    /// Drops connectors that nobody has used for long, of settings that have changed. Called
    /// periodically.
    pub(super) fn evict(&self) {
        let now = self.evictions.get() + 1;
        self.evictions.set(now);
        self.by_settings.borrow_mut().retain(|_, known| now - known.used < MAX_UNUSED_EVICTIONS);
    }
}

/// Accepts any certificate, as long as the peer has its private key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
