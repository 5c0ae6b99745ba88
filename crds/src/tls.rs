//! How a FrontDoor's hosts with a certificate speak TLS.

use crate::{AuthoritiesRef, Duration};
use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// TLS settings of the hosts with `tls`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsSettings {
    /// The oldest version of TLS that is accepted.
    pub min_version: TlsVersion,
    /// HTTP Strict Transport Security (RFC 6797): browsers use nothing but https for these hosts.
    /// Absent: what backends send over https is passed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hsts: Option<Hsts>,
    /// Which certificates clients are asked for. Absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_certificates: Option<ClientCertificates>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    #[serde(rename = "VersionTLS12")]
    Tls12,
    /// TLS 1.3.
    #[serde(rename = "VersionTLS13")]
    Tls13,
}

/// The header `Strict-Transport-Security`, sent on every response over https in place of a backend's
/// own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [
    Rule::new("!self.preload || (self.includeSubDomains && duration(self.maxAge) >= duration('8760h'))")
        .message("preload needs includeSubDomains and a maxAge of at least 8760h (a year), or no browser preloads the host")
        .field_path(".preload"),
]))]
pub struct Hsts {
    /// How long a browser remembers it: whole seconds; `0s` makes browsers forget the host.
    #[schemars(extend("x-kubernetes-validations" = [
        Rule::new("!self.contains('ms')").message("maxAge must be in whole seconds: use h, m and s"),
    ]))]
    pub max_age: Duration,
    /// Whether it also applies to all names below the host, including those that Portico does not
    /// serve.
    #[serde(default)]
    pub include_sub_domains: bool,
    /// Whether the host may be built into browsers (hstspreload.org), which takes months to undo.
    /// Needs `includeSubDomains`, and a `maxAge` of a year.
    #[serde(default)]
    pub preload: bool,
}

/// Which certificates clients are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientCertificates {
    /// Whose certificates are accepted. If one of these is missing or invalid, no client is let in.
    #[schemars(length(min = 1, max = 16))]
    pub ca_refs: Vec<AuthoritiesRef>,
    /// Whether a client must have a certificate. One that is not valid is refused either way.
    #[serde(default)]
    pub mode: ClientCertificateMode,
}

/// Whether a client must have a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClientCertificateMode {
    /// It must.
    #[default]
    Require,
    /// It may.
    Optional,
}
