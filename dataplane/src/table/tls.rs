//! TLS of a host.

use super::ObjectName;
use crate::certificate::{Certificate, CertificateAuthorities};
use http::HeaderValue;
use serde::{Serialize, Serializer};
use std::{sync::Arc, time::Duration};

/// TLS of a host entry. A connection that was opened for one entry may carry requests for another
/// whose `secret` and [`client_terms`](Self::client_terms) are equal and whose `min_version` it meets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HostTls {
    /// The Secret that the certificate is from.
    pub secret: ObjectName,
    /// The certificate; absent if the Secret has never had a valid one. Handshakes then fail, and
    /// plain HTTP is what `plain_http` says all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Arc<Certificate>>,
    /// The oldest version of TLS that is accepted.
    pub min_version: TlsVersion,
    /// Which certificates clients are asked for; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificates: Option<Arc<ClientCertificates>>,
    /// What happens to requests that come over plain HTTP.
    pub plain_http: PlainHttp,
    /// What `Strict-Transport-Security` says on answers over https.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hsts: Option<Hsts>,
}

impl HostTls {
    /// What a client has to present: the mode, and the authorities' fingerprint. Where they come
    /// from does not matter to it.
    pub fn client_terms(&self) -> Option<(ClientCertificateMode, Option<&str>)> {
        let clients = self.client_certificates.as_deref()?;
        Some((clients.mode, clients.roots.as_ref().map(CertificateAuthorities::fingerprint)))
    }
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[default]
    #[serde(rename = "VersionTLS12")]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    #[serde(rename = "VersionTLS13")]
    Tls13,
}

/// What happens to plain HTTP on a host with TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub enum PlainHttp {
    /// It is redirected to https with 308.
    #[default]
    Redirect,
    /// It is served.
    Serve,
    /// It gets 403.
    Refuse,
}

/// Which certificates clients are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientCertificates {
    /// Where the authorities come from, each as `ConfigMap web/partners, key ca.crt`.
    pub authorities: Vec<String>,
    /// Whether a client must have one.
    pub mode: ClientCertificateMode,
    /// The authorities; absent if one of them is missing or invalid. No client is let in then,
    /// those without a certificate neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roots: Option<CertificateAuthorities>,
}

/// Whether a client must have a certificate. One that is not valid is refused either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub enum ClientCertificateMode {
    /// It must.
    #[default]
    Require,
    /// It may.
    Optional,
}

/// A `Strict-Transport-Security` field (RFC 6797 §6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hsts(HeaderValue);

impl Hsts {
    /// `max_age` counts in whole seconds. `preload` is the directive of hstspreload.org.
    #[allow(clippy::expect_used)]
    pub fn new(max_age: Duration, include_sub_domains: bool, preload: bool) -> Self {
        let seconds = max_age.as_secs();
        let sub_domains = if include_sub_domains { "; includeSubDomains" } else { "" };
        let preload = if preload { "; preload" } else { "" };
        let value = HeaderValue::try_from(format!("max-age={seconds}{sub_domains}{preload}"));
        Self(value.expect("digits and the names of directives are visible ASCII"))
    }

    /// The field's value.
    pub fn value(&self) -> &HeaderValue {
        &self.0
    }
}

impl Serialize for Hsts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&String::from_utf8_lossy(self.0.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_has_the_directives_that_are_set() {
        let year = Duration::from_secs(31_536_000);
        for (hsts, value) in [
            (Hsts::new(Duration::ZERO, false, false), "max-age=0"),
            (Hsts::new(year, false, false), "max-age=31536000"),
            (Hsts::new(year, true, false), "max-age=31536000; includeSubDomains"),
            (Hsts::new(year, true, true), "max-age=31536000; includeSubDomains; preload"),
        ] {
            assert_eq!(hsts.value(), value);
        }
    }

    #[test]
    fn versions_are_ordered() {
        assert!(TlsVersion::Tls12 < TlsVersion::Tls13);
    }
}
