//! What was probably meant by a value that does not fit. Whatever is suggested fits.

use super::{
    fits::fits,
    nearest::nearest,
    node::{Node, Object, Shape, Text},
};
use serde_json::{Value, json};

/// Longer suggestions say less than the field's description.
const MAX_SHOWN: usize = 80;

/// A value that was probably meant by one that a field does not take, as YAML.
pub(super) fn instead(node: &Node, value: &Value) -> Option<String> {
    presentable(&meant(node, value)?)
}

/// A value as YAML, unless it is long, or a URL that may have a password.
fn presentable(value: &Value) -> Option<String> {
    let shown = shown(value);
    let may_have_user = shown.contains("://") && shown.contains('@');
    (shown.len() <= MAX_SHOWN && !may_have_user).then_some(shown)
}

/// How to write a field that was probably meant, given the value that was written: `write NAME: …`,
/// or only its name if no such value is known to fit.
pub(super) fn field(name: &str, node: &Node, value: &Value) -> String {
    match fitting(name, node, value) {
        Some(field) => format!("write {field}"),
        None => format!("write {name}"),
    }
}

/// The fields of a mapping that was probably meant: `name: a, port: 80`.
pub(super) fn fields(object: &Object, value: &Value) -> Option<String> {
    let fields = value.as_object()?.iter();
    let fields = fields.map(|(name, value)| fitting(name, object.fields.get(name)?, value));
    Some(fields.collect::<Option<Vec<_>>>()?.join(", "))
}

/// A field, with this value or one that was probably meant by it, if either fits.
pub(super) fn fitting(name: &str, node: &Node, value: &Value) -> Option<String> {
    Some(format!("{name}: {}", presentable(&as_meant(node, value)?)?))
}

fn meant(node: &Node, value: &Value) -> Option<Value> {
    candidates(node, value).into_iter().find(|candidate| fits(node, candidate))
}

/// A value that fits, or one that was probably meant by it.
fn as_meant(node: &Node, value: &Value) -> Option<Value> {
    if fits(node, value) { Some(value.clone()) } else { meant(node, value) }
}

fn candidates(node: &Node, value: &Value) -> Vec<Value> {
    match (&node.shape, value) {
        (Shape::Text(text), Value::String(value)) => texts(text, value),
        (Shape::Text(text), Value::Number(number)) if takes_durations(text) => {
            seconds(&number.to_string()).into_iter().map(Value::from).collect()
        }
        (Shape::Integer(_) | Shape::IntOrText(..), Value::String(text)) => {
            let number = text.trim().trim_end_matches('%').trim_end();
            number.parse::<i64>().map(Value::from).into_iter().collect()
        }
        (Shape::Integer(_) | Shape::IntOrText(..), Value::Number(number)) => whole(number),
        (Shape::Boolean, Value::String(text)) => boolean(text).into_iter().collect(),
        (Shape::List(list), Value::Array(items)) => {
            let item = |item: &Value| as_meant(&list.items, item);
            items.iter().map(item).collect::<Option<_>>().map(Value::Array).into_iter().collect()
        }
        (Shape::List(list), Value::Object(fields)) if !fits(&list.items, value) => {
            // Values may be secret, and messages end up in logs.
            let items = fields.keys().map(|name| json!({"name": name, "value": "VALUE"}));
            vec![Value::Array(items.collect())]
        }
        (Shape::List(list), value) => {
            let meant = meant(&list.items, value).map(|value| Value::Array(vec![value]));
            [Some(Value::Array(vec![value.clone()])), meant].into_iter().flatten().collect()
        }
        (Shape::Object(object), value) => members(object, value),
        (
            Shape::Text(_)
            | Shape::Integer(_)
            | Shape::IntOrText(..)
            | Shape::Boolean
            | Shape::Map(_)
            | Shape::Any,
            _,
        ) => Vec::new(),
    }
}

/// A mapping given as a list of one, or as a scalar that stands for some of its fields.
fn members(object: &Object, value: &Value) -> Vec<Value> {
    let mut meant = Vec::new();
    if let Value::Array(items) = value
        && let [item] = items.as_slice()
    {
        meant.push(item.clone());
    }
    if let Value::Object(fields) = value {
        let field = |(name, value): (&String, &Value)| {
            let node = object.fields.get(name)?;
            Some((name.clone(), as_meant(node, value)?))
        };
        meant.extend(fields.iter().map(field).collect::<Option<_>>().map(Value::Object));
    }
    let (is_scalar, text) = (!value.is_array() && !value.is_object(), value.as_str());
    if let [name] = object.required.as_slice()
        && is_scalar
    {
        meant.push(json!({ name: value }));
    }
    meant.extend(text.into_iter().flat_map(|text| of_text(object, text)));
    meant
}

