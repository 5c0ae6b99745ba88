//! Which FrontDoor may have which host.

use super::claims::{AttachRules, Claims};
use crate::{
    compile::{
        options::{HostClaims, Options},
        report::Precedence,
    },
    diagnostic::Reason,
    objects::Snapshot,
};
use portico_dataplane::table::HostPattern;
use std::{collections::HashMap, rc::Rc};

/// The hosts that have been assigned so far, to older FrontDoors.
pub(super) struct Owners<'s, 'o> {
    snapshot: &'s Snapshot,
    claims: &'o HostClaims,
    hosts: HashMap<HostPattern, Owner<'s>>,
}

struct Owner<'s> {
    precedence: Precedence<'s>,
    attach_rules: Rc<AttachRules<'s>>,
}

impl<'s, 'o> Owners<'s, 'o> {
    pub(super) fn new(snapshot: &'s Snapshot, options: &'o Options) -> Self {
        Self { snapshot, claims: &options.host_claims, hosts: HashMap::new() }
    }

    pub(super) fn insert(
        &mut self,
        host: HostPattern,
        precedence: Precedence<'s>,
        attach_rules: &Rc<AttachRules<'s>>,
    ) {
        self.hosts.insert(host, Owner { precedence, attach_rules: attach_rules.clone() });
    }

    /// Whether a FrontDoor may have a host. If not: the reason, and a sentence without its end.
    pub(super) fn admit(
        &self,
        host: &HostPattern,
        precedence: &Precedence<'_>,
    ) -> Result<(), (Reason, String)> {
        let namespace = &precedence.name().namespace;
        if !self.claims.allow(namespace, host) {
            return Err((Reason::HostNotClaimed, self.claims.refusal(namespace, host)));
        }
        if let Some(owner) = self.hosts.get(host) {
            let (name, why) = (owner.precedence.name(), owner.precedence.wins_over(precedence));
            let message = format!("host '{host}' belongs to FrontDoor {name}, {why}");
            return Err((Reason::Conflicted, message));
        }
        // With claims, whoever has one may have the host.
        let above = if self.claims.is_empty() { self.above(host) } else { None };
        let Some((wildcard, owner)) = above else { return Ok(()) };
        let (name, why) = (owner.precedence.name(), owner.precedence.wins_over(precedence));
        let lets = || owner.attach_rules.claims(&name.namespace, namespace, self.snapshot);
        if name.namespace == *namespace || lets() == Claims::Everything {
            return Ok(());
        }
        let message = format!(
            "host '{host}' is covered by '{wildcard}' of FrontDoor {name} in another namespace, {why}: have its spec.attach list namespace '{namespace}' without paths, or have the install declare with --host-claims which namespaces may have which hosts"
        );
        Err((Reason::Conflicted, message))
    }

    /// The most specific wildcard, other than itself, that includes a host.
    fn above(&self, host: &HostPattern) -> Option<(HostPattern, &Owner<'s>)> {
        let mut rest = match host {
            HostPattern::Exact(name) | HostPattern::Suffix(name) => &**name,
            HostPattern::Any => return None,
        };
        while let Some((_, suffix)) = rest.split_once('.') {
            let wildcard = HostPattern::Suffix(suffix.into());
            if let Some(owner) = self.hosts.get(&wildcard) {
                return Some((wildcard, owner));
            }
            rest = suffix;
        }
        self.hosts.get(&HostPattern::Any).map(|owner| (HostPattern::Any, owner))
    }
}
