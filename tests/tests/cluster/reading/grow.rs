//! Makes objects larger, by what their schema allows.

use super::schema::{self, bound, fits, is_required, names};
use portico_tests::random::Random;
use serde_json::{Map, Value, json};

/// Strings of every kind that a field may want. Which fit, the field's pattern says.
pub(super) const TEXTS: &[&str] = &[
    "",
    "a",
    "web",
    "sales",
    "ep",
    "x-tenant",
    "x-api-key",
    "Accept",
    "a b",
    "é",
    "blue",
    "2",
    "*",
    "/",
    "/*",
    "/a",
    "/a/*",
    "/sales/*",
    "/{id}",
    "/{id}/x/*",
    "/a%20b",
    "//",
    "/a{id}",
    "/healthz?full=1",
    "www.ep.com",
    "*.ep.com",
    "ep.com",
    "localhost",
    "[::1]",
    "10.1.2.3",
    "Backend",
    "Preserve",
    "ep.com:8080",
    "https://app.example.com",
    "https://*.example.com",
    "http://localhost:*",
    "https://a.example:8443",
    "https://api.example.com",
    "http://10.1.2.3:8080",
    "HTTP://A.example/",
    "https://pr-[0-9]+\\.example\\.com",
    "[a-z]+",
    "(",
    "a{1001}",
    "^x$",
    "0s",
    "1ms",
    "500ms",
    "2s",
    "30s",
    "1m",
    "5m",
    "1h",
    "24h",
    "1h30m",
    "9000h",
    "GET",
    "PUT",
    "PATCH",
    "TRACE",
    "get",
    "M-SEARCH",
    "http",
    "grpc",
    "8080-web",
    "80",
    "200",
    "200-399",
    "599-200",
    "429",
    "503",
    "ConnectFailure",
    "Reset",
    "PerTryTimeout",
    "10.0.0.0/8",
    "10.0.0.1",
    "fd00::/8",
    "::1",
    "10.0.0.0/33",
    "team",
    "kubernetes.io/metadata.name",
    "a.example/team",
    "host",
    "connection",
    "set-cookie",
    "vary",
    "access-control-allow-origin",
    "origin",
    "sec-fetch-mode",
    "content-type",
    "ca.crt",
    "token",
    "a.b",
    "2026-01-01T00:00:00Z",
    "True",
    "Accepted",
    "IPAddress",
    "192.0.2.1",
    "portico",
];

/// A value that fits a schema, as far as that can be told without CEL rules.
pub(super) fn value(schema: &Value, random: &mut Random) -> Value {
    if let Some(allowed) = schema["enum"].as_array() {
        return random.pick(allowed).clone();
    }
    if schema["x-kubernetes-int-or-string"] == true {
        return if random.percent(50) { integer(schema, random) } else { text(schema, random) };
    }
    match schema["type"].as_str() {
        Some("object") => object(schema, random),
        Some("array") => list(schema, random),
        Some("string") => text(schema, random),
        Some("integer") => integer(schema, random),
        Some("boolean") => json!(random.percent(50)),
        other => panic!("a schema of no known type: {other:?}"),
    }
}

fn object(schema: &Value, random: &mut Random) -> Value {
    if let Some(values) = schema.get("additionalProperties") {
        let keys = ["team", "stage", "a.example/team", "kubernetes.io/metadata.name"];
        let count = 1 + random.below(2);
        return (0..count)
            .map(|_| ((*random.pick(&keys)).to_owned(), value(values, random)))
            .collect();
    }
    let mut fields = Map::new();
    for name in names(schema) {
        if is_required(schema, name) || random.percent(25) {
            fields.insert(name.clone(), value(&schema["properties"][name], random));
        }
    }
    Value::Object(fields)
}

fn list(schema: &Value, random: &mut Random) -> Value {
    let least = usize::try_from(bound(schema, "minItems", 0)).unwrap().max(1);
    (0..least + random.below(2)).map(|_| value(&schema["items"], random)).collect()
}

fn text(schema: &Value, random: &mut Random) -> Value {
    let fitting: Vec<_> = TEXTS.iter().filter(|text| fits(schema, text)).collect();
    assert!(!fitting.is_empty(), "no text fits {schema}");
    json!(random.pick(&fitting))
}

fn integer(schema: &Value, random: &mut Random) -> Value {
    let (min, max) = (bound(schema, "minimum", 0), bound(schema, "maximum", 1000));
    json!(*random.pick(&[min, max, min.midpoint(max), 1.clamp(min, max), 2.clamp(min, max)]))
}

/// Adds a field or an item, or replaces one.
pub(super) fn grow(whole: &Value, object: &mut Value, random: &mut Random) {
    let places = schema::places(whole, object);
    let inside: Vec<_> = places.iter().filter(|place| is_grown(&place.pointer)).collect();
    let place = random.pick(&inside);
    let at = object.pointer_mut(&place.pointer).unwrap();
    let names = names(place.schema);
    match at {
        Value::Object(fields) if !names.is_empty() => {
            let name = *random.pick(&names);
            let new = value(&place.schema["properties"][name], random);
            fields.insert(name.clone(), new);
        }
        Value::Array(items) if items.len() < 4 => items.push(value(&place.schema["items"], random)),
        other => *other = value(place.schema, random),
    }
}

/// Objects are compared by what a manifest's author writes; the status is for mistakes only.
fn is_grown(pointer: &str) -> bool {
    pointer.starts_with("/spec") || pointer.starts_with("/metadata/labels")
}
