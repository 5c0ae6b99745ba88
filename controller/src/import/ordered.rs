//! Values as people write them: what something is called comes first.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

/// A value whose fields are in the order in which the documentation has them.
pub(super) struct Ordered<'v>(pub(super) &'v Value);

/// What comes first, in this order; the rest follows by name.
const FIRST: [&str; 21] = [
    "apiVersion",
    "kind",
    "metadata",
    "name",
    "namespace",
    "type",
    "value",
    "className",
    "frontDoorRef",
    "hosts",
    "matches",
    "when",
    "do",
    "backends",
    "service",
    "external",
    "redirect",
    "respond",
    "rewrite",
    "requestHeaders",
    "responseHeaders",
];

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(fields) => object(fields, serializer),
            Value::Array(items) => serializer.collect_seq(items.iter().map(Ordered)),
            other => other.serialize(serializer),
        }
    }
}

fn object<S: Serializer>(fields: &Map<String, Value>, serializer: S) -> Result<S::Ok, S::Error> {
    let place = |name: &str| FIRST.iter().position(|it| *it == name).unwrap_or(FIRST.len());
    let mut ordered: Vec<_> = fields.iter().collect();
    ordered.sort_by_key(|(name, _)| place(name));
    let mut map = serializer.serialize_map(Some(ordered.len()))?;
    for (name, value) in ordered {
        map.serialize_entry(name, &Ordered(value))?;
    }
    map.end()
}
