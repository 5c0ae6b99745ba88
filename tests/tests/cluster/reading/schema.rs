//! What a definition's schema says of each place in an object.

use portico::diagnostic::Kind;
use regex::Regex;
use serde_json::{Map, Value, json};
use std::{cell::RefCell, collections::HashMap, sync::LazyLock};

/// The schema of a whole object: `spec` and `status` are the definition's, and of `metadata` there is
/// what a manifest may have.
pub(super) fn of(kind: Kind) -> &'static Value {
    static ALL: LazyLock<[Value; 2]> = LazyLock::new(|| Kind::ALL.map(compile));
    let [front_door, route] = &*ALL;
    match kind {
        Kind::FrontDoor => front_door,
        Kind::Route => route,
    }
}

fn compile(kind: Kind) -> Value {
    let definitions = portico_crds::crds();
    let crd = definitions.into_iter().find(|crd| crd.spec.names.kind == kind.name()).unwrap();
    let version = crd.spec.versions.into_iter().next().unwrap();
    let mut schema = serde_json::to_value(version.schema.unwrap().open_api_v3_schema.unwrap());
    let properties = schema.as_mut().unwrap()["properties"].as_object_mut().unwrap();
    let texts = json!({"type": "object", "additionalProperties": {"type": "string"}});
    let metadata = json!({
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 253},
            "labels": texts,
            "annotations": texts,
        },
    });
    properties.insert("metadata".to_owned(), metadata);
    json!({"type": "object", "required": ["metadata", "spec"], "properties": properties})
}

/// A place in an object, and the schema there.
#[derive(Clone, Debug)]
pub(super) struct Place<'s> {
    /// A JSON pointer.
    pub(super) pointer: String,
    pub(super) schema: &'s Value,
}

/// Every place in an object that the schema knows, the outer ones first.
pub(super) fn places<'s>(schema: &'s Value, object: &Value) -> Vec<Place<'s>> {
    let mut found = Vec::new();
    collect(schema, object, String::new(), &mut found);
    found
}

fn collect<'s>(schema: &'s Value, value: &Value, pointer: String, found: &mut Vec<Place<'s>>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        if let Some(schema) = field(schema, key) {
            let key = key.replace('~', "~0").replace('/', "~1");
            collect(schema, value, format!("{pointer}/{key}"), found);
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        if let Some(schema) = schema.get("items") {
            collect(schema, item, format!("{pointer}/{index}"), found);
        }
    }
    found.push(Place { pointer, schema });
}

/// The schema of a field, or of a map's value.
fn field<'s>(schema: &'s Value, key: &str) -> Option<&'s Value> {
    schema["properties"].get(key).or_else(|| schema.get("additionalProperties"))
}

/// The paths of all fields below `spec` that a schema has: `spec.hosts[].name`.
pub(super) fn fields(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect_fields(&schema["properties"]["spec"], "spec", &mut found);
    found
}

fn collect_fields(schema: &Value, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        collect_fields(schema, &format!("{path}.{name}"), found);
    }
    if let Some(items) = schema.get("items") {
        collect_fields(items, &format!("{path}[]"), found);
    }
}

/// The fields of a schema that an object has, as [`fields`] writes them.
pub(super) fn given(schema: &Value, object: &Value) -> Vec<String> {
    let path = |place: Place<'_>| {
        let steps = place.pointer.split('/').skip(1);
        steps.fold(String::new(), |path, step| match step.parse::<usize>() {
            Ok(_) => path + "[]",
            Err(_) if path.is_empty() => step.to_owned(),
            Err(_) => format!("{path}.{step}"),
        })
    };
    places(schema, object).into_iter().map(path).collect()
}

/// Adds the schema's defaults for what a value leaves out.
pub(super) fn add_defaults(schema: &Value, value: &mut Value) {
    if let Value::Object(fields) = value {
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(default) = schema.get("default") {
                fields.entry(name.clone()).or_insert_with(|| default.clone());
            }
            if let Some(field) = fields.get_mut(name) {
                add_defaults(schema, field);
            }
        }
    }
    for item in value.as_array_mut().into_iter().flatten() {
        add_defaults(&schema["items"], item);
    }
}

/// The names of an object's fields.
pub(super) fn names(schema: &Value) -> Vec<&String> {
    schema["properties"].as_object().into_iter().flat_map(Map::keys).collect()
}

pub(super) fn is_required(schema: &Value, name: &str) -> bool {
    schema["required"].as_array().is_some_and(|all| all.iter().any(|it| it == name))
}

/// A bound, or what there is without one.
pub(super) fn bound(schema: &Value, name: &str, without: i64) -> i64 {
    #[allow(clippy::cast_possible_truncation, reason = "the bounds are small integers")]
    schema[name].as_f64().map_or(without, |bound| bound as i64)
}

/// Whether a string has the length and the pattern of its schema.
pub(super) fn fits(schema: &Value, text: &str) -> bool {
    thread_local!(static PATTERNS: RefCell<HashMap<String, Regex>> = RefCell::default());
    let length = i64::try_from(text.chars().count()).unwrap();
    let is_long_enough = length >= bound(schema, "minLength", 0);
    let matches = |pattern: &str| {
        PATTERNS.with_borrow_mut(|patterns| {
            let compile = || Regex::new(pattern).unwrap();
            patterns.entry(pattern.to_owned()).or_insert_with(compile).is_match(text)
        })
    };
    is_long_enough
        && length <= bound(schema, "maxLength", i64::MAX)
        && schema["pattern"].as_str().is_none_or(matches)
}
