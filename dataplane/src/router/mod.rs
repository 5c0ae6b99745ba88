//! Which Route a request meets: a tree of path segments, then predicates by rank.

mod predicate;

pub use predicate::{Comparison, Predicate, Predicates};

use crate::{
    path::{Captures, PathPattern},
    table::Route,
};
use http::{HeaderMap, Method};
use serde::{Serialize, Serializer};
use std::sync::Arc;

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

/// What of a request the router looks at.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// The method.
    pub method: &'r Method,
    /// The normalised path.
    pub path: &'r str,
    /// The query without `?`, as sent.
    pub query: Option<&'r str>,
    /// All headers.
    pub headers: &'r HeaderMap,
}

/// All rules of a virtual host, arranged so that finding one takes time by the path's length, not
/// by the number of rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteTree {
    rules: Vec<Rule>,
}

impl RouteTree {
    /// Arranges rules. Rules of one rank keep the order in which they are given: the older
    /// Route's first.
    pub fn new(rules: Vec<Rule>) -> Self {
        Self { rules }
    }

    /// The rule that wins and what its pattern captured.
    pub fn find<'t, 'r>(&'t self, _request: &Request<'r>) -> Option<(&'t Rule, Captures<'r>)> {
        None
    }

    /// All rules in the order in which they are tried.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

impl Serialize for RouteTree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.rules.serialize(serializer)
    }
}
