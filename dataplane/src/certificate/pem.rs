//! What a PEM file of certificates or of a key holds, and what can be wrong with it.

use rustls::pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{Error as PemError, PemObject},
};
use thiserror::Error;
use x509_parser::{
    asn1_rs::{Integer, Oid, Sequence},
    oid_registry::{OID_KEY_TYPE_EC_PUBLIC_KEY, OID_PKCS1_RSAENCRYPTION},
    prelude::{FromDer, X509Certificate, oid_registry, oid2description},
    x509::AlgorithmIdentifier,
};

/// How many certificates a server may present, and how many bytes they may have: each handshake
/// sends them.
const MAX_CHAIN: usize = 10;
const MAX_CHAIN_BYTES: usize = 64 << 10;

/// Why a chain and a key are not a certificate: names the field of a `kubernetes.io/tls` Secret.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// The chain.
    #[error("tls.crt {0}")]
    Chain(#[from] ChainError),
    /// The key.
    #[error("tls.key {0}")]
    Key(#[from] KeyError),
}

/// What is wrong with a PEM file of certificates.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChainError {
    /// No section begins in it.
    #[error("is not PEM: it must be text with a BEGIN CERTIFICATE section")]
    NotPem,
    /// It begins as PEM, but breaks off or is not base64.
    #[error("is broken PEM: {0}")]
    Broken(&'static str),
    /// Its sections are others.
    #[error("contains no certificate: none of its sections is BEGIN CERTIFICATE")]
    NoCertificate,
    /// One is not an X.509 certificate, or not of version 3.
    #[error("contains a certificate, number {number}, that can't be used: {why}")]
    Invalid {
        /// Which of the certificates, from 1.
        number: usize,
        /// What the parser says.
        why: String,
    },
    /// It is longer than a server may present.
    #[error(
        "contains {certificates} certificates of {bytes} bytes in total, all of which every handshake would send: at most {MAX_CHAIN} certificates of {MAX_CHAIN_BYTES} bytes in total are allowed"
    )]
    TooLong {
        /// How many certificates there are.
        certificates: usize,
        /// The sum of their lengths.
        bytes: usize,
    },
}

/// What is wrong with a PEM file of a private key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// No section begins in it.
    #[error("is not PEM: it must be text with a BEGIN PRIVATE KEY section")]
    NotPem,
    /// It begins as PEM, but breaks off or is not base64.
    #[error("is broken PEM: {0}")]
    Broken(&'static str),
    /// Its sections are others.
    #[error("contains no private key: none of its sections is BEGIN PRIVATE KEY")]
    NoKey,
    /// It needs a password.
    #[error("is encrypted: give the key without a password ('openssl pkey -in …' removes it)")]
    Encrypted,
    /// It is a key that TLS, or the library, can't sign with.
    #[error(
        "is a key of an unsupported kind, {0}: use RSA of 2048 to 8192 bits, EC P-256, P-384 or P-521, or Ed25519"
    )]
    Unsupported(String),
    /// Its content is no key.
    #[error("is not a private key, although its PEM says so")]
    Invalid,
    /// It belongs to no certificate of the chain.
    #[error("does not belong to the certificate in tls.crt")]
    NotOfCertificate,
    /// It belongs to one that is not the first.
    #[error(
        "belongs to certificate {number} of tls.crt, not to the first: put the server's own certificate before its issuers"
    )]
    OfLaterCertificate {
        /// Which of the certificates, from 1.
        number: usize,
    },
}

/// The certificates of a PEM file, at least one.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ChainError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| ChainError::Broken(broken(&error)))?;
    if found.is_empty() {
        return Err(if is_pem(pem) { ChainError::NoCertificate } else { ChainError::NotPem });
    }
    for (index, certificate) in found.iter().enumerate() {
        parse(certificate, index + 1)?;
    }
    Ok(found)
}

/// The same for what a server presents, which has a limit.
pub(super) fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ChainError> {
    let chain = certificates(pem)?;
    match (chain.len(), bytes(&chain)) {
        (..=MAX_CHAIN, ..=MAX_CHAIN_BYTES) => Ok(chain),
        (certificates, bytes) => Err(ChainError::TooLong { certificates, bytes }),
    }
}

