//! Which of two objects wins.

use crate::objects::{CustomKind, Entry};
use k8s_openapi::jiff::Timestamp;
use portico_dataplane::table::ObjectName;

/// The order in which objects take precedence over each other: by age, then by namespace and name.
/// Objects without a creation time come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::compile) struct Precedence<'s> {
    undated: bool,
    created: Option<Timestamp>,
    name: &'s ObjectName,
}

impl<'s> Precedence<'s> {
    pub(in crate::compile) fn new(created: Option<Timestamp>, name: &'s ObjectName) -> Self {
        Self { undated: created.is_none(), created, name }
    }

    /// An object that does not decode is as old as its last accepted version.
    pub(in crate::compile) fn of<K: CustomKind>(
        name: &'s ObjectName,
        current: &Entry<K>,
        last_good: Option<&Entry<K>>,
    ) -> Self {
        let created = |entry: &Entry<K>| {
            let metadata = entry.object.as_deref()?.meta();
            Some(metadata.creation_timestamp.as_ref()?.0)
        };
        let created = created(current).or_else(|| created(last_good?));
        Self::new(created, name)
    }

    /// When the object was created, if that is known.
    pub(in crate::compile) fn created(&self) -> Option<Timestamp> {
        self.created
    }

    pub(in crate::compile) fn name(&self) -> &'s ObjectName {
        self.name
    }

    /// Why this one takes precedence over `younger`, completing a sentence that names it.
    pub(in crate::compile) fn wins_over(&self, younger: &Self) -> &'static str {
        if self.created == younger.created {
            "which comes first by name (both are equally old)"
        } else {
            "which is older"
        }
    }
}
