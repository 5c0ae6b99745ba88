//! The table: all routing decisions come from it. Immutable, `Eq`, and serialisable as JSON with
//! secrets as fingerprints. The controller compiles it; workers only read it.

mod action;
mod backend;
mod condition;
mod edits;
mod host_pattern;
mod hosts;
mod isolation;
mod route;
mod rule;
mod scheme;
mod selection;
mod text;
mod timeouts;
mod tls;

pub use action::{Action, Forward, Redirect, Respond, Rewrite};
pub use backend::{Authority, Backend, BackendTls, HostHeader, Protocol, Target, Verification};
pub use condition::Condition;
pub use edits::HeaderEdits;
pub(crate) use edits::redacted;
pub use host_pattern::{HostPattern, HostPatternError};
pub use hosts::{Hosts, TrustedHeaders, VirtualHost};
pub use isolation::{CookieIsolation, CookieTag, Isolation, OriginWide, SharedCookie};
pub use route::{Route, RouteMatch};
pub use rule::{
    Escape, FieldText, FilledEdits, Rule, RuleActions, RuleEdits, RuleHost, RulePath, RuleRedirect,
    RuleReply, RuleRespond, RuleRewrite,
};
pub use rustls::pki_types::ServerName;
pub use scheme::Scheme;
pub use selection::{
    Affinity, Balance, CheckMethod, Ejection, EndpointLimits, HashOn, HealthCheck, Policy, Retry,
    RetryOn, Selection,
};
pub use text::{Piece, Text, TextError, Variable};
pub use timeouts::Timeouts;
pub use tls::{ClientCertificateMode, ClientCertificates, HostTls, Hsts, PlainHttp, TlsVersion};

use serde::Serialize;
use std::{fmt, sync::Arc};

/// A Kubernetes object's namespace and name, printed `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// `metadata.namespace`.
    pub namespace: Arc<str>,
    /// `metadata.name`.
    pub name: Arc<str>,
}

impl ObjectName {
    /// Creates a name from its parts.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl Serialize for ObjectName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A complete routing table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Counts publications, so that one can tell which table a worker serves. The compiler sets 0;
    /// publishing assigns the number.
    pub generation: u64,
    /// The virtual hosts by name.
    pub hosts: Hosts,
}