/// The sum of the certificates' lengths.
pub(super) fn bytes(chain: &[CertificateDer<'_>]) -> usize {
    chain.iter().map(|certificate| certificate.len()).sum()
}

/// The structure of certificate `number` of a file.
pub(super) fn parse<'c>(
    certificate: &'c CertificateDer<'_>,
    number: usize,
) -> Result<X509Certificate<'c>, ChainError> {
    let invalid = |why: String| ChainError::Invalid { number, why };
    match X509Certificate::from_der(certificate) {
        Ok(([], parsed)) => Ok(parsed),
        Ok(_) => Err(invalid("it is followed by other bytes".to_owned())),
        Err(_) => Err(invalid("it is not X.509".to_owned())),
    }
}

/// The first private key of a PEM file.
pub(super) fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, KeyError> {
    if is_encrypted(pem) {
        return Err(KeyError::Encrypted);
    }
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        PemError::NoItemsFound if is_pem(pem) => KeyError::NoKey,
        PemError::NoItemsFound => KeyError::NotPem,
        error => KeyError::Broken(broken(&error)),
    })
}

/// PKCS #8 (RFC 7468 §11) has a label for it, the older forms a header (RFC 1421 §4.6.1.1).
fn is_encrypted(pem: &[u8]) -> bool {
    let mut lines = pem.split(|byte| *byte == b'\n');
    lines.any(|line| {
        line.starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
            || (line.starts_with(b"Proc-Type:") && line.trim_ascii_end().ends_with(b"ENCRYPTED"))
    })
}

fn is_pem(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"-----BEGIN "))
}

/// What is wrong, without quoting what may be secret.
fn broken(error: &PemError) -> &'static str {
    match error {
        PemError::MissingSectionEnd { .. } => "a section has no -----END …----- line",
        PemError::IllegalSectionStart { .. } => "a -----BEGIN …----- line is incomplete",
        PemError::Base64Decode(_) => "the content of a section is not base64",
        PemError::SectionTooLarge => "a section is too large",
        PemError::NoItemsFound => "it has no section",
        _ => "it can't be read",
    }
}

/// Why a key was refused: its kind, if it has one.
pub(super) fn unsupported(key: &PrivateKeyDer<'_>) -> KeyError {
    let kind = match key {
        PrivateKeyDer::Pkcs1(key) => rsa(key.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(key) => pkcs8(key.secret_pkcs8_der()),
        PrivateKeyDer::Sec1(_) => Some("EC of another curve".to_owned()),
        _ => None,
    };
    kind.map_or(KeyError::Invalid, KeyError::Unsupported)
}

/// PrivateKeyInfo (RFC 5958 §2): version, algorithm, key.
fn pkcs8(der: &[u8]) -> Option<String> {
    let (_, info) = Sequence::from_der(der).ok()?;
    let (rest, _version) = Integer::from_der(&info.content).ok()?;
    let (rest, algorithm) = AlgorithmIdentifier::from_der(rest).ok()?;
    if algorithm.algorithm == OID_PKCS1_RSAENCRYPTION {
        let (_, key) = <&[u8]>::from_der(rest).ok()?;
        return rsa(key);
    }
    if algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = algorithm.parameters.as_ref().and_then(|it| it.as_oid().ok());
        return Some(match curve {
            Some(curve) => format!("EC of curve {}", named(&curve)),
            None => "EC of a curve without a name".to_owned(),
        });
    }
    Some(named(&algorithm.algorithm))
}

/// RSAPrivateKey (RFC 8017 §A.1.2): version, modulus, …
fn rsa(der: &[u8]) -> Option<String> {
    let (_, key) = Sequence::from_der(der).ok()?;
    let (rest, _version) = Integer::from_der(&key.content).ok()?;
    let (_, modulus) = Integer::from_der(rest).ok()?;
    let digits = modulus.as_ref().iter().skip_while(|byte| **byte == 0);
    Some(format!("RSA of {} bits", digits.count() * 8))
}

fn named(oid: &Oid<'_>) -> String {
    oid2description(oid, oid_registry()).map_or_else(|_| oid.to_id_string(), str::to_owned)
}
