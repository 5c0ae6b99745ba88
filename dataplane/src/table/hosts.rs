//! Virtual hosts: map a request's Host to a FrontDoor.

use super::{
    ClientCertificateMode, CookieIsolation, HostPattern, HostTls, ObjectName, Route, Rule,
    SharedCookie,
};
use crate::{cors, path::Slashes, router::RouteTree};
use hashbrown::HashMap;
use ipnet::IpNet;
use serde::{Serialize, Serializer};
use std::{collections::BTreeSet, sync::Arc};

/// One host of a FrontDoor, with the Routes attached to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VirtualHost {
    /// The entry.
    pub host: HostPattern,
    /// The FrontDoor that owns it.
    pub front_door: ObjectName,
    /// Its TLS; absent: it is served over plain HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Arc<HostTls>>,
    /// Peers whose word about the client is trusted.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub trusted_proxies: Arc<[IpNet]>,
    /// The fields in which they give it.
    #[serde(skip_serializing_if = "TrustedHeaders::is_default")]
    pub trusted_headers: TrustedHeaders,
    /// Whether repeated slashes in a request's path are merged.
    #[serde(skip_serializing_if = "Slashes::is_keep")]
    pub slashes: Slashes,
    /// The default policy, which also applies to requests that no Route matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors: Option<Arc<cors::Policy>>,
    /// The FrontDoor's rules, in order.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub rules: Arc<[Rule]>,
    /// Why this accepted FrontDoor can't be served (a Secret of its rules is missing): every request
    /// gets 503.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<String>,
    /// Cookies that its Routes share, however far they are kept apart.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub shared_cookies: Arc<[SharedCookie]>,
    /// Why its FrontDoor is not accepted. It then has no Routes and only holds the host, whose
    /// requests get 503.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_accepted: Option<String>,
    /// The Routes by path; hosts with the same Routes share them.
    pub routes: Arc<RouteTree<Arc<Route>>>,
    /// The FrontDoor's `metadata.uid`, which no client knows; empty in a manifest without one.
    #[serde(skip)]
    pub uid: Arc<str>,
    /// The names of the cookies in which the Routes keep clients with endpoints, which no backend
    /// gets. [`Hosts`] derives them.
    #[serde(skip)]
    pub affinity_cookies: Arc<[String]>,
    /// Whether any of the Routes has cookies of its own, which no other one gets or sets. [`Hosts`]
    /// derives it.
    #[serde(skip)]
    pub has_separate_cookies: bool,
}

impl VirtualHost {
    /// Whether clients over https must have a certificate.
    pub fn requires_certificates(&self) -> bool {
        let terms = self.tls.as_ref().and_then(|tls| tls.client_terms());
        terms.is_some_and(|(mode, _)| mode == ClientCertificateMode::Require)
    }
}

/// The fields in which trusted proxies report the client. The others are removed: the proxies may
/// have passed them on as the client sent them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum TrustedHeaders {
    /// `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl TrustedHeaders {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// All virtual hosts. Only the most specific entry that matches a host counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    exact: HashMap<Arc<str>, Arc<VirtualHost>>,
    suffix: HashMap<Arc<str>, Arc<VirtualHost>>,
    any: Option<Arc<VirtualHost>>,
}

impl FromIterator<VirtualHost> for Hosts {
    /// Completes the entries.
    fn from_iter<I: IntoIterator<Item = VirtualHost>>(hosts: I) -> Self {
        hosts.into_iter().map(|entry| Arc::new(entry.complete())).collect()
    }
}

impl FromIterator<Arc<VirtualHost>> for Hosts {
    /// If two entries have the same host, the later replaces the earlier; the compiler never emits
    /// such duplicates. The entries must be [complete](VirtualHost::complete).
    fn from_iter<I: IntoIterator<Item = Arc<VirtualHost>>>(hosts: I) -> Self {
        let mut all = Self::default();
        for entry in hosts {
            match &entry.host {
                HostPattern::Exact(host) => drop(all.exact.insert(host.clone(), entry)),
                HostPattern::Suffix(suffix) => drop(all.suffix.insert(suffix.clone(), entry)),
                HostPattern::Any => all.any = Some(entry),
            }
        }
        all
    }
}

impl VirtualHost {
    /// Derives from the Routes what follows from them.
    #[must_use]
    pub fn complete(mut self) -> Self {
        self.affinity_cookies = affinity_cookies(&self.routes);
        self.has_separate_cookies = has_separate_cookies(&self.routes);
        self
    }

    /// The same host with the Routes of another entry, and what follows from them.
    #[must_use]
    pub fn with_routes_of(self, other: &Self) -> Self {
        Self {
            routes: other.routes.clone(),
            affinity_cookies: other.affinity_cookies.clone(),
            has_separate_cookies: other.has_separate_cookies,
            ..self
        }
    }
}

fn affinity_cookies(routes: &RouteTree<Arc<Route>>) -> Arc<[String]> {
    let all = routes.matches().iter();
    let affinities = all.filter_map(|one| one.target.selection.affinity.as_ref());
    let names: BTreeSet<_> = affinities.map(|affinity| &affinity.cookie).collect();
    names.into_iter().cloned().collect()
}

fn has_separate_cookies(routes: &RouteTree<Arc<Route>>) -> bool {
    routes.matches().iter().any(|one| match one.target.isolation.cookies {
        CookieIsolation::Separate(_) => true,
        CookieIsolation::Shared | CookieIsolation::Confined => false,
    })
}

impl Hosts {
    /// The entry for `host` (lower case, without port or trailing dot): exact, then the longest
    /// suffix, then `*`.
    pub fn find(&self, host: &str) -> Option<&VirtualHost> {
        self.find_where(host, |_| true)
    }

    /// TLS of the most specific entry for `host` that has TLS.
    pub fn find_tls(&self, host: &str) -> Option<&Arc<HostTls>> {
        self.find_where(host, |entry| entry.tls.is_some())?.tls.as_ref()
    }

    fn find_where(&self, host: &str, fits: impl Fn(&VirtualHost) -> bool) -> Option<&VirtualHost> {
        if let Some(found) = self.exact.get(host).filter(|entry| fits(entry)) {
            return Some(found);
        }
        if !self.suffix.is_empty() {
            let mut rest = host;
            while let Some((label, suffix)) = rest.split_once('.') {
                // `.example.com` has no label before its suffix.
                if (!label.is_empty() || rest.len() != host.len())
                    && let Some(found) = self.suffix.get(suffix).filter(|entry| fits(entry))
                {
                    return Some(found);
                }
                rest = suffix;
            }
        }
        self.any.as_deref().filter(|entry| fits(entry))
    }

    /// TLS of all entries that have it, in no order.
    pub(crate) fn tls(&self) -> impl Iterator<Item = &Arc<HostTls>> {
        self.all().filter_map(|entry| entry.tls.as_ref())
    }

    fn all(&self) -> impl Iterator<Item = &VirtualHost> {
        let entries = self.exact.values().chain(self.suffix.values()).chain(&self.any);
        entries.map(AsRef::as_ref)
    }

    /// How many entries there are.
    pub fn count(&self) -> usize {
        self.exact.len() + self.suffix.len() + usize::from(self.any.is_some())
    }

    /// All entries, sorted by their pattern.
    pub fn iter(&self) -> impl Iterator<Item = &VirtualHost> {
        let mut all: Vec<_> = self.all().collect();
        all.sort_by(|a, b| a.host.cmp(&b.host));
        all.into_iter()
    }
}

impl Serialize for Hosts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
