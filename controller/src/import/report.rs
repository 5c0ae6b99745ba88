//! What became of each field of a source.

use serde::Serialize;
use std::{cell::RefCell, collections::BTreeMap};

/// What became of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The kind and name of its object: `Ingress web/shop`.
    pub source: String,
    /// Its path in the object.
    pub field: String,
    /// Whether it was kept.
    pub verdict: Verdict,
    /// What differs, or why it was not kept and what to do; empty if it was kept as it was.
    pub why: String,
}

/// Whether a field was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it was.
    Kept,
    /// With a difference.
    Changed,
    /// Not at all.
    Dropped,
}

/// The verdicts on the fields of all objects, as they are read.
#[derive(Debug, Default)]
pub struct Report {
    /// By object, in the order of the source, then by field.
    verdicts: RefCell<BTreeMap<(usize, String), Said>>,
}

/// Of which object, the worst verdict, and all reasons.
type Said = (String, Verdict, Vec<String>);

impl Report {
    /// Notes a verdict on a field of an object, the `order`th of the source. Of several, the worst
    /// counts, with all that was said.
    pub(super) fn note(
        &self,
        (order, source): (usize, &str),
        field: &str,
        verdict: Verdict,
        why: String,
    ) {
        let mut verdicts = self.verdicts.borrow_mut();
        let known = verdicts
            .entry((order, field.to_owned()))
            .or_insert_with(|| (source.to_owned(), verdict, Vec::new()));
        known.1 = known.1.max(verdict);
        if !why.is_empty() && !known.2.contains(&why) {
            known.2.push(why);
        }
    }

    /// Whether there is a verdict on this field of an object, or on one that it is in.
    pub(super) fn covers(&self, order: usize, field: &str) -> bool {
        let verdicts = self.verdicts.borrow();
        let mut end = Some(field.len());
        while let Some(at) = end {
            if verdicts.contains_key(&(order, field[..at].to_owned())) {
                return true;
            }
            end = field[..at].rfind(['.', '[']);
        }
        verdicts.contains_key(&(order, String::new()))
    }

    /// All entries.
    pub fn into_entries(self) -> Vec<Entry> {
        let all = self.verdicts.into_inner();
        all.into_iter()
            .map(|((_, field), (source, verdict, why))| Entry {
                source,
                field,
                verdict,
                why: why.join("; "),
            })
            .collect()
    }
}
