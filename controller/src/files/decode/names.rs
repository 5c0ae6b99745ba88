//! The names of objects.

use super::{Document, Wrong};
use portico_dataplane::table::ObjectName;
use serde_json::Value;

/// A name for display: without a namespace if the kind is cluster-scoped.
pub(in crate::files) fn display_name(name: &ObjectName) -> String {
    if name.namespace.is_empty() { name.name.to_string() } else { name.to_string() }
}

/// The name of a namespaced object. The namespace defaults to `default`.
pub(super) fn namespaced_name(kind: &str, document: &mut Document) -> Result<ObjectName, Wrong> {
    let name = required_name(kind, document)?.to_owned();
    let namespace = metadata_name(kind, "namespace", document)?.unwrap_or("default").to_owned();
    if let Some(Value::Object(metadata)) = document.value.get_mut("metadata") {
        metadata.insert("namespace".to_owned(), Value::String(namespace.clone()));
    }
    Ok(ObjectName::new(namespace, name))
}

pub(super) fn required_name<'d>(kind: &str, document: &'d Document) -> Result<&'d str, Wrong> {
    metadata_name(kind, "name", document)?.ok_or_else(|| {
        Wrong::new("metadata.name", format!("{kind} without metadata.name: give it one"))
    })
}

/// A field of the metadata that identifies the object: not duplicated, and a DNS name.
fn metadata_name<'d>(
    kind: &str,
    key: &str,
    document: &'d Document,
) -> Result<Option<&'d str>, Wrong> {
    let field = format!("metadata.{key}");
    for duplicate in &document.duplicates {
        let duplicate = duplicate.field();
        if duplicate == field || ["apiVersion", "kind", "metadata"].contains(&duplicate.as_str()) {
            let message = format!("{kind}: '{duplicate}' is given twice: remove one");
            return Err(Wrong { field: duplicate, message });
        }
    }
    match &document.value["metadata"][key] {
        Value::Null => Ok(None),
        Value::String(name) if name.is_empty() => Ok(None),
        Value::String(name) if is_dns_name(name) => Ok(Some(name)),
        other => {
            let message = format!(
                "{kind}: {field} {other} is not a valid name: use lower-case letters, digits, '-' and '.', as a string"
            );
            Err(Wrong { field, message })
        }
    }
}

/// Roughly a DNS name. What the API server refuses beyond that is a warning.
pub(super) fn is_dns_name(name: &str) -> bool {
    let inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let outside = |c: char| matches!(c, '-' | '.');
    name.len() <= 253
        && name.chars().all(inside)
        && !name.starts_with(outside)
        && !name.ends_with(outside)
}
