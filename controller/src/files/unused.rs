//! Documents that are not used.

use serde_json::Value;

/// How many documents are remembered by name.
const MAX_NAMED: usize = 10;

/// Documents of kinds that Portico does not read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unused {
    /// How many there are.
    count: usize,
    /// The first of them: kind, namespace and name, as far as they have them.
    named: Vec<String>,
}

impl Unused {
    pub(super) fn add(&mut self, document: &Value) {
        self.count += 1;
        if self.named.len() < MAX_NAMED {
            self.named.push(described(document));
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The first of them, as `Ingress shop/web`.
    pub fn named(&self) -> &[String] {
        &self.named
    }
}

/// A document by its kind, namespace and name: `Ingress shop/web`.
pub(super) fn described(document: &Value) -> String {
    /// Longer names are cut off.
    const MAX_CHARS: usize = 64;
    let text = |value: &Value| {
        let text = value.as_str().filter(|text| !text.is_empty())?;
        Some(text.chars().take(MAX_CHARS).collect::<String>())
    };
    let metadata = &document["metadata"];
    let kind = text(&document["kind"]);
    let name = text(&metadata["name"]).map(|name| match text(&metadata["namespace"]) {
        Some(namespace) => format!(" {namespace}/{name}"),
        None => format!(" {name}"),
    });
    let kind = kind.unwrap_or_else(|| "a document without a kind".to_owned());
    format!("{kind}{}", name.unwrap_or_default())
}
