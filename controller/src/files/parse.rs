//! Parses YAML and JSON into values, and notes duplicate keys.

use serde::de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Spanned, options::DuplicateKeyPolicy, options::NonFiniteFloatPolicy};
use std::{fmt, marker::PhantomData};

/// The format of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Any number of YAML documents. Plain scalars are typed as `kubectl` does (YAML 1.1: `yes` and
    /// `on` are booleans), so that a manifest means the same as in a cluster.
    Yaml,
    /// Any number of JSON documents.
    Json,
}

/// How much memory the value of one document may take, roughly. A list of ten thousand objects takes
/// a third of it.
const MAX_DOCUMENT_BYTES: usize = 512 << 20;
/// How many duplicate keys of a document are noted. One is enough to reject what has it.
const MAX_DUPLICATES: usize = 100;
/// Longer keys are cut off in the paths of duplicates.
const MAX_STEP_CHARS: usize = 256;

/// A document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    /// Its value. Of duplicate keys, the first one counts.
    pub(crate) value: Value,
    /// The duplicate keys, the first hundred.
    pub(super) duplicates: Vec<Duplicate>,
}

/// A key that appears a second time in one mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Duplicate {
    /// Its path, innermost step first.
    path: Vec<Step>,
    /// The line of the second key, from 1. `None` for JSON.
    pub(super) line: Option<u64>,
}

/// A step of a path into a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A key of a mapping.
    Key(String),
    /// An index into a sequence.
    Index(usize),
}

impl Duplicate {
    /// The path as Kubernetes writes it: `spec.matches[0].path`.
    pub(super) fn field(&self) -> String {
        let mut field = String::new();
        for step in self.path.iter().rev() {
            match step {
                Step::Key(key) if field.is_empty() => field.push_str(key),
                Step::Key(key) => {
                    field.push('.');
                    field.push_str(key);
                }
                Step::Index(index) => field.push_str(&format!("[{index}]")),
            }
        }
        field
    }

    /// The same duplicate relative to `items[index]`, if it is in there.
    pub(super) fn below_item(&self, index: usize) -> Option<Self> {
        let outer = self.path.len().checked_sub(2)?;
        let inside = self.path[outer..] == [Step::Index(index), Step::Key("items".to_owned())];
        (inside && outer > 0).then(|| Self { path: self.path[..outer].to_vec(), line: self.line })
    }
}

/// Parses all non-empty documents into `C`, one at a time, so that at most one is in memory as a
/// value. The error includes the line.
pub(crate) fn parse<C: Default + Extend<Document>>(
    text: &str,
    format: Format,
) -> Result<C, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        Format::Yaml => yaml(text),
        Format::Json => json(text),
    }
}

fn yaml<C: Default + Extend<Document>>(text: &str) -> Result<C, String> {
    /// How many values aliases and merge keys may add to those that are written in the text.
    const ADDED: usize = 100_000;
    const MIB: usize = 1 << 20;
    let written = text.len();
    // Every document goes through all anchors of the text.
    let documents =
        text.lines().filter(|line| line.starts_with("---") || line.starts_with("...")).count() + 1;
    let options = serde_saphyr::options! {
        // Bounds of what is written are such that no text can reach them. The default for the
        // depth, for the sake of the stack, and for the number of aliases stays.
        budget: serde_saphyr::budget! {
            max_events: 2 * (written + ADDED),
            max_nodes: written + ADDED,
            max_documents: usize::MAX,
            max_total_scalar_bytes: 2 * written + MIB,
            max_anchors: (100_000_000 / documents).min(50_000),
            max_merge_keys: 50_000,
            max_recorded_anchor_events: (written + ADDED).min(1_000_000),
            max_recorded_anchor_bytes: (2 * written + MIB).min(64 * MIB),
            enforce_alias_anchor_ratio: false,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        legacy_octal_numbers: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_multiple_with_options::<KeyedBy<Spanned<String>>, Into<C>>(text, options)
        .map(|documents| documents.0)
        .map_err(|error| error.render_with_formatter(&serde_saphyr::UserMessageFormatter))
}

fn json<C: Default + Extend<Document>>(text: &str) -> Result<C, String> {
    let mut documents = C::default();
    for document in serde_json::Deserializer::from_str(text).into_iter::<KeyedBy<String>>() {
        let document = document.map_err(|error| error.to_string())?.0;
        if !document.value.is_null() {
            documents.extend([document]);
        }
    }
    Ok(documents)
}

/// Collects documents, whatever type their keys were parsed as.
#[derive(Default)]
struct Into<C>(C);

impl<C: Extend<Document>, K> Extend<KeyedBy<K>> for Into<C> {
    fn extend<I: IntoIterator<Item = KeyedBy<K>>>(&mut self, documents: I) {
        self.0.extend(documents.into_iter().map(|document| document.0));
    }
}

/// A document whose keys are parsed as `K`, which may know their lines.
struct KeyedBy<K>(Document, PhantomData<K>);

impl<'de, K: Key> Deserialize<'de> for KeyedBy<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut found = Found { duplicates: Vec::new(), bytes: 0 };
        let node = Node { found: &mut found, key: PhantomData::<K> };
        let value = node.deserialize(deserializer)?;
        Ok(Self(Document { value, duplicates: found.duplicates }, PhantomData))
    }
}

