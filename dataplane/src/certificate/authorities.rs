//! The authorities that client certificates are verified against.

use super::pem::{self, ChainError};
use rustls::{RootCertStore, pki_types::CertificateDer};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::{
    collections::HashSet,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};
use thiserror::Error;

/// How long the subjects of all authorities may be, in bytes: a handshake lists them, and the list
/// has at most 65,535 (RFC 8446 §4.2.4).
const MAX_SUBJECTS: usize = 32 << 10;
/// How much PEM is read, in bytes: that of as many certificates as have so many subjects.
const MAX_PEM: usize = 1 << 20;

/// The certificates of authorities. Two are equal if they hold the same certificates.
#[derive(Clone)]
pub struct CertificateAuthorities {
    roots: Arc<RootCertStore>,
    fingerprint: String,
}

/// Why there are no authorities.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AuthoritiesError {
    /// The PEM file.
    #[error(transparent)]
    Pem(#[from] ChainError),
    /// There are more than fit into a handshake.
    #[error(
        "names authorities whose subjects have more than {MAX_SUBJECTS} bytes in total: name fewer"
    )]
    TooMany,
    /// There is more of it than is read.
    #[error(
        "contains more than {MAX_PEM} bytes, together with those before it: name fewer authorities"
    )]
    TooLarge,
}

/// Reads authorities from several PEM files.
#[derive(Debug)]
pub struct AuthoritiesReader {
    roots: RootCertStore,
    certificates: HashSet<CertificateDer<'static>>,
    pem_bytes: usize,
    subject_bytes: usize,
}

impl Default for AuthoritiesReader {
    fn default() -> Self {
        let roots = RootCertStore::empty();
        Self { roots, certificates: HashSet::new(), pem_bytes: 0, subject_bytes: 0 }
    }
}

impl AuthoritiesReader {
    /// Adds the certificates of a PEM file, at least one. Other sections are skipped.
    ///
    /// # Errors
    /// What is wrong with the file, as the rest of a sentence that begins with its name.
    pub fn read(&mut self, pem: &[u8]) -> Result<(), AuthoritiesError> {
        self.pem_bytes = self.pem_bytes.saturating_add(pem.len());
        if self.pem_bytes > MAX_PEM {
            return Err(AuthoritiesError::TooLarge);
        }
        for (index, certificate) in pem::certificates(pem)?.into_iter().enumerate() {
            self.add(certificate, index + 1)?;
        }
        Ok(())
    }

    fn add(
        &mut self,
        certificate: CertificateDer<'static>,
        number: usize,
    ) -> Result<(), AuthoritiesError> {
        if self.certificates.contains(&certificate) {
            return Ok(());
        }
        let invalid = |error: rustls::Error| ChainError::Invalid { number, why: error.to_string() };
        self.roots.add(certificate.clone()).map_err(invalid)?;
        self.certificates.insert(certificate);
        self.subject_bytes += self.roots.roots.last().map_or(0, |root| root.subject.len());
        if self.subject_bytes > MAX_SUBJECTS {
            return Err(AuthoritiesError::TooMany);
        }
        Ok(())
    }

    /// All that have been read.
    pub fn finish(self) -> CertificateAuthorities {
        let mut sorted: Vec<&[u8]> = self.certificates.iter().map(AsRef::as_ref).collect();
        sorted.sort_unstable();
        let mut digest = Sha256::new();
        for certificate in sorted {
            digest.update(certificate.len().to_be_bytes());
            digest.update(certificate);
        }
        let fingerprint = super::hex(&digest.finalize());
        CertificateAuthorities { roots: Arc::new(self.roots), fingerprint }
    }
}

impl CertificateAuthorities {
    /// Reads the certificates of a PEM file, at least one. Other sections are skipped.
    ///
    /// # Errors
    /// What is wrong with the file, as the rest of a sentence that begins with its name.
    pub fn from_pem(pem: &[u8]) -> Result<Self, AuthoritiesError> {
        let mut reader = AuthoritiesReader::default();
        reader.read(pem)?;
        Ok(reader.finish())
    }

    /// No certificates, for which nothing can be verified.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        AuthoritiesReader::default().finish()
    }

    /// As a verifier takes them.
    pub fn roots(&self) -> &Arc<RootCertStore> {
        &self.roots
    }

    /// SHA-256 of all certificates in hexadecimal.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl PartialEq for CertificateAuthorities {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for CertificateAuthorities {}

impl Hash for CertificateAuthorities {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.fingerprint.hash(state);
    }
}

impl fmt::Debug for CertificateAuthorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CertificateAuthorities").field(&self.fingerprint).finish()
    }
}

impl Serialize for CertificateAuthorities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.fingerprint)
    }
}
