//! Validates a value against its schema. Allocates nothing until it finds a problem.

use super::{
    MAX_PROBLEMS, messages,
    node::{List, Map, Node, Object, Range, Shape, Text},
};
use crate::diagnostic::{ConditionType, FieldPath, ObjectRef, Problem, Reason, Severity, is_child};
use serde_json::{Map as JsonMap, Value};
use std::collections::HashMap;

/// Validates a whole object.
pub(super) fn run(object: &ObjectRef, root: &Node, value: &Value) -> Vec<Problem> {
    let mut walk = Walk { object, found: Vec::new() };
    walk.value(root, &FieldPath::Root, value);
    if walk.is_full() {
        walk.found.truncate(MAX_PROBLEMS);
        walk.report(
            &FieldPath::Root,
            format!(
                "has more than {MAX_PROBLEMS} errors; only the first {MAX_PROBLEMS} are listed"
            ),
        );
    }
    walk.found
}

struct Walk<'a> {
    object: &'a ObjectRef,
    found: Vec<Problem>,
}

impl Walk<'_> {
    fn report(&mut self, at: &FieldPath<'_>, message: String) {
        self.found.push(Problem {
            object: self.object.clone(),
            severity: Severity::Error,
            condition: ConditionType::Accepted,
            field: at.to_string(),
            reason: Reason::Invalid,
            message,
        });
    }

    /// Whether enough has been found. An object must not cost more than it is worth.
    fn is_full(&self) -> bool {
        self.found.len() > MAX_PROBLEMS
    }

    fn value(&mut self, node: &Node, at: &FieldPath<'_>, value: &Value) {
        match (&node.shape, value) {
            (Shape::Any, _) | (Shape::Boolean, Value::Bool(_)) => {}
            (Shape::Object(object), Value::Object(fields)) => self.object(object, at, fields),
            (Shape::Map(map), Value::Object(fields)) => self.map(map, at, fields),
            (Shape::List(list), Value::Array(items)) => self.list(list, at, items),
            (Shape::Text(text) | Shape::IntOrText(_, text), Value::String(value)) => {
                self.text(text, node, at, value);
            }
            (Shape::Integer(range) | Shape::IntOrText(range, _), Value::Number(number)) => {
                match number.as_i64() {
                    Some(number) => self.integer(range, at, number),
                    None => self.report(at, messages::wrong_type(node, value)),
                }
            }
            (_, value) => self.report(at, messages::wrong_type(node, value)),
        }
    }

    fn object(&mut self, object: &Object, at: &FieldPath<'_>, fields: &JsonMap<String, Value>) {
        for (name, value) in fields {
            if self.is_full() {
                return;
            }
            let (parent, at) = (at, at.child(name));
            match object.fields.get(name) {
                Some(_) if value.is_null() => {
                    // One that is required is reported as missing.
                    if object.refuses_nulls && !object.required.contains(name) {
                        self.report(&at, messages::NULL.to_owned());
                    }
                }
                Some(node) => self.value(node, &at, value),
                None => self
                    .report(&at, messages::unknown(self.object.kind, parent, name, object, value)),
            }
        }
        for name in &object.required {
            if fields.get(name).is_none_or(Value::is_null) && !self.is_misnamed(at, name) {
                self.report(&at.child(name), messages::missing(object.fields.get(name)));
            }
        }
    }

    /// Whether an unknown field was probably meant to be this one, which has been said.
    fn is_misnamed(&self, parent: &FieldPath<'_>, name: &str) -> bool {
        if self.found.is_empty() {
            return false;
        }
        let parent = parent.to_string();
        self.found.iter().any(|problem| {
            is_child(&problem.field, &parent) && messages::tells_to_write(&problem.message, name)
        })
    }

    fn map(&mut self, map: &Map, at: &FieldPath<'_>, fields: &JsonMap<String, Value>) {
        if fields.len() < map.min {
            let message = format!("must have at least {}", messages::count(map.min, "key"));
            self.report(at, message);
        }
        if fields.len() > map.max {
            let message = format!(
                "has {}, but at most {} are allowed",
                messages::count(fields.len(), "key"),
                map.max
            );
            self.report(at, message);
        }
        for (key, value) in fields {
            if self.is_full() {
                return;
            }
            let at = at.key(key);
            if let Err(message) = (map.check_key)(key) {
                self.report(
                    &at,
                    format!("{} is not a valid key: {message}", messages::quoted(key)),
                );
            }
            match value {
                Value::Null if map.refuses_nulls => self.report(&at, messages::NULL.to_owned()),
                Value::Null => {}
                value => self.value(&map.values, &at, value),
            }
        }
    }

    fn list(&mut self, list: &List, at: &FieldPath<'_>, items: &[Value]) {
        if items.len() < list.min {
            self.report(at, format!("must have at least {}", messages::count(list.min, "item")));
        }
        if items.len() > list.max {
            self.report(
                at,
                format!("has {} items, but at most {} are allowed", items.len(), list.max),
            );
        }
        for (index, item) in items.iter().enumerate() {
            if self.is_full() {
                return;
            }
            self.value(&list.items, &at.index(index), item);
        }
        self.duplicates(list, at, items);
    }

    /// Reports items of a list-map whose keys duplicate those of an earlier item.
    fn duplicates(&mut self, list: &List, at: &FieldPath<'_>, items: &[Value]) {
        let mut first = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            let Some(key) = list.key(item) else { continue };
            let shown = key.join(", ");
            let before = *first.entry(key).or_insert(index);
            if before != index && !self.is_full() {
                let message = format!(
                    "{} is already at {at}[{before}]; each may appear only once",
                    messages::quoted(&shown)
                );
                self.report(&at.index(index).child(&list.keys.join(",")), message);
            }
        }
    }

    fn text(&mut self, text: &Text, node: &Node, at: &FieldPath<'_>, value: &str) {
        let chars = || value.chars().count();
        if text.max.is_some_and(|max| value.len() > max && chars() > max) {
            let max = text.max.unwrap_or_default();
            self.report(
                at,
                format!(
                    "is {} long, but at most {max} are allowed",
                    messages::count(chars(), "character")
                ),
            );
            return;
        }
        if value.len() < text.min || chars() < text.min {
            let least = if text.min == 1 {
                "must not be empty".to_owned()
            } else {
                format!("must have at least {} characters", text.min)
            };
            self.report(at, least);
            return;
        }
        if !text.allows(value) {
            self.report(at, messages::not_one_of(value, text.allowed.iter().map(String::as_str)));
        }
        if let Some(pattern) = &text.pattern
            && !pattern.is_match(value)
        {
            self.report(at, messages::unfit(value, node, pattern.as_str()));
        }
        if let Err(message) = (text.check)(value) {
            self.report(at, format!("{} is not valid: {message}", messages::quoted(value)));
        }
        if text.is_wrong_time(value) {
            self.report(
                at,
                format!("{} is not a time; write 2006-01-02T15:04:05Z", messages::quoted(value)),
            );
        }
    }

    fn integer(&mut self, range: &Range, at: &FieldPath<'_>, number: i64) {
        if !range.allowed.is_empty() {
            if !range.allowed.contains(&number) {
                let allowed: Vec<String> = range.allowed.iter().map(i64::to_string).collect();
                self.report(at, format!("{number} is not one of {}", allowed.join(", ")));
            }
        } else if number < range.min || number > range.max {
            self.report(
                at,
                format!("{number} is out of range; {} to {} are allowed", range.min, range.max),
            );
        }
    }
}
