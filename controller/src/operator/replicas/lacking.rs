//! Which replicas do not serve an object yet.

use crate::diagnostic::Kind;
use std::{fmt, sync::Arc};

/// How many replicas a message names.
const MAX_NAMED: usize = 3;

/// What a replica must have received to serve an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) kind: Kind,
    pub(crate) namespace: Arc<str>,
    /// The position that brought the object's present generation.
    pub(crate) since: u64,
}

/// The replicas that do not serve an object yet; by default none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lacking {
    /// How many replicas count.
    pub(crate) of: usize,
    /// The Pods of those that do not serve it, sorted.
    pub(crate) pods: Vec<String>,
}

impl Lacking {
    /// Whether all replicas serve it.
    pub(crate) fn is_nobody(&self) -> bool {
        self.pods.is_empty()
    }
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, pods } = self;
        write!(f, "served by {} of {of} replicas, not yet by ", of.saturating_sub(pods.len()))?;
        let named = &pods[..pods.len().min(MAX_NAMED)];
        f.write_str(&named.join(", "))?;
        match pods.len() - named.len() {
            0 => Ok(()),
            others => write!(f, " and {others} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_counts_all_and_names_some() {
        let lacking = |of, pods: &[&str]| {
            Lacking { of, pods: pods.iter().map(|pod| (*pod).to_owned()).collect() }.to_string()
        };
        assert_eq!(lacking(3, &["b"]), "served by 2 of 3 replicas, not yet by b");
        assert_eq!(
            lacking(6, &["b", "c", "d", "e", "f"]),
            "served by 1 of 6 replicas, not yet by b, c, d and 2 more"
        );
    }
}
