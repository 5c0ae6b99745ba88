//! Error messages: what is wrong, then how to fix it.

use super::{
    fits::fits,
    foreign,
    nearest::nearest,
    node::{Node, Object, Shape},
    suggest,
};
use crate::diagnostic::{FieldPath, Kind, UNKNOWN_FIELD, without_user};
use serde_json::Value;

/// Longer values are truncated in messages.
const MAX_QUOTED_CHARS: usize = 64;

/// A null.
pub(super) const NULL: &str = "is null, which is how YAML reads an empty value and Helm renders one that is not set: leave the field out, or give it a value";

/// An unknown field that is no error.
pub(super) fn without_effect(name: &str, object: &Object) -> String {
    match nearest(name, object.fields.keys().map(String::as_str)) {
        Some(near) => format!("{UNKNOWN_FIELD}, which has no effect; did you mean '{near}'?"),
        None => format!("{UNKNOWN_FIELD}, which has no effect; known here: {}", names(object)),
    }
}

/// An unknown field of the mapping `parent`.
pub(super) fn unknown(
    kind: Kind,
    parent: &FieldPath<'_>,
    name: &str,
    object: &Object,
    value: &Value,
) -> String {
    if let Some(advice) = foreign::advice(kind, parent, name, object, value) {
        return format!("{UNKNOWN_FIELD}; {advice}");
    }
    let near = nearest(name, object.fields.keys().map(String::as_str));
    match near.and_then(|near| Some((near, object.fields.get(near)?))) {
        Some((near, node)) if fits(node, value) => {
            format!("{UNKNOWN_FIELD}; did you mean '{near}'?")
        }
        Some((near, node)) => match suggest::fitting(near, node, value) {
            Some(field) => format!("{UNKNOWN_FIELD}; did you mean '{field}'?"),
            None => format!("{UNKNOWN_FIELD}; did you mean '{near}', {}?", expected(&node.shape)),
        },
        None => format!("{UNKNOWN_FIELD}; known here: {}", names(object)),
    }
}

/// The names of all fields.
fn names(object: &Object) -> String {
    object.fields.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Whether the message about an unknown field tells to write this one instead.
pub(super) fn tells_to_write(message: &str, name: &str) -> bool {
    message.starts_with(UNKNOWN_FIELD)
        && ["write ", "did you mean '"].iter().any(|before| {
            let told = message.split_once(before).and_then(|(_, told)| told.strip_prefix(name));
            told.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '\'', ',']))
        })
}

/// What a value of a type is.
fn expected(shape: &Shape) -> String {
    match shape {
        Shape::Object(object) => format!("a mapping with {}", names(object)),
        Shape::Text(text) if !text.allowed.is_empty() => {
            format!("one of {}", text.allowed.join(", "))
        }
        Shape::Map(_)
        | Shape::List(_)
        | Shape::Text(_)
        | Shape::Integer(_)
        | Shape::IntOrText(..)
        | Shape::Boolean
        | Shape::Any => noun(shape).to_owned(),
    }
}

/// The name of a type.
fn noun(shape: &Shape) -> &'static str {
    match shape {
        Shape::Object(_) | Shape::Map(_) => "a mapping",
        Shape::List(_) => "a list",
        Shape::Text(_) => "a string",
        Shape::Integer(_) => "a whole number",
        Shape::IntOrText(..) => "a whole number or a string",
        Shape::Boolean => "true or false",
        Shape::Any => "any value",
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
pub(super) fn wrong_type(node: &Node, value: &Value) -> String {
    format!("must be {}, not {}{}", noun(&node.shape), kind_of(value), remedy(node, value))
}

/// How to write a value of the right type.
fn remedy(node: &Node, value: &Value) -> String {
    match (&node.shape, value) {
        // The source may say `yes`, `007` or `1.10`, which the parsed value no longer shows.
        (Shape::Text(_), Value::Bool(_)) if fits_as(node, &["true", "false", "yes", "off"]) => {
            return "; put the value in quotes".to_owned();
        }
        (Shape::Text(_), Value::Number(number)) if fits_as(node, &[&number.to_string()]) => {
            return "; put the value in quotes".to_owned();
        }
        (
            Shape::Object(_)
            | Shape::Map(_)
            | Shape::List(_)
            | Shape::Text(_)
            | Shape::Integer(_)
            | Shape::IntOrText(..)
            | Shape::Boolean
            | Shape::Any,
            _,
        ) => {}
    }
    if let Some(instead) = suggest::instead(node, value) {
        let quotes = matches!(value, Value::String(_))
            && !matches!(node.shape, Shape::List(_) | Shape::Object(_));
        return format!("; write {instead}{}", if quotes { ", without quotes" } else { "" });
    }
    match &node.shape {
        Shape::Object(object) => format!("; its fields: {}", names(object)),
        Shape::List(_) => "; each item starts with `- `".to_owned(),
        Shape::Text(text) if !text.allowed.is_empty() => {
            format!("; one of {}", text.allowed.join(", "))
        }
        Shape::Text(text) if text.pattern.is_some() && !node.about.is_empty() => {
            format!(". {}", flat(&node.about))
        }
        Shape::Map(_)
        | Shape::Text(_)
        | Shape::Integer(_)
        | Shape::IntOrText(..)
        | Shape::Boolean
        | Shape::Any => String::new(),
    }
}

fn fits_as(node: &Node, texts: &[&str]) -> bool {
    texts.iter().all(|text| fits(node, &Value::from(*text)))
}

/// A string that does not match its pattern, explained by the schema's description if there is one.
pub(super) fn unfit(value: &str, node: &Node, pattern: &str) -> String {
    if is_template(value) {
        return format!("{} is a template: {RENDER}", quoted(value));
    }
    let instead = suggest::instead(node, &Value::from(value));
    let quotes = if matches!(node.shape, Shape::IntOrText(..)) { ", without quotes" } else { "" };
    let instead = instead.map(|instead| format!(": write {instead}{quotes}")).unwrap_or_default();
    match node.about.as_str() {
        "" if instead.is_empty() => format!("{} does not match {pattern}", quoted(value)),
        "" => format!("{} is not valid{instead}", quoted(value)),
        about => format!("{} is not valid{instead}. {}", quoted(value), flat(about)),
    }
}

/// What to do with a template.
pub(crate) const RENDER: &str =
    "render it first, for example with `helm template . | portico check -`";

/// Whether a text holds a template's expression, as Helm and Jinja write them.
pub(crate) fn is_template(text: &str) -> bool {
    text.split_once("{{").is_some_and(|(_, rest)| rest.contains("}}"))
}

/// `3 items`, `1 item`.
pub(crate) fn count(number: usize, noun: &str) -> String {
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
