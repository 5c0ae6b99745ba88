//! Compiler options: what differs between the modes in which Portico runs.

use portico_dataplane::{address_guard::AddressGuard, config::Underscores};
use std::collections::BTreeSet;

/// Compiler options.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The class to serve; `None` serves every class (files).
    pub class: Option<String>,
    /// Whether Services may have loopback endpoints (files, on a developer's machine). Link-local
    /// and metadata addresses are always rejected.
    pub loopback_endpoints: bool,
    /// The namespaces whose Secrets are read; `None` means all.
    pub secret_namespaces: Option<BTreeSet<String>>,
    /// What `external` backends may point at, for an early warning. The dataplane checks again when
    /// it dials.
    pub guard: AddressGuard,
    /// What the dataplane does with request headers whose names have underscores, for a warning.
    pub underscores: Underscores,
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
