//! Which Route a request meets: a tree of path segments, then predicates by rank.

mod loss;
mod predicate;
mod tree;
mod values;
mod whole_value;

pub(crate) use loss::{Loss, unfit};
pub use predicate::{Comparison, Predicate, Predicates};
pub use whole_value::WholeValue;

use crate::{
    path::{Captures, PathPattern},
    table::Route,
};
use http::{HeaderMap, Method};
use serde::{Serialize, Serializer};
use std::sync::Arc;
use tree::Tree;

/// One match of a Route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The path pattern.
    pub path: PathPattern,
    /// What else must hold.
    #[serde(flatten)]
    pub predicates: Predicates,
    /// The Route that is met.
    pub route: Arc<Route>,
}

impl Rule {
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

/// All rules of a virtual host, arranged so that finding one takes time by the path's length, not
/// by the number of rules.
#[derive(Clone, Debug, Default)]
pub struct RouteTree {
    /// In the order in which they are tried.
    rules: Box<[Rule]>,
    /// Derived from `rules`.
    tree: Tree,
}

impl RouteTree {
    /// Arranges rules. Rules of one rank keep the order in which they are given: the older
    /// Route's first.
    pub fn new(mut rules: Vec<Rule>) -> Self {
        rules.sort_by(|a, b| {
            a.path.precedence(&b.path).then_with(|| b.predicates.rank().cmp(&a.predicates.rank()))
        });
        let tree = Tree::new(rules.iter().map(|rule| &rule.path));
        Self { rules: rules.into(), tree }
    }

    /// The rule that wins and what its pattern captured.
    pub fn find<'t, 'r>(&'t self, request: &Request<'r>) -> Option<(&'t Rule, Captures<'r>)> {
        self.tree.find(request.path, &mut |fits| {
            self.rules[fits].iter().find(|rule| rule.predicates.hold(request))
        })
    }

    /// All rules in the order in which they are tried.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

impl PartialEq for RouteTree {
    fn eq(&self, other: &Self) -> bool {
        self.rules == other.rules
    }
}

impl Eq for RouteTree {}

impl Serialize for RouteTree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.rules.serialize(serializer)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod oracle;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
