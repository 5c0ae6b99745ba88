//! Compiler options: what differs between the modes in which Portico runs.

use super::report::Report;
use crate::diagnostic::FieldPath;
use ipnet::IpNet;
use k8s_openapi::jiff::Timestamp;
use portico_dataplane::{address_guard::AddressGuard, config::Underscores, table::HostPattern};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

/// Compiler options.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// The class to serve; `None` serves every class (files).
    pub class: Option<String>,
    /// Whether Services may have loopback endpoints (files, on a developer's machine). Link-local
    /// and metadata addresses are always rejected.
    pub loopback_endpoints: bool,
    /// Whether messages may name objects of namespaces that have nothing to do with the one they are
    /// about (files, all of which are the user's own).
    pub names_others: bool,
    /// The namespaces whose Secrets are read; `None` means all.
    pub secret_namespaces: Option<BTreeSet<String>>,
    /// Whether no ConfigMaps are read.
    pub no_config_maps: bool,
    /// What `external` backends may point at, for an early warning. The dataplane checks again when
    /// it dials.
    pub guard: AddressGuard,
    /// Which namespaces may have which hosts.
    pub host_claims: HostClaims,
    /// What the dataplane does with request headers whose names have underscores, for a warning.
    pub underscores: Underscores,
    /// The proxies that FrontDoors trust which don't list any.
    pub trusted_proxies: Arc<[IpNet]>,
    /// The time at which this is compiled, for warnings of certificates that expire. `None`: their
    /// dates are not judged. A publisher sets it each time.
    pub now: Option<Timestamp>,
}

/// An address or a CIDR; `None` for anything else.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.ok().map(|network| network.trunc())
}

/// Compiles addresses and CIDRs. The result is shorter if some are invalid.
pub(super) fn networks(texts: &[String], at: &FieldPath<'_>, report: &mut Report) -> Vec<IpNet> {
    let mut good = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match network(text) {
            Some(network) => good.push(network),
            None => report.invalid(
                &at.index(index),
                format!("'{text}' is neither a CIDR, such as 10.0.0.0/8, nor an address"),
            ),
        }
    }
    good
}

/// The `--host-claims` setting: which namespaces may have which hosts. If there is none, every
/// namespace may have any host that no FrontDoor of another namespace has, or has a wildcard for.
/// Otherwise, a namespace may have only the hosts that are claimed for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostClaims(BTreeMap<String, Vec<HostPattern>>);

impl HostClaims {
    /// No namespace may have hosts but those that are listed for it. `*.suffix` includes everything
    /// below the suffix, and `*` every host.
    pub fn new(claims: impl IntoIterator<Item = (String, Vec<HostPattern>)>) -> Self {
        let mut all: BTreeMap<String, Vec<HostPattern>> = BTreeMap::new();
        for (namespace, hosts) in claims {
            all.entry(namespace).or_default().extend(hosts);
        }
        Self(all)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a namespace may have a host.
    pub(super) fn allow(&self, namespace: &str, host: &HostPattern) -> bool {
        let claims = self.0.get(namespace);
        self.is_empty() || claims.into_iter().flatten().any(|claim| claim.includes(host))
    }

    /// Why it may not: a sentence without its end.
    pub(super) fn refusal(&self, namespace: &str, host: &HostPattern) -> String {
        let given = match self.0.get(namespace) {
            None => "none".to_owned(),
            Some(claims) => {
                let claims: Vec<_> = claims.iter().map(|claim| format!("'{claim}'")).collect();
                claims.join(", ")
            }
        };
        format!(
            "host '{host}' is not one of namespace '{namespace}', which --host-claims (in the chart: hostClaims) gives {given}: name one of its hosts, or have the install add {namespace}={host}"
        )
    }
}

impl Options {
    /// Whether Secrets in this namespace are read.
    pub(super) fn reads_secrets_of(&self, namespace: &str) -> bool {
        self.secret_namespaces.as_ref().is_none_or(|read| read.contains(namespace))
    }

    /// Whether no Secrets are read at all.
    pub(super) fn reads_no_secrets(&self) -> bool {
        self.secret_namespaces.as_ref().is_some_and(BTreeSet::is_empty)
    }

    /// Whether this install reports on objects whose class is unknown.
    pub(super) fn is_default_install(&self) -> bool {
        self.class.as_deref().is_none_or(|class| class == portico_crds::CLASS_DEFAULT)
    }
}
