//! A client's certificate, as backends and the access log are told of it.

use crate::proxy::ClientCertificate;
use data_encoding::BASE64;
use http::HeaderValue;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// The longest `Client-Cert` and `Client-Cert-Chain` that are sent: backends have limits for heads.
const MAX_FIELD_BYTES: usize = 16 * 1024;

/// How many characters of a name the access log shows.
const MAX_NAME_CHARS: usize = 128;

/// Reads what a client has presented; `None` if there is nothing, or its own certificate is too long
/// to be told. Without the chain, which a client chooses, it is told all the same.
pub(super) fn read(certificates: &[CertificateDer<'_>]) -> Option<ClientCertificate> {
    let (own, others) = certificates.split_first()?;
    let chain: Vec<_> = others.iter().map(|certificate| bytes(certificate)).collect();
    Some(ClientCertificate {
        own: field(bytes(own))?,
        chain: field(chain.join(", ")),
        name: name(own).unwrap_or_default().chars().take(MAX_NAME_CHARS).collect::<String>().into(),
    })
}

fn field(value: String) -> Option<HeaderValue> {
    (1..=MAX_FIELD_BYTES).contains(&value.len()).then_some(value)?.try_into().ok()
}

/// A certificate as a byte sequence (RFC 9440 §2.1, RFC 8941 §3.3.5).
fn bytes(certificate: &CertificateDer<'_>) -> String {
    format!(":{}:", BASE64.encode(certificate))
}

/// The subject's common name, or else the first alternative name that is text.
fn name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let mut common_names =
        certificate.subject().iter_common_name().filter_map(|it| it.as_str().ok());
    if let Some(name) = common_names.find(|name| !name.is_empty()) {
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
        assert_eq!(read(&[&[1; 20_000]]), None);
    }

    #[test]
    fn an_empty_common_name_is_no_name() {
        for (common_name, expected) in [(None, "a.com"), (Some(""), "a.com"), (Some("b"), "b")] {
            let mut params = rcgen::CertificateParams::new(["a.com".to_owned()]).unwrap();
            params.distinguished_name = rcgen::DistinguishedName::new();
            if let Some(name) = common_name {
                params.distinguished_name.push(rcgen::DnType::CommonName, name);
            }
            let key = rcgen::KeyPair::generate().unwrap();
            let own = params.self_signed(&key).unwrap();
            assert_eq!(&*super::read(&[own.der().clone()]).unwrap().name, expected);
        }
    }
}