/// Mappings that people write as text: a URL, a path, `name:port`.
fn of_text(object: &Object, text: &str) -> Vec<Value> {
    let has = |name| object.fields.contains_key(name);
    let service = || {
        let (name, port) = text.split_once(':')?;
        let port = port.parse::<u16>().map_or_else(|_| Value::from(port), Value::from);
        Some(json!({"name": name, "port": port}))
    };
    let mut meant = Vec::new();
    if has("external") && has("service") {
        meant.push(json!({"external": {"url": text}}));
        meant.extend(service().map(|service| json!({"service": service})));
    }
    if has("scheme") && has("host") {
        meant.extend(url_parts(text));
    }
    if has("path") {
        meant.push(json!({"path": text}));
    }
    if has("allowOrigins") {
        meant.push(json!({"allowOrigins": [text]}));
    }
    meant.extend(service().filter(|_| has("name") && has("port")));
    meant
}

/// A URL in the parts that a redirect has.
pub(super) fn url_parts(text: &str) -> Option<Value> {
    let url: http::Uri = text.parse().ok()?;
    let scheme = url.scheme_str().map(|scheme| ("scheme", json!(scheme)));
    let host = url.host().map(|host| ("host", json!(host)));
    let port = url.port_u16().map(|port| ("port", json!(port)));
    let path = Some(("path", json!(url.path()))).filter(|_| !matches!(url.path(), "" | "/"));
    let parts = [scheme?, host?].into_iter().chain(port).chain(path);
    Some(Value::Object(parts.map(|(name, value)| (name.to_owned(), value)).collect()))
}

/// Strings that are written a little differently.
fn texts(text: &Text, value: &str) -> Vec<Value> {
    let trimmed = value.trim();
    if takes_durations(text) {
        return durations(trimmed).into_iter().map(Value::from).collect();
    }
    let mut texts = vec![trimmed.into()];
    if text.allowed.is_empty() {
        texts.extend([trimmed.to_ascii_lowercase().into(), trimmed.to_ascii_uppercase().into()]);
        let url = trimmed.split_once("://").map(|(_, rest)| rest.split_once('/'));
        texts.push(match url {
            None => format!("/{trimmed}").into(),
            Some(path) => format!("/{}", path.map_or("", |(_, path)| path)).into(),
        });
    } else {
        let allowed = text.allowed.iter().map(String::as_str);
        texts.extend(nearest(trimmed, allowed).map(Value::from));
    }
    texts
}

/// Whether a string is a duration.
fn takes_durations(text: &Text) -> bool {
    text.pattern.as_ref().is_some_and(|it| it.is_match("1h30m") && !it.is_match("a"))
}

/// Durations that were probably meant by one that is written otherwise.
pub(crate) fn durations(value: &str) -> Vec<String> {
    let dense: String = value.split_whitespace().collect::<String>().to_ascii_lowercase();
    let number = dense.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(dense.len());
    let (number, unit) = dense.split_at(number);
    match unit {
        "" | "sec" | "secs" | "second" | "seconds" => seconds(number),
        "min" | "mins" | "minute" | "minutes" => vec![format!("{number}m")],
        "hour" | "hours" => vec![format!("{number}h")],
        "d" | "day" | "days" => {
            let hours = number.parse().ok().and_then(|days: u64| days.checked_mul(24));
            hours.map(|hours| format!("{hours}h")).into_iter().collect()
        }
        _ => vec![dense],
    }
}

/// Seconds, as a duration: `600s`, or `166h40m` where that many digits are not allowed.
fn seconds(number: &str) -> Vec<String> {
    let Ok(seconds) = number.parse::<u64>() else { return Vec::new() };
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let parts = [(hours, "h"), (minutes, "m"), (rest, "s")];
    let parts = parts.iter().filter(|(number, _)| *number > 0);
    let parts: String = parts.map(|(number, unit)| format!("{number}{unit}")).collect();
    vec![format!("{seconds}s"), parts]
}

/// The whole number that a number is, as `1.0`.
#[allow(clippy::cast_possible_truncation)] // Compared with what it was.
fn whole(number: &serde_json::Number) -> Vec<Value> {
    let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 1e15);
    float.map(|float| Value::from(float as i64)).into_iter().collect()
}

fn boolean(text: &str) -> Option<Value> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true.into()),
        "false" | "no" | "off" | "0" => Some(false.into()),
        _ => None,
    }
}

/// A value as YAML on one line.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| format!("{name}: {}", shown(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Whether a string needs no quotes in YAML, wherever it stands: it is neither a number nor a
/// boolean, and has none of YAML's own characters.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 11] =
        ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"];
    let word = text.to_ascii_lowercase();
    let inside = |c: char| c.is_ascii_alphanumeric() || "/._-*".contains(c);
    let unit = |c: char| "hms".contains(c);
    text.starts_with(|c: char| {
        c.is_ascii_alphabetic() || c == '/' || (c.is_ascii_digit() && text.ends_with(unit))
    }) && text.chars().all(inside)
        && !WORDS.contains(&word.as_str())
}
