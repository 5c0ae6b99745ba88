//! The objects to import, and a view of their fields that remembers which were looked at.

use super::report::{Report, Verdict};
use crate::files;
use serde_json::Value;
use std::path::PathBuf;

/// A document of the input.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The file that it is in.
    pub file: String,
    /// Its value.
    pub value: Value,
}

/// A file that can't be read.
#[derive(Debug)]
pub struct SourceError {
    /// The file.
    pub path: String,
    /// Why.
    pub message: String,
}

/// Reads all documents of files and folders, YAML or JSON, the items of lists among them; `-` is the
/// standard input.
///
/// # Errors
/// If a file can't be read, or is neither YAML nor JSON.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Source>, SourceError> {
    let mut all = Vec::new();
    let files = files::list(paths)
        .map_err(|(path, message)| SourceError { path: path.display().to_string(), message })?;
    for path in files {
        let file = path.display().to_string();
        let error = |message: String| SourceError { path: file.clone(), message };
        let text = files::read_text(&path).map_err(|it| error(it.to_string()))?;
        for value in files::values(&text).map_err(error)? {
            let items = match &value {
                Value::Object(fields) if is_list(&value) => fields.get("items"),
                Value::Array(_) => Some(&value),
                _ => None,
            };
            match items.and_then(Value::as_array) {
                Some(items) => all.extend(items.iter().cloned().map(|value| (file.clone(), value))),
                None => all.push((file.clone(), value)),
            }
        }
    }
    Ok(all.into_iter().map(|(file, value)| Source { file, value }).collect())
}

/// Whether this is a Kubernetes list.
fn is_list(value: &Value) -> bool {
    value["kind"].as_str().is_some_and(|kind| kind.ends_with("List")) && value["items"].is_array()
}

/// A field of an object, or the object itself.
#[derive(Clone, Debug)]
pub struct Node<'s> {
    /// Its value.
    pub value: &'s Value,
    report: &'s Report,
    /// The object's place in the source, and what it is called in the report.
    object: (usize, &'s str),
    /// Its path; empty for the object itself.
    path: String,
}

impl<'s> Node<'s> {
    /// An object, the `order`th of the source, that the report calls `source`.
    pub fn of(value: &'s Value, order: usize, source: &'s str, report: &'s Report) -> Self {
        Self { value, report, object: (order, source), path: String::new() }
    }

    /// Its path in the object.
    pub fn path(&self) -> &str {
        &self.path
    }

    fn child(&self, value: &'s Value, path: String) -> Self {
        Self { value, path, ..self.clone() }
    }

    /// A field of it, if it has one that is not null.
    pub fn field(&self, name: &str) -> Option<Self> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        let dot = if self.path.is_empty() { "" } else { "." };
        Some(self.child(value, format!("{}{dot}{name}", self.path)))
    }

    /// All fields of it, with their names.
    pub fn fields(&self) -> impl Iterator<Item = (&'s str, Self)> {
        let fields = self.value.as_object().into_iter().flatten();
        fields.filter_map(|(name, _)| Some((name.as_str(), self.field(name)?)))
    }

    /// Its items, if it is a list.
    pub fn items(&self) -> impl Iterator<Item = Self> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.map(|(index, item)| self.child(item, format!("{}[{index}]", self.path)))
    }

    /// Its text, if it is one.
    pub fn text(&self) -> Option<&'s str> {
        self.value.as_str()
    }

    /// It was kept as it was, and all that is in it.
    pub fn kept(&self) {
        self.note(Verdict::Kept, "");
    }

    /// It was kept with this difference.
    pub fn changed(&self, how: impl Into<String>) {
        self.note(Verdict::Changed, how);
    }

    /// It was not kept, for this reason, which says what to do.
    pub fn dropped(&self, why: impl Into<String>) {
        self.note(Verdict::Dropped, why);
    }

    /// Whether there is a verdict on it, or on what it is in.
    pub fn has_verdict(&self) -> bool {
        self.report.covers(self.object.0, &self.path)
    }

    fn note(&self, verdict: Verdict, why: impl Into<String>) {
        self.report.note(self.object, &self.path, verdict, why.into());
    }

    /// Reports all that is in it and has no verdict yet as not kept.
    pub fn drop_the_rest(&self) {
        if !self.path.is_empty() && self.report.covers(self.object.0, &self.path) {
            return;
        }
        let mut is_leaf = true;
        for (_, field) in self.fields() {
            is_leaf = false;
            field.drop_the_rest();
        }
        for item in self.items() {
            is_leaf = false;
            item.drop_the_rest();
        }
        if is_leaf && !self.path.is_empty() {
            self.dropped("is not known to this importer: see whether it matters");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_nobody_has_looked_at_is_reported() {
        let value = json!({
            "spec": {"host": "a", "rules": [{"path": "/", "extra": 1}, {"path": "/b"}], "none": null},
            "left": {"deep": [true]},
        });
        let report = Report::default();
        let root = Node::of(&value, 0, "Ingress web/a", &report);
        let spec = root.field("spec").unwrap();
        spec.field("host").unwrap().kept();
        for rule in spec.field("rules").unwrap().items() {
            rule.field("path").unwrap().changed("differs");
        }
        root.drop_the_rest();
        let entries = report.into_entries();
        let shown: Vec<_> =
            entries.iter().map(|entry| (entry.field.as_str(), entry.verdict)).collect();
        assert_eq!(
            shown,
            [
                ("left.deep[0]", Verdict::Dropped),
                ("spec.host", Verdict::Kept),
                ("spec.rules[0].extra", Verdict::Dropped),
                ("spec.rules[0].path", Verdict::Changed),
                ("spec.rules[1].path", Verdict::Changed),
            ]
        );
        assert!(entries.iter().all(|entry| entry.source == "Ingress web/a"));
    }
}
