//! TLS for the socket tier: authorities and certificates made for a test, and clients.

use crate::{edge::Edge, wire::Wire};
use anyhow::{Context, Result};
use portico_dataplane::{
    certificate::{Certificate, CertificateAuthorities},
    table::{HostTls, ObjectName, PlainHttp, TlsVersion},
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
    PublicKeyData as _,
};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, HandshakeKind, ServerConfig,
    SignatureScheme, StreamOwned, SupportedCipherSuite, SupportedProtocolVersion,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{
        CryptoProvider, SupportedKxGroup, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
    server::WebPkiClientVerifier,
    version::TLS13,
};
use std::{net::SocketAddr, sync::Arc};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

/// A certificate authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub struct Pair {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    /// One with a key of its own.
    pub fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// A certificate for these names.
    pub fn issue(&self, names: &[&str]) -> Result<Pair> {
        let mut params = CertificateParams::new(owned(names))?;
        params.distinguished_name = DistinguishedName::new();
        self.issue_with(params)
    }

    /// A certificate of a client, with a common name alone.
    pub fn issue_client(&self, name: &str) -> Result<Pair> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        self.issue_with(params)
    }

    /// A certificate that has expired long ago.
    pub fn issue_expired(&self, names: &[&str]) -> Result<Pair> {
        let mut params = CertificateParams::new(owned(names))?;
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        self.issue_with(params)
    }

    fn issue_with(&self, params: CertificateParams) -> Result<Pair> {
        let key = KeyPair::generate()?;
        Ok(Pair { certificate: params.signed_by(&key, &self.0)?, key })
    }

    /// The ConfigMap `web/<name>` that holds the authority's certificate.
    pub fn config_map(&self, name: &str) -> String {
        self.config_map_in("web", name)
    }

    /// The same in another namespace.
    pub fn config_map_in(&self, namespace: &str, name: &str) -> String {
        let pem: String = self.0.pem().lines().map(|line| format!("    {line}\n")).collect();
        format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\ndata:\n  ca.crt: |\n{pem}"
        )
    }

    /// Its certificate.
    pub fn der(&self) -> &CertificateDer<'static> {
        self.0.der()
    }

    /// The same as PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// For client certificates.
    pub fn authorities(&self) -> Result<CertificateAuthorities> {
        Ok(CertificateAuthorities::from_pem(self.0.pem().as_bytes())?)
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

impl Pair {
    /// As a table has it.
    pub fn certificate(&self) -> Result<Arc<Certificate>> {
        let (chain, key) = (self.certificate.pem(), self.key.serialize_pem());
        Ok(Arc::new(Certificate::from_pem(chain.as_bytes(), key.as_bytes())?))
    }

    /// The same as [`certificate`](Self::certificate), with further certificates after its own.
    pub fn with_chain(&self, others: &[&Self]) -> Result<Arc<Certificate>> {
        let chain = std::iter::once(&self).chain(others);
        let chain: String = chain.map(|pair| pair.certificate.pem()).collect();
        let key = self.key.serialize_pem();
        Ok(Arc::new(Certificate::from_pem(chain.as_bytes(), key.as_bytes())?))
    }

    /// The certificate and its key, each in PEM.
    pub fn pem(&self) -> (String, String) {
        (self.certificate.pem(), self.key.serialize_pem())
    }

    /// The Secret `web/<name>` that holds it.
    pub fn secret(&self, name: &str) -> String {
        self.secret_in("web", name)
    }

    /// The same in another namespace.
    pub fn secret_in(&self, namespace: &str, name: &str) -> String {
        let block =
            |pem: String| pem.lines().map(|line| format!("    {line}\n")).collect::<String>();
        format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {namespace}}}\ntype: kubernetes.io/tls\nstringData:\n  tls.crt: |\n{}  tls.key: |\n{}",
            block(self.certificate.pem()),
            block(self.key.serialize_pem()),
        )
    }

    /// The certificate itself.
    pub fn der(&self) -> &CertificateDer<'static> {
        self.certificate.der()
    }

    /// Its public key, as `SubjectPublicKeyInfo` in DER (RFC 5280 §4.1).
    pub fn public_key(&self) -> Vec<u8> {
        self.key.subject_public_key_info()
    }

    /// A server with this certificate; with `clients`, it requires a certificate of theirs.
    pub fn acceptor(&self, clients: Option<&Authority>) -> Result<TlsAcceptor> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?;
        let config = match clients {
            None => config.with_no_client_auth(),
            Some(clients) => {
                let roots = clients.authorities()?.roots().clone();
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                config.with_client_cert_verifier(verifier.build()?)
            }
        };
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).ok().context("a key")?;
        let config = config.with_single_cert(vec![self.der().clone()], key)?;
        Ok(Arc::new(config).into())
    }

    /// TLS with this certificate from the Secret `web/<secret>`, and otherwise with the defaults.
    pub fn host(&self, secret: &str) -> Result<HostTls> {
        Ok(HostTls {
            secret: ObjectName::new("web", secret),
            certificate: Some(self.certificate()?),
            min_version: TlsVersion::Tls12,
            client_certificates: None,
            plain_http: PlainHttp::Redirect,
            hsts: None,
        })
    }
}

