//! An object of one of Portico's own kinds, as read.

use crate::{
    diagnostic::{ConditionType, ObjectRef, Problem, Reason, Severity, is_within},
    schema,
};
use portico_crds::FrontDoor;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{path::Path, sync::Arc};

/// An object of one of Portico's own kinds, or what is known of it if it does not decode.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<T> {
    /// The object; `None` if it does not decode.
    pub object: Option<Arc<T>>,
    /// The paths of fields that did not decode. They are absent from `object` or replaced by a
    /// placeholder, and `problems` has an error for each.
    pub undecoded: Vec<String>,
    /// What reading it found: unknown fields, wrong types, duplicates. Any error among them keeps
    /// the object from being accepted.
    pub problems: Vec<Problem>,
    /// The file that it was read from; `None` in a cluster.
    pub file: Option<Arc<Path>>,
}

impl<T> Entry<T> {
    /// An object without problems.
    pub fn good(object: Arc<T>) -> Self {
        Self { object: Some(object), ..Self::unknown() }
    }

    /// An object of which nothing is known.
    pub fn unknown() -> Self {
        Self { object: None, undecoded: Vec::new(), problems: Vec::new(), file: None }
    }

    /// Whether both are the same reading of an object: an equal one that was read again is not.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let Self { object, undecoded, problems, file } = self;
        let is_same_object = match (object, &other.object) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        is_same_object
            && *undecoded == other.undecoded
            && *problems == other.problems
            && *file == other.file
    }

    /// The object, provided that it decoded completely apart from its CORS policy.
    pub fn decoded_except_for_cors(&self) -> Option<&T> {
        let is_cors = |path: &String| path == "spec.cors" || path.starts_with("spec.cors.");
        self.object.as_deref().filter(|_| self.undecoded.iter().all(is_cors))
    }
}

impl Entry<FrontDoor> {
    /// The FrontDoor's class; `None` if it can't be read.
    pub fn class(&self) -> Option<&str> {
        let is_read = !self.undecoded.iter().any(|path| is_within("spec.className", path));
        let spec = &self.object.as_deref().filter(|_| is_read)?.spec;
        Some(&spec.class_name)
    }
}

impl<T: DeserializeOwned> Entry<T> {
    /// Decodes an object and reports everything that is wrong with it, followed by the problems
    /// already `found`. Its status is ignored.
    pub fn decode(
        object: &ObjectRef,
        mut value: Value,
        found: impl IntoIterator<Item = Problem>,
    ) -> Self {
        let mut problems = schema::validate(object, &value);
        let is_hopeless = problems.len() > schema::MAX_PROBLEMS;
        problems.extend(found);
        if is_hopeless {
            return Self { object: None, undecoded: Vec::new(), problems, file: None };
        }
        if let Value::Object(fields) = &mut value {
            fields.remove("status"); // Ours to write, and not validated.
        }
        // Values that don't decode are replaced, so that the rest can be checked too.
        let undecoded =
            if problems.is_empty() { Vec::new() } else { schema::repair(object.kind, &mut value) };
        schema::prune_nulls(&mut value);
        let decoded = T::deserialize(value).map_err(|error| {
            if !problems.iter().any(|problem| problem.severity == Severity::Error) {
                problems.push(Problem {
                    object: object.clone(),
                    severity: Severity::Error,
                    condition: ConditionType::Accepted,
                    field: String::new(),
                    reason: Reason::Invalid,
                    message: error.to_string(),
                });
            }
        });
        Self { object: decoded.ok().map(Arc::new), undecoded, problems, file: None }
    }
}
