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

/// The certificates of authorities. Two are equal if they hold the same certificates.
#[derive(Clone)]
pub struct CertificateAuthorities {
    roots: Arc<RootCertStore>,
    /// In no order.
    certificates: HashSet<CertificateDer<'static>>,
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
}

impl CertificateAuthorities {
    /// Reads the certificates of a PEM file, at least one. Other sections are skipped.
    ///
    /// # Errors
    /// What is wrong with the file, as the rest of a sentence that begins with its name.
    pub fn from_pem(pem: &[u8]) -> Result<Self, AuthoritiesError> {
        Self::new(pem::certificates(pem)?)
    }

    /// No certificates, for which nothing can be verified.
    #[cfg(test)]
    pub(crate) fn none() -> Self {
        Self {
            roots: Arc::new(RootCertStore::empty()),
            certificates: HashSet::new(),
            fingerprint: String::new(),
        }
    }

    /// These and others.
    ///
    /// # Errors
    /// They are too many, or one is no authority.
    pub fn and(self, other: Self) -> Result<Self, AuthoritiesError> {
        Self::new(self.certificates.into_iter().chain(other.certificates))
    }

    fn new(
        certificates: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> Result<Self, AuthoritiesError> {
        let mut roots = RootCertStore::empty();
        let mut all = HashSet::new();
        for (index, certificate) in certificates.into_iter().enumerate() {
            let invalid = |error: rustls::Error| ChainError::Invalid {
                number: index + 1,
                why: error.to_string(),
            };
            if all.insert(certificate.clone()) {
                roots.add(certificate).map_err(invalid)?;
            }
        }
        if roots.roots.iter().map(|root| root.subject.len()).sum::<usize>() > MAX_SUBJECTS {
            return Err(AuthoritiesError::TooMany);
        }
        let mut sorted: Vec<&[u8]> = all.iter().map(AsRef::as_ref).collect();
        sorted.sort_unstable();
        let mut digest = Sha256::new();
        for certificate in sorted {
            digest.update(certificate.len().to_be_bytes());
            digest.update(certificate);
        }
        let fingerprint = super::hex(&digest.finalize());
        Ok(Self { roots: Arc::new(roots), certificates: all, fingerprint })
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
