//! Finds the match for a request: a tree of path segments, then predicates by rank. A match's
//! target is opaque here.

mod budget;
mod comparison;
mod lookup;
mod near_miss;
mod predicate;
mod tree;
mod values;

pub(crate) use budget::Budget;
pub use budget::BudgetExceeded;
pub use comparison::{Comparison, Predicate};
pub(crate) use lookup::Lookup;
pub(crate) use near_miss::{NearMiss, mismatch};
pub use predicate::Predicates;
pub(crate) use values::{cookie as cookie_values, query as query_values};

use crate::path::{Captures, PathPattern};
use http::{HeaderMap, Method};
use serde::{Serialize, Serializer};
use tree::Tree;

/// A path pattern and predicates (Gateway API, `HTTPRouteMatch`), and the target for requests that
/// satisfy them all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Match<T> {
    /// The path pattern.
    pub path: PathPattern,
    /// Further conditions.
    #[serde(flatten)]
    pub predicates: Predicates,
    /// What the match leads to: in a table, the compiled Route.
    #[serde(rename = "route")]
    pub target: T,
}

impl<T> Match<T> {
    /// Whether both match the same requests: the same path apart from capture names, and the same
    /// predicates in any order. Only one of the two can ever win.
    pub fn conflicts_with(&self, other: &Self) -> bool {
        self.path.same_shape(&other.path) && self.predicates.same_set(&other.predicates)
    }
}

/// The parts of a request that the router looks at.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// The method; for a preflight, the requested method.
    pub method: &'r Method,
    /// The normalised path.
    pub path: &'r str,
    /// The query without `?`, as sent.
    pub query: Option<&'r str>,
    /// The headers.
    pub headers: Headers<'r>,
}

/// What is known of a request's headers, and so of its cookies.
#[derive(Clone, Copy, Debug)]
pub enum Headers<'r> {
    /// All of them.
    Sent(&'r HeaderMap),
    /// The names that a preflight announces. The values and cookies of the announced request are
    /// unknown, so only predicates that the names can contradict are checked.
    Announced(&'r [&'r str]),
}

/// All matches of a virtual host, arranged so that a lookup takes time proportional to the path's
/// length, not to the number of matches.
#[derive(Clone, Debug)]
pub struct RouteTree<T> {
    /// In the order in which they are tried.
    matches: Box<[Match<T>]>,
    /// Derived from `matches`.
    tree: Tree,
}

impl<T> RouteTree<T> {
    /// Builds the tree. Matches of equal rank keep the given order: the older Route's first.
    pub fn new(mut matches: Vec<Match<T>>) -> Self {
        matches.sort_by(|a, b| {
            a.path.precedence(&b.path).then_with(|| b.predicates.rank().cmp(&a.predicates.rank()))
        });
        let tree = Tree::new(matches.iter().map(|matched| &matched.path));
        Self { matches: matches.into(), tree }
    }

    /// The winning match and what its pattern captured.
    ///
    /// # Errors
    /// If the predicates would have to look at too much of the request.
    pub fn find<'t, 'r>(
        &'t self,
        request: &Request<'r>,
    ) -> Result<Option<(&'t Match<T>, Captures<'r>)>, BudgetExceeded> {
        self.find_within(request, &Budget::of_one_request())
    }

    /// [`find`](Self::find) within a budget that several lookups share, or that one lookup uses up in
    /// turns. Where the budget is paused, the result is an error, and not the last.
    pub(crate) fn find_within<'t, 'r>(
        &'t self,
        request: &Request<'r>,
        budget: &Budget,
    ) -> Result<Option<(&'t Match<T>, Captures<'r>)>, BudgetExceeded> {
        let lookup = Lookup::new(request, budget);
        let mut before = 0;
        let found = self.tree.find(request.path, &mut |range| {
            self.matches[range].iter().find(|matched| {
                let is_tried = budget.tries(before);
                before += 1;
                is_tried && matched.predicates.unmet(&lookup).is_none()
            })
        });
        budget.check().map(|()| found)
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
