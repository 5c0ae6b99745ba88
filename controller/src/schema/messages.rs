//! Error messages: what is wrong, then how to fix it.

use super::node::{Node, Object, Shape};
use crate::diagnostic::without_user;
use serde_json::Value;

/// Longer values are truncated in messages.
const MAX_QUOTED_CHARS: usize = 64;

/// A null.
pub(super) const NULL: &str = "is null, which is how YAML reads an empty value and Helm renders one that is not set: leave the field out, or give it a value";

/// An unknown field.
pub(super) fn unknown(name: &str, object: &Object) -> String {
    format!("unknown field; {}", instead(name, object))
}

/// An unknown field that is no error.
pub(super) fn without_effect(name: &str, object: &Object) -> String {
    format!("unknown field, which has no effect; {}", instead(name, object))
}

/// What may have been meant by an unknown field.
fn instead(name: &str, object: &Object) -> String {
    let known = object.fields.keys().map(String::as_str);
    match nearest(name, known.clone()) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("known here: {}", known.collect::<Vec<_>>().join(", ")),
    }
}

/// A value that is not in the enum.
pub(super) fn not_one_of<'a>(
    value: &str,
    allowed: impl Iterator<Item = &'a str> + Clone,
) -> String {
    let list = allowed.clone().collect::<Vec<_>>().join(", ");
    match nearest(value, allowed) {
        Some(near) => format!("{} is not one of {list}; did you mean '{near}'?", quoted(value)),
        None => format!("{} is not one of {list}", quoted(value)),
    }
}

/// The known name that was probably meant: it differs in case only, or by a few letters.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > MAX_QUOTED_CHARS {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let distance = |candidate: &str| {
        let candidate = candidate.to_ascii_lowercase();
        let distance = strsim::damerau_levenshtein(&name, &candidate);
        let longer = name.len().max(candidate.len());
        (distance * 3 <= longer).then_some(distance)
    };
    known
        .filter_map(|candidate| Some((distance(candidate)?, candidate)))
        .min()
        .map(|(_, near)| near)
}

/// A missing required field.
pub(super) fn missing(node: Option<&Node>) -> String {
    match node.map(|node| node.about.as_str()) {
        Some(about) if !about.is_empty() => {
            let about = flat(about);
            let end = about.find(". ").map_or(about.len(), |dot| dot + 1);
            format!("required, but missing. {}", about.get(..end).unwrap_or_default())
        }
        Some(_) | None => "required, but missing".to_owned(),
    }
}

/// A value of the wrong type.
pub(super) fn wrong_type(shape: &Shape, value: &Value) -> String {
    let got = kind_of(value);
    match (shape, value) {
        (Shape::Object(object), _) => {
            let known = object.fields.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            format!("must be a mapping, not {got}; its fields: {known}")
        }
        (Shape::Map(_), _) => format!("must be a mapping, not {got}"),
        (Shape::List(list), Value::String(text)) if matches!(list.items.shape, Shape::Text(_)) => {
            format!("must be a list, not {got}; a list of one is written [{}]", quoted(text))
        }
        (Shape::List(_), _) => format!("must be a list, not {got}; each item starts with `- `"),
        // The source may say `yes`, `007` or `1.10`, which the parsed value no longer shows.
        (Shape::Text(_), Value::Bool(_) | Value::Number(_)) => {
            format!("must be a string, not {got}; put what is written there in quotes")
        }
        (Shape::Text(_), _) => format!("must be a string, not {got}"),
        (Shape::Integer(_), Value::String(text)) if text.parse::<i64>().is_ok() => {
            format!("must be a whole number, not {got}; leave the quotes out: {text}")
        }
        (Shape::Integer(_), _) => format!("must be a whole number, not {got}"),
        (Shape::IntOrText(..), _) => format!("must be a whole number or a string, not {got}"),
        (Shape::Boolean, _) => format!("must be true or false, not {got}"),
        (Shape::Any, _) => format!("must not be {got}"),
    }
}

/// A string that does not match its pattern, explained by the schema's description if there is one.
pub(super) fn unfit(value: &str, about: &str, pattern: &str) -> String {
    match about {
        "" => format!("{} does not fit {pattern}", quoted(value)),
        about => format!("{} does not fit. {}", quoted(value), flat(about)),
    }
}

/// `3 items`, `1 item`.
pub(super) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A string for display: quoted, on one line, truncated, and without a URL's password.
pub(super) fn quoted(value: &str) -> String {
    let value = &without_user(value);
    let mut shown: String = value.chars().take(MAX_QUOTED_CHARS).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    format!("\"{}\"", shown.escape_debug())
}

fn kind_of(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the string {}", quoted(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}

/// A description joined into one line.
fn flat(about: &str) -> String {
    about.split_whitespace().collect::<Vec<_>>().join(" ")
}
