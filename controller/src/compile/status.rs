//! The statuses that compiling produces.

use crate::{
    diagnostic::{ConditionType, Problem, Reason, Severity},
    objects::Entry,
};
use kube::Resource;
use std::{fmt, path::Path, sync::Arc};

/// The status of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// `metadata.uid`, if any; distinguishes the object from a later one with the same name.
    pub uid: Option<String>,
    /// `metadata.generation`, if any.
    pub generation: Option<i64>,
    /// `Accepted`, then `ResolvedRefs`.
    pub conditions: Vec<ComputedCondition>,
    /// All problems, errors first.
    pub problems: Vec<Problem>,
    /// For a FrontDoor: the number of accepted Routes attached to it.
    pub attached_routes: usize,
    /// The earlier version that is served in place of this one, which is not accepted.
    pub last_good: Option<Version>,
    /// Whether it is not accepted and never was, so that requests at its place get 503.
    pub holds_place: bool,
    /// Whether another install writes the status: the default one reports Routes without a
    /// FrontDoor, although this one may serve an earlier version.
    pub reported_elsewhere: bool,
}

impl Status {
    /// Whether this version of the object is served, that is, no `Accepted` condition is false.
    pub fn is_accepted(&self) -> bool {
        self.conditions.iter().all(|condition| condition.r#type != "Accepted" || condition.status)
    }

    /// Whether this or an earlier version of the object is served.
    pub fn is_served(&self) -> bool {
        self.is_accepted() || self.last_good.is_some()
    }

    /// Whether it is not accepted because of what the object itself says.
    pub fn is_invalid(&self) -> bool {
        self.is_not_accepted_for(Reason::is_of_content)
    }

    /// Whether it is not accepted until the object itself is edited.
    pub fn is_stalled(&self) -> bool {
        self.is_not_accepted_for(Reason::needs_an_edit)
    }

    fn is_not_accepted_for(&self, is_meant: impl Fn(Reason) -> bool) -> bool {
        self.problems.iter().any(|problem| {
            problem.severity == Severity::Error
                && problem.condition == ConditionType::Accepted
                && is_meant(problem.reason)
        })
    }
}

/// An earlier version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// `metadata.generation`, if any.
    pub generation: Option<i64>,
    /// The file that it was read from; `None` in a cluster.
    pub file: Option<Arc<Path>>,
}

impl Version {
    pub(super) fn of<K: Resource>(entry: &Entry<K>) -> Self {
        let object = entry.object.as_deref();
        let generation = object.and_then(|object| object.meta().generation);
        Self { generation, file: entry.file.clone() }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its last accepted version")?;
        if let Some(generation) = self.generation {
            write!(f, ", of generation {generation}")?;
        }
        if let Some(file) = &self.file {
            write!(f, ", read from {}", file.display())?;
        }
        f.write_str(", is still served")
    }
}

/// A condition without its transition time, which is only known when the status is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComputedCondition {
    /// `Accepted` or `ResolvedRefs`.
    pub r#type: &'static str,
    /// True or false.
    pub status: bool,
    /// The condition's own type if true, otherwise the first error's reason.
    pub reason: String,
    /// All errors in one text.
    pub message: String,
}
