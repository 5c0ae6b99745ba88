//! A client's certificate, as backends and the access log are told of it.

use crate::proxy::ClientCertificate;
use data_encoding::BASE64;
use http::HeaderValue;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// The longest `Client-Cert-Chain` that is sent: a client chooses what it presents beside its own
/// certificate, and backends have limits for heads.
const MAX_CHAIN_BYTES: usize = 16 * 1024;

/// How many characters of a name the access log shows.
const MAX_NAME_CHARS: usize = 128;

/// Reads what a client has presented; `None` if there is nothing.
pub(super) fn read(certificates: &[CertificateDer<'_>]) -> Option<ClientCertificate> {
    let (own, others) = certificates.split_first()?;
    let chain: Vec<_> = others.iter().map(|certificate| bytes(certificate)).collect();
    let chain = chain.join(", ");
    let chain = Some(chain).filter(|chain| (1..=MAX_CHAIN_BYTES).contains(&chain.len()));
    Some(ClientCertificate {
        own: HeaderValue::try_from(bytes(own)).ok()?,
        chain: chain.and_then(|chain| HeaderValue::try_from(chain).ok()),
        name: name(own).unwrap_or_default().chars().take(MAX_NAME_CHARS).collect::<String>().into(),
    })
}

/// A certificate as a byte sequence (RFC 9440 §2.1, RFC 8941 §3.3.5).
fn bytes(certificate: &CertificateDer<'_>) -> String {
    format!(":{}:", BASE64.encode(certificate))
}

/// The subject's common name, or else the first alternative name that is text.
fn name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let common_name = certificate.subject().iter_common_name().next();
    if let Some(name) = common_name.and_then(|name| name.as_str().ok()) {
        return Some(name.to_owned());
    }
    let alternatives = certificate.subject_alternative_name().ok()??;
    alternatives.value.general_names.iter().find_map(|name| match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
            Some((*name).to_owned())
        }
        GeneralName::OtherName(..)
        | GeneralName::X400Address(_)
        | GeneralName::DirectoryName(_)
        | GeneralName::EDIPartyName(_)
        | GeneralName::IPAddress(_)
        | GeneralName::RegisteredID(_)
        | GeneralName::Invalid(..) => None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_sent_in_order_unless_it_is_too_long() {
        let read = |certificates: &[&[u8]]| {
            let certificates: Vec<_> =
                certificates.iter().map(|bytes| CertificateDer::from(*bytes)).collect();
            read(&certificates).map(|read| (read.own, read.chain))
        };
        let value = HeaderValue::from_static;
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[&[1]]), Some((value(":AQ==:"), None)));
        let chain = Some(value(":AgI=:, :Aw==:"));
        assert_eq!(read(&[&[1], &[2, 2], &[3]]), Some((value(":AQ==:"), chain)));
        assert_eq!(read(&[&[1], &[2; 20_000]]), Some((value(":AQ==:"), None)));
    }
}