/// A client that accepts every certificate: a test looks at it itself.
#[derive(Clone)]
pub struct Client(ClientConfig);

/// A connection of such a client.
pub struct Connected {
    /// The certificate that the server has presented.
    pub certificate: CertificateDer<'static>,
    /// Whether an earlier session was resumed.
    pub is_resumed: bool,
    /// The protocol that was agreed on.
    pub alpn: Option<String>,
    /// How keys were agreed on.
    pub group: Option<rustls::NamedGroup>,
    /// The version of TLS.
    pub version: rustls::ProtocolVersion,
    /// The stream.
    pub wire: Wire,
}

impl Client {
    /// One of any version.
    pub fn new() -> Result<Self> {
        Self::build(rustls::ALL_VERSIONS, None)
    }

    /// One of this version only.
    pub fn of(version: &'static SupportedProtocolVersion) -> Result<Self> {
        Self::build(&[version], None)
    }

    /// One that presents a certificate if it is asked for one.
    pub fn with(pair: &Pair) -> Result<Self> {
        Self::build(rustls::ALL_VERSIONS, Some(pair))
    }

    /// The same with this version only.
    pub fn of_with(version: &'static SupportedProtocolVersion, pair: &Pair) -> Result<Self> {
        Self::build(&[version], Some(pair))
    }

    /// One of TLS 1.3 with this cipher suite and this group alone.
    pub fn narrow(
        suite: SupportedCipherSuite,
        group: &'static dyn SupportedKxGroup,
    ) -> Result<Self> {
        let provider = CryptoProvider {
            cipher_suites: vec![suite],
            kx_groups: vec![group],
            ..aws_lc_rs::default_provider()
        };
        Self::of_provider(provider, &[&TLS13], None)
    }

    fn build(versions: &[&'static SupportedProtocolVersion], pair: Option<&Pair>) -> Result<Self> {
        Self::of_provider(aws_lc_rs::default_provider(), versions, pair)
    }

    fn of_provider(
        provider: CryptoProvider,
        versions: &[&'static SupportedProtocolVersion],
        pair: Option<&Pair>,
    ) -> Result<Self> {
        let provider = Arc::new(provider);
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)));
        Ok(Self(match pair {
            None => config.with_no_client_auth(),
            Some(pair) => {
                let key = PrivateKeyDer::try_from(pair.key.serialize_der());
                let key = key.ok().context("a key")?;
                config.with_client_auth_cert(vec![pair.der().clone()], key)?
            }
        }))
    }

    /// Names no host.
    pub fn without_sni(mut self) -> Self {
        self.0.enable_sni = false;
        self
    }

    /// Offers these protocols.
    pub fn offering(mut self, protocols: &[&str]) -> Self {
        self.0.alpn_protocols =
            protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        self
    }

    /// Remembers no sessions.
    pub fn forgetful(mut self) -> Self {
        self.0.resumption = Resumption::disabled();
        self
    }

    /// The first bytes of a handshake.
    pub fn hello(&self, name: &str) -> Result<Vec<u8>> {
        let name = ServerName::try_from(name.to_owned())?;
        let mut connection = ClientConnection::new(Arc::new(self.0.clone()), name)?;
        let mut hello = Vec::new();
        connection.write_tls(&mut hello)?;
        Ok(hello)
    }

    /// The handshake with the edge's TLS port.
    pub async fn connect(&self, edge: &Edge, name: &str) -> Result<Connected> {
        self.connect_to(edge.https(), name).await
    }

    /// The handshake with the server at an address.
    pub async fn connect_to(&self, address: SocketAddr, name: &str) -> Result<Connected> {
        let stream = self.stream(address, name).await?;
        let tls: &ClientConnection = stream.get_ref().1;
        let certificates = tls.peer_certificates().context("no certificate")?;
        Ok(Connected {
            certificate: certificates.first().context("no certificate")?.clone().into_owned(),
            is_resumed: tls.handshake_kind() == Some(HandshakeKind::Resumed),
            alpn: tls.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
            group: tls.negotiated_key_exchange_group().map(|group| group.name()),
            version: tls.protocol_version().context("no version")?,
            wire: Wire::new(stream),
        })
    }

    /// The handshake with the server at an address on this machine, blocking.
    pub fn connect_blocking(
        &self,
        port: u16,
        name: &str,
    ) -> Result<StreamOwned<ClientConnection, std::net::TcpStream>> {
        let name = ServerName::try_from(name.to_owned())?;
        let connection = ClientConnection::new(Arc::new(self.0.clone()), name)?;
        let socket = std::net::TcpStream::connect(("127.0.0.1", port))?;
        let mut stream = StreamOwned::new(connection, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(stream)
    }

    /// The same, as a stream.
    pub async fn stream(&self, address: SocketAddr, name: &str) -> Result<TlsStream<TcpStream>> {
        let socket = TcpStream::connect(address).await?;
        let name = ServerName::try_from(name.to_owned())?;
        let connector = TlsConnector::from(Arc::new(self.0.clone()));
        Ok(connector.connect(name, socket).await?)
    }
}

/// Accepts any certificate, as long as the server has its key.
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
