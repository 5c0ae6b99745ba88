//! The functions of ARM's expressions that need nothing but their arguments.

use serde_json::{Value, json};

/// How long a text may become.
const MAX_TEXT: usize = 64 << 10;

/// Calls a function whose name is in lower case; why that is impossible, otherwise.
pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value, String> {
    let result = of_values(name, arguments).or_else(|| of_texts(name, arguments));
    let result = result.ok_or_else(|| {
        format!(
            "only Azure knows what {name}() gives: import what az prints as JSON instead, or write the value in its place"
        )
    })?;
    let fits = |value: &Value| value.as_str().is_none_or(|text| text.len() <= MAX_TEXT);
    result.filter(fits).ok_or_else(|| format!("{name}() can't be worked out from what it is given"))
}

/// Functions of values of any type; the inner `None`: not for these arguments.
fn of_values(name: &str, arguments: &[Value]) -> Option<Option<Value>> {
    Some(match (name, arguments) {
        ("true", []) => Some(Value::Bool(true)),
        ("false", []) => Some(Value::Bool(false)),
        ("null", []) => Some(Value::Null),
        ("concat", [Value::Array(_), ..]) => {
            let lists: Option<Vec<_>> = arguments.iter().map(Value::as_array).collect();
            lists.map(|lists| lists.into_iter().flatten().cloned().collect())
        }
        ("int", [value]) => as_text(value).and_then(|it| it.parse::<i64>().ok()).map(Value::from),
        ("bool", [value]) => boolean(value),
        ("createarray", items) => Some(items.into()),
        ("createobject", fields) => object(fields),
        ("array", [value]) => {
            Some(if value.is_array() { value.clone() } else { vec![value.clone()].into() })
        }
        ("union", all) => union(all),
        ("first", [Value::Array(items)]) => items.first().cloned(),
        ("last", [Value::Array(items)]) => items.last().cloned(),
        ("length", [Value::Array(items)]) => Some(items.len().into()),
        ("length", [Value::String(text)]) => Some(text.chars().count().into()),
        ("empty", [value]) => Some(is_empty(value).into()),
        ("coalesce", all) => Some(all.iter().find(|it| !it.is_null()).cloned().unwrap_or_default()),
        ("equals", [one, other]) => Some((one == other).into()),
        ("not", [Value::Bool(it)]) => Some((!it).into()),
        ("and", all) => logic(all).map(|all| all.iter().all(|it| *it).into()),
        ("or", all) => logic(all).map(|all| all.iter().any(|it| *it).into()),
        ("contains", [Value::String(text), Value::String(part)]) => {
            Some(text.contains(part.as_str()).into())
        }
        ("contains", [Value::Array(items), item]) => Some(items.contains(item).into()),
        ("contains", [Value::Object(fields), Value::String(name)]) => {
            Some(fields.contains_key(name).into())
        }
        _ => return None,
    })
}

