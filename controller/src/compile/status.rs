//! The statuses that compiling produces.

use crate::diagnostic::Problem;

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
}

impl Status {
    /// Whether the object is served, that is, no `Accepted` condition is false.
    pub fn is_accepted(&self) -> bool {
        self.conditions.iter().all(|condition| condition.r#type != "Accepted" || condition.status)
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
