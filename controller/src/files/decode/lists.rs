//! Lists of objects: `List`, and `RouteList`, `ServiceList` and so on.

use super::{Contents, Document, Origin, Wrong, mistakes::mistake};
use crate::objects;
use portico_crds::{GROUP, VERSION};
use serde_json::Value;

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Whether `kubectl` takes an object apart into its items.
pub(super) fn is_list(value: &Value) -> bool {
    let kind = text(value, "kind");
    kind == "List" || (kind.ends_with("List") && value.get("items").is_some())
}

impl Contents {
    pub(super) fn list(&mut self, origin: Origin, mut list: Document) {
        let kind = text(&list.value, "kind").to_owned();
        let api_version = text(&list.value, "apiVersion").to_owned();
        if let Some(wrong) = refused(&list.value, &kind, &api_version) {
            return self.problem(origin, wrong);
        }
        let items = match list.value.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => items,
            None | Some(Value::Null) => Vec::new(),
            Some(_) => {
                let message = format!("{kind}: 'items' is not a list");
                return self.problem(origin, Wrong::new("items", message));
            }
        };
        if list.duplicates.iter().any(|duplicate| duplicate.field() == "items") {
            let message = format!("{kind}: 'items' is given twice: the first is ignored");
            self.problem(origin, Wrong::new("items", message));
        }
        let of_items = kind.strip_suffix("List").unwrap_or_default();
        for (index, mut value) in items.into_iter().enumerate() {
            let origin = Origin { item: Some(index), ..origin };
            complete(&mut value, of_items, &api_version);
            if text(&value, "kind").is_empty() {
                self.problem(origin, Wrong::new("", format!("{kind}: items[{index}] has no kind")));
            } else if is_list(&value) {
                let message =
                    format!("{kind}: items[{index}] is a list itself: list its items here");
                self.problem(origin, Wrong::new("kind", message));
            } else {
                let duplicates =
                    list.duplicates.iter().filter_map(|found| found.below_item(index)).collect();
                let source = list.source;
                self.document(origin, Document { value, source, duplicates, warnings: Vec::new() });
            }
        }
    }
}

/// Why `kubectl` refuses a list, if it does: no API server has one of this kind.
fn refused(list: &Value, kind: &str, api_version: &str) -> Option<Wrong> {
    if api_version.is_empty() {
        let message = format!("{kind} without apiVersion: a List has 'apiVersion: v1'");
        return Some(Wrong::new("kind", message));
    }
    let of_items = kind.strip_suffix("List").unwrap_or_default();
    let is_core = !api_version.contains('/');
    match objects::api_version(of_items) {
        Some(known) if known == api_version => None,
        Some(known) if is_core => {
            let message =
                format!("{api_version} has no kind '{kind}': write 'apiVersion: {known}'");
            Some(Wrong::new("apiVersion", message))
        }
        None if of_items.is_empty() && api_version == format!("{GROUP}/{VERSION}") => None,
        Some(_) | None => {
            mistake(&serde_json::json!({"apiVersion": list["apiVersion"], "kind": of_items}))
        }
    }
}

/// Items of a list need not say their kind, if they don't say their version either.
fn complete(item: &mut Value, kind: &str, api_version: &str) {
    if let Value::Object(fields) = item {
        let is_empty =
            |field: &str| fields.get(field).and_then(Value::as_str).is_none_or(str::is_empty);
        if is_empty("kind") && is_empty("apiVersion") && !kind.is_empty() {
            fields.insert("kind".to_owned(), kind.into());
            fields.insert("apiVersion".to_owned(), api_version.into());
        }
    }
}