/// Functions of texts, and those that make one.
fn of_texts(name: &str, arguments: &[Value]) -> Option<Option<Value>> {
    Some(match (name, arguments) {
        ("concat", _) => {
            let texts: Option<Vec<_>> = arguments.iter().map(as_text).collect();
            texts.map(|texts| Value::from(texts.concat()))
        }
        ("format", [Value::String(template), arguments @ ..]) => format(template, arguments),
        ("string", [value]) => as_text(value).map(Value::from),
        ("tolower", [Value::String(text)]) => Some(text.to_lowercase().into()),
        ("toupper", [Value::String(text)]) => Some(text.to_uppercase().into()),
        ("trim", [Value::String(text)]) => Some(text.trim().into()),
        ("replace", [Value::String(text), Value::String(old), Value::String(new)])
            if !old.is_empty() && text.len() * (new.len() + 1) <= MAX_TEXT =>
        {
            Some(text.replace(old, new).into())
        }
        ("substring", [Value::String(text), from, length @ ..]) => substring(text, from, length),
        ("split", [Value::String(text), Value::String(at)]) if !at.is_empty() => {
            Some(text.split(at.as_str()).collect::<Vec<_>>().into())
        }
        ("join", [Value::Array(items), Value::String(between)]) => {
            let texts: Option<Vec<_>> = items.iter().map(as_text).collect();
            texts.map(|texts| texts.join(between).into())
        }
        ("startswith", [Value::String(text), Value::String(start)]) => {
            Some(text.to_lowercase().starts_with(&start.to_lowercase()).into())
        }
        ("endswith", [Value::String(text), Value::String(end)]) => {
            Some(text.to_lowercase().ends_with(&end.to_lowercase()).into())
        }
        ("resourceid" | "subscriptionresourceid", arguments) => resource_id(arguments),
        ("subscription", []) => Some(json!({"subscriptionId": "{}", "id": "/subscriptions/{}"})),
        ("resourcegroup", []) => {
            Some(json!({"name": "{}", "id": "/subscriptions/{}/resourceGroups/{}"}))
        }
        _ => return None,
    })
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Null => Some(String::new()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn boolean(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(_) => Some(value.clone()),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true.into()),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false.into()),
        Value::Number(number) => number.as_i64().map(|number| (number != 0).into()),
        Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn logic(all: &[Value]) -> Option<Vec<bool>> {
    all.iter().map(Value::as_bool).collect()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// A template with `{0}` for the first argument; `{{` and `}}` are braces.
fn format(template: &str, arguments: &[Value]) -> Option<Value> {
    let mut text = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("{{") {
            text.push('{');
            rest = after;
        } else if let Some(after) = rest.strip_prefix("}}") {
            text.push('}');
            rest = after;
        } else {
            let (number, after) = rest.strip_prefix('{')?.split_once('}')?;
            text.push_str(&as_text(arguments.get(number.parse::<usize>().ok()?)?)?);
            rest = after;
        }
        (text.len() <= MAX_TEXT).then_some(())?;
    }
    text.push_str(rest);
    Some(text.into())
}

fn substring(text: &str, from: &Value, length: &[Value]) -> Option<Value> {
    let from = usize::try_from(from.as_u64()?).ok()?;
    let rest = text.chars().skip(from);
    Some(match length {
        [] => rest.collect::<String>().into(),
        [length] => rest.take(usize::try_from(length.as_u64()?).ok()?).collect::<String>().into(),
        _ => return None,
    })
}

fn object(fields: &[Value]) -> Option<Value> {
    let pairs = fields.chunks(2).map(|pair| match pair {
        [Value::String(name), value] => Some((name.clone(), value.clone())),
        _ => None,
    });
    pairs.collect::<Option<serde_json::Map<_, _>>>().map(Value::Object)
}

fn union(all: &[Value]) -> Option<Value> {
    if all.iter().all(Value::is_object) {
        let fields = all.iter().filter_map(Value::as_object).flatten();
        return Some(Value::Object(fields.map(|(n, v)| (n.clone(), v.clone())).collect()));
    }
    let lists: Option<Vec<_>> = all.iter().map(Value::as_array).collect();
    let mut joined: Vec<Value> = Vec::new();
    for item in lists?.into_iter().flatten() {
        if !joined.contains(item) {
            joined.push(item.clone());
        }
    }
    Some(joined.into())
}

/// `resourceId(…, 'Microsoft.Cdn/profiles/originGroups', 'profile', 'group')`: what follows the type
/// are its names; a subscription and a resource group may precede it.
fn resource_id(arguments: &[Value]) -> Option<Value> {
    let texts: Vec<&str> = arguments.iter().map(Value::as_str).collect::<Option<_>>()?;
    let at = texts.iter().position(|text| text.contains('/') && text.contains('.'))?;
    let (provider, kinds) = texts[at].split_once('/')?;
    let names = texts[at + 1..].iter().flat_map(|name| name.split('/'));
    let pairs: String = kinds.split('/').zip(names).map(|(k, n)| format!("/{k}/{n}")).collect();
    Some(format!("/subscriptions/{{}}/resourceGroups/{{}}/providers/{provider}{pairs}").into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn functions_give_what_arm_says() {
        for (name, arguments, expected) in [
            ("concat", json!(["a", 1, "b"]), json!("a1b")),
            ("concat", json!([["a"], ["b"]]), json!(["a", "b"])),
            ("format", json!(["{0}-{{{1}}}", "a", 2]), json!("a-{2}")),
            ("tolower", json!(["AbC"]), json!("abc")),
            ("replace", json!(["a.b.c", ".", "-"]), json!("a-b-c")),
            ("substring", json!(["abcdef", 1, 3]), json!("bcd")),
            ("union", json!([["a", "b"], ["b", "c"]]), json!(["a", "b", "c"])),
            ("createobject", json!(["a", 1]), json!({"a": 1})),
            ("and", json!([true, false]), json!(false)),
            (
                "resourceid",
                json!(["group", "Microsoft.Cdn/profiles/originGroups", "p", "g"]),
                json!(
                    "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Cdn/profiles/p/originGroups/g"
                ),
            ),
        ] {
            let result = call(name, arguments.as_array().unwrap());
            assert_eq!(result, Ok(expected), "{name}");
        }
    }

    #[test]
    fn what_is_unknown_or_too_long_is_refused() {
        let long = "a".repeat(MAX_TEXT);
        for (name, arguments) in [
            ("reference", json!(["x"])),
            ("uniquestring", json!(["x"])),
            ("concat", json!([{}])),
            ("concat", json!([long, long])),
            ("replace", json!([long, "a", "aaaa"])),
            ("format", json!(["{1}", "a"])),
            ("format", json!(["{", "a"])),
            ("first", json!([[]])),
        ] {
            assert!(call(name, arguments.as_array().unwrap()).is_err(), "{name}");
        }
    }
}