trait Key: DeserializeOwned {
    fn parts(self) -> (String, Option<u64>);
}

impl Key for String {
    fn parts(self) -> (String, Option<u64>) {
        (self, None)
    }
}

impl Key for Spanned<String> {
    fn parts(self) -> (String, Option<u64>) {
        (self.value, Some(self.referenced.line()))
    }
}

/// What has been found in a document so far.
struct Found {
    duplicates: Vec<Duplicate>,
    /// How much memory its values take, roughly.
    bytes: usize,
}

impl Found {
    fn takes<E: serde::de::Error>(&mut self, bytes: usize) -> Result<(), E> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes <= MAX_DOCUMENT_BYTES {
            return Ok(());
        }
        Err(E::custom("the document takes more than 512 MiB of memory (split it)"))
    }
}

/// A value at any depth.
struct Node<'d, K> {
    found: &'d mut Found,
    key: PhantomData<K>,
}

impl<K> Node<'_, K> {
    fn child(&mut self) -> Node<'_, K> {
        Node { found: self.found, key: PhantomData }
    }

    /// Adds a step to the paths of the duplicates found inside the value that was just parsed.
    fn step(&mut self, before: usize, step: impl Fn() -> Step) {
        for duplicate in &mut self.found.duplicates[before..] {
            duplicate.path.push(step());
        }
    }
}

fn key_step(key: &str) -> Step {
    Step::Key(key.chars().take(MAX_STEP_CHARS).collect())
}

impl<'de, K: Key> DeserializeSeed<'de> for Node<'_, K> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, K: Key> Visitor<'de> for Node<'_, K> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON has too")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Number::from_i128(value).map_or_else(|| Value::String(value.to_string()), Value::Number))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Number::from_u128(value).map_or_else(|| Value::String(value.to_string()), Value::Number))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or_else(|| Value::String(value.to_string()), Value::Number))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        self.found.takes(value.len())?;
        Ok(Value::String(value))
    }

    fn visit_byte_buf<E: serde::de::Error>(self, value: Vec<u8>) -> Result<Value, E> {
        String::from_utf8(value)
            .map(Value::String)
            .map_err(|_| E::custom("binary data that is not text"))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        loop {
            let before = self.found.duplicates.len();
            let Some(value) = seq.next_element_seed(self.child())? else { break };
            self.found.takes(size_of::<Value>())?;
            self.step(before, || Step::Index(values.len()));
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        /// A node of a map has room for this many entries, and usually has half of them.
        const ROOM: usize = 11;
        const NODE_BYTES: usize = ROOM * (size_of::<String>() + size_of::<Value>());
        let mut values = Map::new();
        while let Some(key) = map.next_key::<K>()? {
            let (key, line) = key.parts();
            let before = self.found.duplicates.len();
            let value = map.next_value_seed(self.child())?;
            self.step(before, || key_step(&key));
            if values.len().is_multiple_of(ROOM / 2) {
                self.found.takes(NODE_BYTES)?;
            }
            self.found.takes(key.len())?;
            if !values.contains_key(&key) {
                values.insert(key, value);
            } else if self.found.duplicates.len() < MAX_DUPLICATES {
                self.found.duplicates.push(Duplicate { path: vec![key_step(&key)], line });
            }
        }
        Ok(Value::Object(values))
    }
}

#[cfg(test)]
mod tests;
