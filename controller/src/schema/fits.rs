//! Whether a value is valid, without a word about why it is not.

use super::node::{List, Map, Node, Object, Range, Shape, Text};
use serde_json::{Map as JsonMap, Value};
use std::collections::HashSet;

/// Whether validating a value would find nothing.
pub(super) fn fits(node: &Node, value: &Value) -> bool {
    match (&node.shape, value) {
        (Shape::Any, _) | (Shape::Boolean, Value::Bool(_)) => true,
        (Shape::Object(shape), Value::Object(fields)) => object(shape, fields),
        (Shape::Map(map), Value::Object(fields)) => self::map(map, fields),
        (Shape::List(list), Value::Array(items)) => self::list(list, items),
        (Shape::Text(text) | Shape::IntOrText(_, text), Value::String(value)) => {
            self::text(text, value)
        }
        (Shape::Integer(range) | Shape::IntOrText(range, _), Value::Number(number)) => {
            number.as_i64().is_some_and(|number| integer(range, number))
        }
        (
            Shape::Object(_)
            | Shape::Map(_)
            | Shape::List(_)
            | Shape::Text(_)
            | Shape::Integer(_)
            | Shape::IntOrText(..)
            | Shape::Boolean,
            _,
        ) => false,
    }
}

fn object(object: &Object, fields: &JsonMap<String, Value>) -> bool {
    let is_there = |name: &String| fields.get(name).is_some_and(|value| !value.is_null());
    object.required.iter().all(is_there)
        && fields.iter().all(|(name, value)| {
            let fits =
                |node| if value.is_null() { !object.refuses_nulls } else { fits(node, value) };
            object.fields.get(name).is_some_and(fits)
        })
}

fn map(map: &Map, fields: &JsonMap<String, Value>) -> bool {
    let value_fits = |value: &Value| match value {
        Value::Null if map.refuses_nulls => false,
        value => fits(&map.values, value),
    };
    (map.min..=map.max).contains(&fields.len())
        && fields.keys().all(|key| (map.check_key)(key).is_ok())
        && fields.values().all(value_fits)
}

fn list(list: &List, items: &[Value]) -> bool {
    let mut keys = HashSet::new();
    (list.min..=list.max).contains(&items.len())
        && items.iter().all(|item| {
            fits(&list.items, item) && list.key(item).is_none_or(|key| keys.insert(key))
        })
}

fn text(text: &Text, value: &str) -> bool {
    let length = value.chars().count();
    length >= text.min
        && text.max.is_none_or(|max| length <= max)
        && text.decodes(value)
        && text.pattern.as_ref().is_none_or(|pattern| pattern.is_match(value))
        && (text.check)(value).is_ok()
}

fn integer(range: &Range, number: i64) -> bool {
    match range.allowed.as_slice() {
        [] => (range.min..=range.max).contains(&number),
        allowed => allowed.contains(&number),
    }
}
