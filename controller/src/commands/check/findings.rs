//! What `check` has to say: every problem, with where it is written.

use crate::{
    diagnostic::{ConditionType, ObjectRef, Problem, Reason, Severity},
    files::{FileProblem, Mark, Origin, Position},
};
use std::{borrow::Cow, path::Path};

/// A problem, and where it is written.
#[derive(Debug)]
pub(super) struct Finding<'r> {
    pub(super) severity: Severity,
    /// The object that has it; `None` if it is a file's.
    pub(super) object: Option<&'r ObjectRef>,
    /// The path of the field; empty if it is about the whole object or file.
    pub(super) field: &'r str,
    pub(super) reason: Option<Reason>,
    pub(super) message: Cow<'r, str>,
    /// The file; `None` if it is about the input as a whole.
    pub(super) file: Option<&'r Path>,
    /// The document in the file, from 1.
    pub(super) document: Option<usize>,
    /// `None` if it is about a whole file, or one that can't be read.
    pub(super) position: Option<Position>,
}

impl<'r> Finding<'r> {
    /// A problem of one of Portico's own objects.
    pub(super) fn of_object(problem: &'r Problem, strict: bool) -> Self {
        Self {
            severity: severity(problem, strict),
            object: Some(&problem.object),
            field: &problem.field,
            reason: Some(problem.reason),
            message: Cow::Borrowed(&problem.message),
            file: None,
            document: None,
            position: None,
        }
    }

    /// A problem of a file.
    pub(super) fn of_file(file: &'r Path, problem: &'r FileProblem) -> Self {
        Self {
            severity: problem.severity,
            object: None,
            field: &problem.field,
            reason: None,
            message: Cow::Borrowed(&problem.message),
            file: Some(file),
            document: problem.document(),
            position: problem.position,
        }
    }

    /// Says where the object is that has it. Returns what to look for in the file.
    pub(super) fn place(&mut self, path: &'r Path, origin: Origin) -> Mark<'r> {
        self.file = Some(path);
        self.document = Some(origin.document);
        let is_key = Problem::is_about_name(self.reason, &self.message);
        Mark { path, origin, field: self.field, is_key }
    }

    /// What is wrong, after the field of the object. Problems of files name their objects themselves.
    pub(super) fn sentence(&self) -> String {
        match (self.object, self.field) {
            (None, _) | (_, "") => self.message.to_string(),
            (Some(_), field) => format!("{field}: {}", self.message),
        }
    }
}

/// What only a cluster can know, whether a Service exists and has endpoints, is a warning offline,
/// unless the input is said to be complete.
fn severity(problem: &Problem, strict: bool) -> Severity {
    match problem.severity {
        Severity::Error if problem.condition == ConditionType::ResolvedRefs && !strict => {
            Severity::Warning
        }
        Severity::Warning if problem.reason == Reason::NoEndpoints && strict => Severity::Error,
        Severity::Error | Severity::Warning => problem.severity,
    }
}
