//! Finds the match that a request meets: a tree of path segments, then predicates by rank. It knows
//! nothing of what stands behind a match, its target.

mod near_miss;
mod predicate;
mod tree;
mod values;

pub(crate) use near_miss::{NearMiss, mismatch};
pub use predicate::{Comparison, Predicate, Predicates};

use crate::path::{Captures, PathPattern};
use http::{HeaderMap, Method};
use serde::{Serialize, Serializer};
use tree::Tree;

/// A path pattern and predicates (Gateway API, `HTTPRouteMatch`), and the target that a request which
/// meets them all is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Match<T> {
    /// The path pattern.
    pub path: PathPattern,
    /// What else must hold.
    #[serde(flatten)]
    pub predicates: Predicates,
    /// What stands behind it: in a table, the compiled Route.
    #[serde(rename = "route")]
    pub target: T,
}

impl<T> Match<T> {
    /// Whether both ask the same of a request: the same path, names of captures aside, and the
    /// same predicates in whatever order. Only one of the two can ever win.
    pub fn conflicts_with(&self, other: &Self) -> bool {
        self.path.same_shape(&other.path) && self.predicates.same_set(&other.predicates)
    }
}

/// What of a request the router looks at.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// The method; of a preflight, the one that it asks for.
    pub method: &'r Method,
    /// The normalised path.
    pub path: &'r str,
    /// The query without `?`, as sent.
    pub query: Option<&'r str>,
    /// Its headers.
    pub headers: Headers<'r>,
}

/// What is known of a request's headers, and so of its cookies.
#[derive(Clone, Copy, Debug)]
pub enum Headers<'r> {
    /// All of them.
    Sent(&'r HeaderMap),
    /// The names that a preflight asks for. It stands for a request whose values and cookies it
    /// does not tell, so that only what it could deny is asked of it.
    Announced(&'r [&'r str]),
}

/// All matches of a virtual host, arranged so that finding one takes time by the path's length, not
/// by the number of matches.
#[derive(Clone, Debug)]
pub struct RouteTree<T> {
    /// In the order in which they are tried.
    matches: Box<[Match<T>]>,
    /// Derived from `matches`.
    tree: Tree,
}

impl<T> RouteTree<T> {
    /// Arranges matches. Matches of one rank keep the order in which they are given: the older
    /// Route's first.
    pub fn new(mut matches: Vec<Match<T>>) -> Self {
        matches.sort_by(|a, b| {
            a.path.precedence(&b.path).then_with(|| b.predicates.rank().cmp(&a.predicates.rank()))
        });
        let tree = Tree::new(matches.iter().map(|matched| &matched.path));
        Self { matches: matches.into(), tree }
    }

    /// The match that wins and what its pattern captured.
    pub fn find<'t, 'r>(&'t self, request: &Request<'r>) -> Option<(&'t Match<T>, Captures<'r>)> {
        self.tree.find(request.path, &mut |fits| {
            self.matches[fits].iter().find(|matched| matched.predicates.matches(request))
        })
    }

    /// All matches in the order in which they are tried.
    pub fn matches(&self) -> &[Match<T>] {
        &self.matches
    }
}

impl<T> Default for RouteTree<T> {
    fn default() -> Self {
        Self { matches: Box::default(), tree: Tree::default() }
    }
}

impl<T: PartialEq> PartialEq for RouteTree<T> {
    fn eq(&self, other: &Self) -> bool {
        self.matches == other.matches
    }
}

impl<T: Eq> Eq for RouteTree<T> {}

impl<T: Serialize> Serialize for RouteTree<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.matches.serialize(serializer)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod oracle;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
