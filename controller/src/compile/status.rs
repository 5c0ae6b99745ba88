//! The status that compiling an object comes to.

use crate::diagnostic::Problem;

/// What is said of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// `metadata.uid`, if any: what tells an object from a later one of the same name.
    pub uid: Option<String>,
    /// `metadata.generation`, if any.
    pub generation: Option<i64>,
    /// `Accepted`, then `ResolvedRefs`.
    pub conditions: Vec<ComputedCondition>,
    /// Everything found, errors first.
    pub problems: Vec<Problem>,
    /// FrontDoors: how many accepted Routes are attached.
    pub attached_routes: usize,
}

impl Status {
    /// Whether the object is served: no condition says that it is not accepted.
    pub fn is_accepted(&self) -> bool {
        self.conditions.iter().all(|condition| condition.r#type != "Accepted" || condition.status)
    }
}

/// A condition without its time, which only the writer of a status knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComputedCondition {
    /// `Accepted` or `ResolvedRefs`.
    pub r#type: &'static str,
    /// True or false.
    pub status: bool,
    /// One word: the condition's own type where true, else the first error's reason.
    pub reason: String,
    /// All errors in one text.
    pub message: String,
}
