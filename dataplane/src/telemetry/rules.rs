//! How often rules have acted.

use crate::table::{ObjectName, Rule, Table};
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashSet},
    fmt,
    sync::Arc,
};

/// The object that a rule is in, printed as in `Route web/shop`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum RuleOwner {
    /// A FrontDoor.
    FrontDoor(ObjectName),
    /// A Route.
    Route(ObjectName),
}

impl fmt::Display for RuleOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FrontDoor(name) => write!(f, "FrontDoor {name}"),
            Self::Route(name) => write!(f, "Route {name}"),
        }
    }
}

/// How often each rule has acted, by its object and name.
pub(crate) type RuleCounts = BTreeMap<RuleOwner, BTreeMap<Arc<str>, u64>>;

/// The counts of one worker.
#[derive(Debug, Default)]
pub(crate) struct RuleStats {
    counts: RefCell<RuleCounts>,
}

impl RuleStats {
    /// Counts the rules of an object that act on a request.
    pub(crate) fn count(&self, owner: RuleOwner, acting: &[&Rule]) {
        if acting.is_empty() {
            return;
        }
        let mut counts = self.counts.borrow_mut();
        let of_owner = counts.entry(owner).or_default();
        for rule in acting {
            *of_owner.entry(rule.name.clone()).or_default() += 1;
        }
    }

    /// A copy.
    pub(crate) fn counts(&self) -> RuleCounts {
        self.counts.borrow().clone()
    }

    /// Forgets rules that are no longer in the table.
    pub(crate) fn retain(&self, table: &Table) {
        let mut counts = self.counts.borrow_mut();
        if counts.is_empty() {
            return;
        }
        let mut known = HashSet::new();
        for host in table.hosts.iter() {
            let owner = RuleOwner::FrontDoor(host.front_door.clone());
            known.extend(host.rules.iter().map(|rule| (owner.clone(), rule.name.clone())));
            for matched in host.routes.matches() {
                let route = &matched.target;
                let owner = RuleOwner::Route(route.name.clone());
                known.extend(route.rules.iter().map(|rule| (owner.clone(), rule.name.clone())));
            }
        }
        counts.retain(|owner, rules| {
            rules.retain(|rule, _| known.contains(&(owner.clone(), rule.clone())));
            !rules.is_empty()
        });
    }
}
