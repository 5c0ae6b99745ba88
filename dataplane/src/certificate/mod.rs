//! Certificates and certificate authorities, read from PEM (RFC 7468) once, when a table is
//! compiled.

mod authorities;
mod pem;

pub use authorities::{AuthoritiesError, AuthoritiesReader, CertificateAuthorities};
pub use pem::{CertificateError, ChainError, KeyError};

use rustls::{
    Error as TlsError, InconsistentKeys,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
    sign::CertifiedKey,
};
use serde::{Serialize, Serializer, ser::SerializeStruct};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeSet,
    fmt,
    hash::{Hash, Hasher},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use x509_parser::prelude::{GeneralName, X509Certificate};

/// A certificate chain with its private key. Two are equal if both chain and key are. It is shown
/// without its key.
pub struct Certificate {
    certified: Arc<CertifiedKey>,
    names: BTreeSet<String>,
    not_before: SystemTime,
    not_after: SystemTime,
    fingerprint: String,
    /// SHA-256 of chain and key.
    digest: [u8; 32],
}

impl Certificate {
    /// Reads a chain, the server's own certificate first, and the key that belongs to it: PKCS #8,
    /// PKCS #1 or SEC 1. Other sections are skipped.
    ///
    /// # Errors
    /// Which of the two is wrong, and how. No error quotes either.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain = pem::chain(chain)?;
        let key = pem::private_key(key)?;
        let digest = digest(&chain, &key);
        let signing_key =
            aws_lc_rs::default_provider().key_provider.load_private_key(key.clone_key());
        let signing_key = signing_key.map_err(|_| pem::unsupported(&key))?;
        let certified = CertifiedKey::new(chain, signing_key);
        check_pair(&certified)?;
        let own = certified.cert.first().ok_or(ChainError::NoCertificate)?;
        let fingerprint = hex(&Sha256::digest(own));
        let parsed = pem::parse(own, 1)?;
        let names = names(&parsed);
        let validity = parsed.validity();
        let not_before = system_time(validity.not_before.timestamp());
        let not_after = system_time(validity.not_after.timestamp());
        let certified = Arc::new(certified);
        Ok(Self { certified, names, not_before, not_after, fingerprint, digest })
    }

    /// What handshakes present.
    pub fn certified_key(&self) -> &Arc<CertifiedKey> {
        &self.certified
    }

    /// How many bytes a handshake presents: at most 64 KiB.
    pub fn chain_bytes(&self) -> usize {
        pem::bytes(&self.certified.cert)
    }

    /// The hosts that it names (`subjectAltName`; the common name does not count, RFC 9525 §2): DNS
    /// names in lower case, some as `*.suffix`, and addresses, IPv6 in brackets.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Whether it names a host: by itself or, if it is a DNS name, with `*` for its first label
    /// (RFC 9525 §6.3). The host is in lower case, without port and trailing dot, IPv6 in brackets;
    /// `*.suffix` stands for all names one label below the suffix.
    pub fn covers(&self, host: &str) -> bool {
        let below = || match host.split_once('.') {
            Some((label, suffix)) => {
                !label.is_empty() && self.names.contains(&format!("*.{suffix}"))
            }
            None => false,
        };
        self.names.contains(host) || below()
    }

    /// From when it is valid.
    pub fn not_before(&self) -> SystemTime {
        self.not_before
    }

    /// Until when it is valid.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// SHA-256 of the server's own certificate in hexadecimal, as `openssl x509 -fingerprint
    /// -sha256` prints it but for the colons.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Certificate {}

impl Hash for Certificate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("names", &self.names)
            .field("not_after", &self.not_after)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

impl Serialize for Certificate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut shown = serializer.serialize_struct("Certificate", 4)?;
        shown.serialize_field("names", &self.names)?;
        shown.serialize_field("notBefore", &rfc3339(self.not_before))?;
        shown.serialize_field("notAfter", &rfc3339(self.not_after))?;
        shown.serialize_field("fingerprint", &self.fingerprint)?;
        shown.end()
    }
}

/// Checks that the key belongs to the first certificate.
fn check_pair(certified: &CertifiedKey) -> Result<(), CertificateError> {
    match certified.keys_match() {
        // Keys of every kind that aws-lc-rs loads know their public half.
        Ok(()) | Err(TlsError::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(()),
        Err(TlsError::InconsistentKeys(_)) => Err(mismatch(certified).into()),
        Err(error) => Err(ChainError::Invalid { number: 1, why: error.to_string() }.into()),
    }
}

/// Whether the key belongs to a later certificate tells a chain in the wrong order from another
/// key.
fn mismatch(certified: &CertifiedKey) -> KeyError {
    let belongs = |own: &CertificateDer<'static>| {
        CertifiedKey::new(vec![own.clone()], certified.key.clone()).keys_match().is_ok()
    };
    match certified.cert.iter().position(belongs) {
        Some(index) => KeyError::OfLaterCertificate { number: index + 1 },
        None => KeyError::NotOfCertificate,
    }
}

fn names(certificate: &X509Certificate<'_>) -> BTreeSet<String> {
    // Where the extension is malformed or given twice, no client accepts any name.
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return BTreeSet::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => address(bytes),
        GeneralName::OtherName(..)
        | GeneralName::RFC822Name(_)
        | GeneralName::X400Address(_)
        | GeneralName::DirectoryName(_)
        | GeneralName::EDIPartyName(_)
        | GeneralName::URI(_)
        | GeneralName::RegisteredID(_)
        | GeneralName::Invalid(..) => None,
    };
    names.value.general_names.iter().filter_map(name).collect()
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(|it| IpAddr::from(Ipv4Addr::from(it)));
    let v6 = || <[u8; 16]>::try_from(bytes).map(|it| IpAddr::from(Ipv6Addr::from(it)));
    match v4.or_else(|_| v6()).ok()? {
        IpAddr::V4(address) => Some(address.to_string()),
        IpAddr::V6(address) => Some(format!("[{address}]")),
    }
}

/// A time in seconds since 1970, as X.509 has them: from the year 0 to 9999.
fn system_time(seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let time = match seconds {
        0.. => UNIX_EPOCH.checked_add(distance),
        _ => UNIX_EPOCH.checked_sub(distance),
    };
    time.unwrap_or(UNIX_EPOCH)
}

fn rfc3339(time: SystemTime) -> Option<String> {
    OffsetDateTime::from(time).format(&Rfc3339).ok()
}

fn digest(chain: &[CertificateDer<'_>], key: &PrivateKeyDer<'_>) -> [u8; 32] {
    let mut digest = Sha256::new();
    for part in chain.iter().map(|it| it.as_ref()).chain([key.secret_der()]) {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
