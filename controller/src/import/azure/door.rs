//! A front door as both generations have it: hosts, and routes by protocol, host and path.

use super::{
    pattern::Pattern,
    pool::{Forwarding, Pool},
    rules::Rule,
};
use crate::import::Node;
use portico_crds::{Duration, RuleRedirect};
use std::collections::BTreeSet;

/// A classic Front Door, or a profile of Standard or Premium.
pub(super) struct Door<'s> {
    /// Its name.
    pub(super) name: String,
    /// What the report calls it.
    pub(super) label: String,
    pub(super) hosts: Vec<Host<'s>>,
    pub(super) routes: Vec<Route<'s>>,
    /// How long backends may take to respond.
    pub(super) timeout: Option<Duration>,
    /// Whether clients must speak TLS 1.3.
    pub(super) is_tls13: bool,
}

/// A host.
#[derive(Clone)]
pub(super) struct Host<'s> {
    /// Its name, in lower case.
    pub(super) name: String,
    /// Where it is named.
    pub(super) node: Node<'s>,
    /// Whether clients stay with their backend, and for how many seconds.
    pub(super) affinity: Option<u32>,
}

/// A routing rule or route.
pub(super) struct Route<'s> {
    pub(super) name: String,
    pub(super) node: Node<'s>,
    /// Where it says which protocols it takes.
    pub(super) protocols: Node<'s>,
    /// Where it names its rules.
    pub(super) engine: Option<Node<'s>>,
    /// The hosts' names.
    pub(super) hosts: Vec<String>,
    /// Whether it takes requests over plain HTTP, and over TLS.
    pub(super) http: bool,
    pub(super) https: bool,
    pub(super) patterns: Vec<Pattern>,
    /// Where it says that plain HTTP is redirected to https.
    pub(super) to_https: Option<Node<'s>>,
    pub(super) target: Target<'s>,
    pub(super) rules: Vec<Rule<'s>>,
}

/// What is done with the requests of a route.
#[derive(Clone)]
pub(super) enum Target<'s> {
    /// They are redirected.
    Redirect(RuleRedirect),
    /// They are forwarded.
    Forward {
        pool: Box<Pool<'s>>,
        by: Forwarding,
        /// The path that takes the place of the pattern.
        path: Option<String>,
    },
    /// What that is has no equal, which is reported.
    Unknown,
}

/// What is done with plain HTTP by one route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    Served,
    Redirected,
}

impl Route<'_> {
    /// What it does with plain HTTP.
    pub(super) fn plain(&self) -> Plain {
        let is_redirect = match &self.target {
            Target::Redirect(redirect) => {
                let to_https = redirect.scheme == Some(portico_crds::RedirectScheme::Https);
                to_https && !self.https && redirect.host.is_none() && redirect.path.is_none()
            }
            Target::Forward { .. } | Target::Unknown => false,
        };
        if is_redirect || self.to_https.is_some() { Plain::Redirected } else { Plain::Served }
    }
}

/// The requests of a host whose path is matched by one pattern and by none that is more specific.
pub(super) struct Cell {
    pub(super) pattern: Pattern,
    /// The route of those over plain HTTP, by its index, and its pattern.
    pub(super) http: Option<(usize, Pattern)>,
    /// The same over TLS.
    pub(super) https: Option<(usize, Pattern)>,
}

/// The cells of a host. Azure finds a route by protocol, then by host, then by path; a Route is found
/// by host and path.
pub(super) fn cells(routes: &[Route<'_>], host: &str) -> Vec<Cell> {
    let of_host: Vec<_> = routes
        .iter()
        .enumerate()
        .filter(|(_, route)| route.hosts.iter().any(|own| own == host))
        .collect();
    let best = |pattern: &Pattern, takes: fn(&Route<'_>) -> bool| {
        let takers = of_host.iter().filter(|(_, route)| takes(route));
        let matching = takers.flat_map(|(index, route)| {
            let matching = route.patterns.iter().filter(|own| own.contains(pattern));
            matching.map(|own| (*index, own.clone()))
        });
        // The first of several: Azure has no two that are the same.
        let mut all: Vec<_> = matching.collect();
        all.sort_by_key(|(_, own)| std::cmp::Reverse(own.specificity()));
        all.into_iter().next()
    };
    let own: BTreeSet<_> = of_host.iter().flat_map(|(_, route)| &route.patterns).cloned().collect();
    let beside: Vec<_> = own.iter().filter_map(Pattern::without_slash).collect();
    let all: BTreeSet<_> = own.into_iter().chain(beside).collect();
    let cells = all.into_iter().map(|pattern| Cell {
        http: best(&pattern, |route| route.http),
        https: best(&pattern, |route| route.https),
        pattern,
    });
    cells.collect()
}
