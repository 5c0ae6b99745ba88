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

/// A document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    /// Its value. Of duplicate keys, the first one counts.
    pub(crate) value: Value,
    /// The duplicate keys.
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
    // Files may be as large as their owner likes. Only the depth, for the sake of the stack, and
    // the expansion of aliases are bounded.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            max_documents: usize::MAX,
            max_total_scalar_bytes: usize::MAX,
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
        let mut duplicates = Vec::new();
        let node = Node { duplicates: &mut duplicates, key: PhantomData::<K> };
        let value = node.deserialize(deserializer)?;
        Ok(Self(Document { value, duplicates }, PhantomData))
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

/// A value at any depth.
struct Node<'d, K> {
    duplicates: &'d mut Vec<Duplicate>,
    key: PhantomData<K>,
}

impl<K> Node<'_, K> {
    fn child(&mut self) -> Node<'_, K> {
        Node { duplicates: self.duplicates, key: PhantomData }
    }

    /// Adds a step to the paths of the duplicates found inside the value that was just parsed.
    fn step(&mut self, before: usize, step: impl Fn() -> Step) {
        for duplicate in &mut self.duplicates[before..] {
            duplicate.path.push(step());
        }
    }
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

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
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
            let before = self.duplicates.len();
            let Some(value) = seq.next_element_seed(self.child())? else { break };
            self.step(before, || Step::Index(values.len()));
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(key) = map.next_key::<K>()? {
            let (key, line) = key.parts();
            let before = self.duplicates.len();
            let value = map.next_value_seed(self.child())?;
            self.step(before, || Step::Key(key.clone()));
            if values.contains_key(&key) {
                self.duplicates.push(Duplicate { path: vec![Step::Key(key)], line });
            } else {
                values.insert(key, value);
            }
        }
        Ok(Value::Object(values))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(text: &str, format: Format) -> Result<Vec<Document>, String> {
        super::parse(text, format)
    }

    fn one(text: &str) -> Document {
        parse(text, Format::Yaml).unwrap().remove(0)
    }

    #[test]
    fn scalars_are_typed_as_kubectl_types_them() {
        for (text, value) in [
            ("a", json!("a")),
            ("'yes'", json!("yes")),
            ("yes", json!(true)),
            ("Off", json!(false)),
            ("true", json!(true)),
            ("12", json!(12)),
            ("-1", json!(-1)),
            ("0x10", json!(16)),
            ("010", json!(8)),
            ("1.5", json!(1.5)),
            (".inf", json!(".inf")),
            ("99999999999999999999999", json!(1e23)),
            ("2021-01-02", json!("2021-01-02")),
            ("~", json!(null)),
            ("!!str 12", json!("12")),
            ("!!binary aGk=", json!("hi")),
            ("!custom x", json!("x")),
            ("|\n  a\n  b\n", json!("a\nb\n")),
        ] {
            assert_eq!(one(&format!("v: {text}")).value, json!({ "v": value }), "{text}");
        }
    }

    #[test]
    fn anchors_and_merges_are_followed() {
        let text = "a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3\nc: *a\n";
        let document = one(text);
        assert_eq!(document.value["b"], json!({"x": 1, "y": 3}));
        assert_eq!(document.value["c"], json!({"x": 1, "y": 2}));
        assert_eq!(document.duplicates, []);
    }

    #[test]
    fn duplicates_have_their_path_and_line() {
        let text =
            "spec:\n  matches:\n  - path: /a\n    path: /b\n  - {path: /a, path: /c}\nspec: {}\n";
        let document = one(text);
        let found: Vec<_> =
            document.duplicates.iter().map(|d| (d.field(), d.line.unwrap())).collect();
        let expected = [("spec.matches[0].path", 4), ("spec.matches[1].path", 5), ("spec", 6)];
        assert_eq!(found, expected.map(|(field, line)| (field.to_owned(), line)));
        assert_eq!(document.value["spec"]["matches"][0]["path"], "/a");
        let json = parse(r#"{"a": {"b": 1, "b": 2}}"#, Format::Json).unwrap();
        assert_eq!(json[0].duplicates[0].field(), "a.b");
        assert_eq!(json[0].duplicates[0].line, None);
    }

    #[test]
    fn empty_documents_are_none() {
        for text in ["", "\u{feff}", "---\n", "# a comment\n", "---\n---\nnull\n"] {
            assert_eq!(parse(text, Format::Yaml).unwrap(), [], "{text:?}");
        }
        for text in ["", "null", " \n"] {
            assert_eq!(parse(text, Format::Json).unwrap(), [], "{text:?}");
        }
        assert_eq!(parse("a: 1\n---\n---\nb: 2\n", Format::Yaml).unwrap().len(), 2);
        assert_eq!(parse("{\"a\":\t1}\n{}", Format::Json).unwrap().len(), 2);
    }

    #[test]
    fn a_broken_text_says_where() {
        for (text, format, line) in [
            ("a: 1\nb: [\n", Format::Yaml, "line"),
            ("a: 1\n b: 2\n", Format::Yaml, "line 2"),
            ("a: *nowhere\n", Format::Yaml, "line 1"),
            ("a: {~: 1}\n", Format::Yaml, "null is not allowed here at line 1, column 5"),
            ("{\"a\": 1\n", Format::Json, "line 2"),
        ] {
            let error = parse(text, format).unwrap_err();
            assert!(error.contains(line) && !error.contains('\n'), "{text:?}: {error}");
        }
    }

    #[test]
    fn nesting_and_aliases_are_bounded() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(parse(&deep, Format::Yaml).is_err());
        assert!(parse(&deep, Format::Json).is_err());
        for opener in ["- ", "? ", "a:\n ", "{a: ", "- - {? [", "&a ", "!t "] {
            // Whether these parse does not matter: the stack must not overflow.
            let _ = parse(&opener.repeat(20_000), Format::Yaml);
        }
        let mut chain = "a0: &a0 [x]\n".to_owned();
        for i in 1..5_000 {
            chain.push_str(&format!("a{i}: &a{i} [*a{}]\n", i - 1));
        }
        assert!(parse(&chain, Format::Yaml).is_err());
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            let aliases = vec![format!("*a{}", i - 1); 10].join(", ");
            bomb.push_str(&format!("a{i}: &a{i} [{aliases}]\n"));
        }
        assert!(parse(&bomb, Format::Yaml).is_err());
    }

    #[test]
    fn large_files_are_read() {
        let document = format!("a: [{}]\n---\n", "1, ".repeat(250));
        assert_eq!(parse(&document.repeat(1_100), Format::Yaml).unwrap().len(), 1_100);
    }
}
