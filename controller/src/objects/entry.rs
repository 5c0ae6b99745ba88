//! An object of Portico's own as it was read.

use crate::{
    diagnostic::{ConditionType, ObjectRef, Problem, Reason, Severity},
    schema,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

/// An object of Portico's own, or what is known of one that does not decode.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<T> {
    /// The object; `None` where it does not decode.
    pub object: Option<Arc<T>>,
    /// The field paths of what did not decode, and is absent from `object` or has something
    /// harmless in its place. An error among `problems` speaks of each.
    pub undecoded: Vec<String>,
    /// What reading it found: unknown fields, wrong types, duplicates. Any error among them keeps
    /// the object from being accepted.
    pub problems: Vec<Problem>,
}

impl<T> Entry<T> {
    /// The object, unless more of it than its CORS policy did not decode.
    pub fn decoded_except_for_cors(&self) -> Option<&T> {
        let is_cors = |path: &String| path == "spec.cors" || path.starts_with("spec.cors.");
        self.object.as_deref().filter(|_| self.undecoded.iter().all(is_cors))
    }
}

impl<T: DeserializeOwned> Entry<T> {
    /// Reads an object, and says everything that is wrong with it, after what was `found` already.
    /// Its status is not looked at.
    pub fn decode(
        object: &ObjectRef,
        mut value: Value,
        found: impl IntoIterator<Item = Problem>,
    ) -> Self {
        let mut problems = schema::validate(object, &value);
        problems.extend(found);
        schema::prune_nulls(&mut value);
        if let Value::Object(fields) = &mut value {
            fields.remove("status"); // Ours to write, and not validated.
        }
        // Values that don't decode give way to others, so that the rest is judged too.
        let undecoded =
            if problems.is_empty() { Vec::new() } else { schema::repair(object.kind, &mut value) };
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
        Self { object: decoded.ok().map(Arc::new), undecoded, problems }
    }
}
