//! What differs between the ways in which Portico runs.

use portico_dataplane::address_guard::AddressGuard;
use std::collections::BTreeSet;

/// What differs between the ways in which Portico runs.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The class that is served; `None` serves every class (files).
    pub class: Option<String>,
    /// Whether Services may have loopback endpoints (files: a developer's machine). Link-local and
    /// metadata addresses are refused all the same.
    pub loopback_endpoints: bool,
    /// The namespaces whose Secrets are read; `None`: all.
    pub secret_namespaces: Option<BTreeSet<String>>,
    /// What `external` backends may point at, to warn early; the dataplane checks when it dials.
    pub guard: AddressGuard,
}

impl Options {
    /// Whether Secrets of this namespace are read.
    pub(super) fn reads_secrets_of(&self, namespace: &str) -> bool {
        self.secret_namespaces.as_ref().is_none_or(|read| read.contains(namespace))
    }

    /// Whether no Secret is read at all.
    pub(super) fn reads_no_secrets(&self) -> bool {
        self.secret_namespaces.as_ref().is_some_and(BTreeSet::is_empty)
    }

    /// Whether this install speaks for objects of which nobody can tell whose they are.
    pub(super) fn is_default_install(&self) -> bool {
        self.class.as_deref().is_none_or(|class| class == portico_crds::CLASS_DEFAULT)
    }
}
