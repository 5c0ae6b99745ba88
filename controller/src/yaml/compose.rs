//! Makes values of events, with go-yaml's rules for aliases and merge keys.

mod anchors;
mod costs;
mod merge;

pub(crate) use costs::Costs;

use super::{
    MAX_DEPTH, cursor,
    event::{Event, EventKind, Events},
    json::Json,
    parser::Parser,
    scalar::Scalar,
    token::Error,
};
use anchors::{Anchored, Anchors, Content};
use costs::Count;
use serde_json::{Map, Value};
use std::{borrow::Cow, collections::HashSet};

/// How many duplicate keys, and how many warnings, are noted of one document.
const MAX_NOTES: usize = 100;
/// Longer keys are cut off in the paths of duplicates.
const MAX_STEP_CHARS: usize = 256;

/// A document's value, and what is worth knowing about it.
#[derive(Debug, PartialEq)]
pub(crate) struct Composed {
    /// The value. Of duplicate keys, the last one counts.
    pub(crate) value: Value,
    /// The offset at which its text begins.
    pub(crate) start: usize,
    /// The duplicate keys, the first hundred.
    pub(crate) duplicates: Vec<Duplicate>,
    /// What probably means something else than its author thinks, the first hundred.
    pub(crate) warnings: Vec<Warning>,
}

/// A key that appears a second time in one mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Duplicate {
    /// Its path, innermost step first.
    pub(crate) path: Vec<Step>,
    /// The offset of the second key.
    pub(crate) at: usize,
}

/// A step of a path into a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A key of a mapping.
    Key(String),
    /// An index into a sequence.
    Index(usize),
}

/// Something that probably means something else than its author thinks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Warning {
    /// The offset of it.
    pub(crate) at: usize,
    /// What it means, and what to write instead.
    pub(crate) message: String,
}

/// Reads a text's first document; `None` if there is none. The rest does not exist, as for `kubectl`.
pub(crate) fn yaml(text: &str, costs: &mut Costs) -> Result<Option<Composed>, Error> {
    if let Some(at) = cursor::unprintable(text) {
        return Err(Error::new(at, "control characters are not allowed: use an escape in quotes"));
    }
    let Some(parser) = Parser::new(text)? else { return Ok(None) };
    let mut composer = Composer::new(text, parser, costs);
    let (start, value) = composer.document()?;
    let ignored = composer.events.finish()?;
    if let Some(at) = ignored {
        composer
            .warn(at, "everything after the end of the document is ignored: write --- before it");
    }
    if let Some(at) = composer.events.odd_break() {
        composer.warn(at, odd_break(&text[at..]));
    }
    Ok(Some(composer.finish(start, value)))
}

/// Reads the JSON value at or behind this offset, and returns the offset behind it, too; `None` if
/// there is none.
pub(crate) fn json(
    text: &str,
    at: usize,
    costs: &mut Costs,
) -> Result<Option<(Composed, usize)>, Error> {
    let Some(json) = Json::new(text, at) else { return Ok(None) };
    let mut composer = Composer::new(text, json, costs);
    let (start, value) = composer.document()?;
    let end = composer.events.end();
    Ok(Some((composer.finish(start, value), end)))
}

fn odd_break(text: &str) -> &'static str {
    match text.chars().next() {
        Some('\u{2028}') => {
            "U+2028 (line separator) is a line break in YAML: write \"\\L\" in quotes"
        }
        Some('\u{2029}') => {
            "U+2029 (paragraph separator) is a line break in YAML: write \"\\P\" in quotes"
        }
        Some('\u{85}') => "U+0085 (next line) is a line break in YAML: write \"\\N\" in quotes",
        Some(_) | None => "a carriage return is a line break in YAML: end lines with a line feed",
    }
}

struct Composer<'t, 'c, E> {
    text: &'t str,
    events: E,
    anchors: Anchors<'t>,
    costs: &'c mut Costs,
    count: Count,
    depth: usize,
    duplicates: Vec<Duplicate>,
    warnings: Vec<Warning>,
}

impl<'t, 'c, E: Events<'t>> Composer<'t, 'c, E> {
    fn new(text: &'t str, events: E, costs: &'c mut Costs) -> Self {
        Self {
            text,
            events,
            anchors: Anchors::default(),
            costs,
            count: Count::default(),
            depth: 0,
            duplicates: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn finish(self, start: usize, value: Value) -> Composed {
        Composed { value, start, duplicates: self.duplicates, warnings: self.warnings }
    }

    fn warn(&mut self, at: usize, message: impl Into<String>) {
        if self.warnings.len() < MAX_NOTES {
            self.warnings.push(Warning { at, message: message.into() });
        }
    }

    /// The document's value, with the offset at which its text begins.
    fn document(&mut self) -> Result<(usize, Value), Error> {
        self.written(0)?;
        let event = self.events.next()?;
        Ok((event.start, self.value(event)?))
    }

    /// Counts a node that is written.
    fn written(&mut self, at: usize) -> Result<(), Error> {
        self.count.written();
        self.check(at)
    }

    fn check(&self, at: usize) -> Result<(), Error> {
        if self.count.is_excessive() {
            return Err(Error::bound(
                at,
                "too much of the document comes from aliases: write it out",
            ));
        }
        Ok(())
    }

    fn value(&mut self, event: Event<'t>) -> Result<Value, Error> {
        match event.kind {
            EventKind::Scalar(scalar) => {
                self.warn_of_octal(event.start, event.end, &scalar);
                self.scalar(event.anchor, event.start, scalar)
            }
            EventKind::Merge => self.scalar(event.anchor, event.start, merge_text()),
            EventKind::Alias(name) => match self.alias(name, event.start)?.content {
                Content::Scalar(scalar) => {
                    scalar.into_value().map_err(|message| Error::new(event.start, message))
                }
                Content::Collection(value) => Ok(value),
            },
            EventKind::SequenceStart => {
                self.collection(&event, |composer| composer.sequence().map(Value::Array))
            }
            EventKind::MappingStart => {
                self.collection(&event, |composer| composer.mapping().map(Value::Object))
            }
            EventKind::SequenceEnd | EventKind::MappingEnd => {
                Err(Error::new(event.start, "expected a value"))
            }
        }
    }

    fn scalar(
        &mut self,
        anchor: Option<&'t str>,
        at: usize,
        scalar: Scalar<'t>,
    ) -> Result<Value, Error> {
        self.written(at)?;
        self.costs.takes(&mut self.count, scalar.length(), at)?;
        self.remember(anchor, at, &scalar)?;
        scalar.into_value().map_err(|message| Error::new(at, message))
    }

    /// Keeps a scalar for its aliases.
    fn remember(
        &mut self,
        anchor: Option<&'t str>,
        at: usize,
        scalar: &Scalar<'t>,
    ) -> Result<(), Error> {
        let Some(name) = anchor else { return Ok(()) };
        let bytes = scalar.length();
        self.costs.adds(&mut self.count, bytes, at)?;
        let id = self.anchors.open(name);
        let content = Content::Scalar(scalar.clone());
        self.anchors.close(name, id, Anchored { content, nodes: 1, bytes });
        Ok(())
    }

    /// A collection, read by `read`, and remembered if it has an anchor.
    fn collection(
        &mut self,
        event: &Event<'t>,
        read: impl FnOnce(&mut Self) -> Result<Value, Error>,
    ) -> Result<Value, Error> {
        if self.depth >= MAX_DEPTH {
            return Err(Error::too_deep(event.start));
        }
        let before = self.count;
        self.written(event.start)?;
        let id = event.anchor.map(|name| self.anchors.open(name));
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        if let (Some(name), Some(id)) = (event.anchor, id) {
            let (nodes, bytes) = self.count.since(before);
            self.costs.adds(&mut self.count, bytes, event.start)?;
            let content = Content::Collection(value.clone());
            self.anchors.close(name, id, Anchored { content, nodes, bytes });
        }
        Ok(value)
    }

    /// What an alias stands for, once more.
    fn alias(&mut self, name: &'t str, at: usize) -> Result<Anchored<'t>, Error> {
        self.written(at)?;
        let anchored = self.anchors.get(name, at)?;
        self.costs.adds(&mut self.count, anchored.bytes, at)?;
        let anchored = anchored.clone();
        self.count.repeated(anchored.nodes);
        self.check(at)?;
        Ok(anchored)
    }

    fn sequence(&mut self) -> Result<Vec<Value>, Error> {
        let mut values = Vec::new();
        loop {
            let event = self.events.next()?;
            if matches!(event.kind, EventKind::SequenceEnd) {
                return Ok(values);
            }
            self.costs.takes(&mut self.count, size_of::<Value>(), event.start)?;
            let before = self.duplicates.len();
            let value = self.value(event)?;
            self.step(before, || Step::Index(values.len()));
            values.push(value);
        }
    }

    fn mapping(&mut self) -> Result<Map<String, Value>, Error> {
        let mut map = Map::new();
        // The keys that come from merged mappings.
        let mut merged = HashSet::new();
        loop {
            let event = self.events.next()?;
            let at = event.start;
            match event.kind {
                EventKind::MappingEnd => return Ok(map),
                EventKind::Merge => self.merge(&event, &mut map, &mut merged)?,
                EventKind::Scalar(_)
                | EventKind::Alias(_)
                | EventKind::SequenceStart
                | EventKind::SequenceEnd
                | EventKind::MappingStart => {
                    let key = self.key(event)?;
                    let before = self.duplicates.len();
                    let event = self.events.next()?;
                    let value = self.value(event)?;
                    self.step(before, || key_step(&key));
                    self.costs.takes(&mut self.count, entry_bytes(map.len(), &key), at)?;
                    let is_merged = !merged.is_empty() && merged.remove(&key);
                    self.insert(&mut map, key, value, at, is_merged);
                }
            }
        }
    }

    fn insert(
        &mut self,
        map: &mut Map<String, Value>,
        key: String,
        value: Value,
        at: usize,
        is_merged: bool,
    ) {
        match map.entry(key) {
            serde_json::map::Entry::Vacant(vacant) => {
                vacant.insert(value);
            }
            serde_json::map::Entry::Occupied(mut occupied) => {
                if !is_merged && self.duplicates.len() < MAX_NOTES {
                    let path = vec![key_step(occupied.key())];
                    self.duplicates.push(Duplicate { path, at });
                }
                occupied.insert(value);
            }
        }
    }

    fn key(&mut self, event: Event<'t>) -> Result<String, Error> {
        let (at, end) = (event.start, event.end);
        let (scalar, is_written) = match event.kind {
            EventKind::Scalar(scalar) => {
                self.written(at)?;
                self.remember(event.anchor, at, &scalar)?;
                (scalar, true)
            }
            EventKind::Alias(name) => match self.alias(name, at)?.content {
                Content::Scalar(scalar) => (scalar, false),
                Content::Collection(_) => return Err(Error::new(at, "a key must be a scalar")),
            },
            EventKind::Merge
            | EventKind::SequenceStart
            | EventKind::SequenceEnd
            | EventKind::MappingStart
            | EventKind::MappingEnd => {
                let values = "a value that begins with '{' or '['";
                return Err(Error::unquoted(at, "a key must be a scalar", values));
            }
        };
        let is_text = matches!(scalar, Scalar::Text(_));
        let key = scalar.into_key().map_err(|message| Error::new(at, message))?;
        let written = &self.text[at..end];
        if is_written && !is_text && key != written {
            self.warn(
                at,
                format!("the key {written} is read as \"{key}\", as in YAML 1.1: quote it"),
            );
        }
        Ok(key)
    }

    /// Adds a step to the paths of the duplicates found inside of the value that was just read.
    fn step(&mut self, before: usize, step: impl Fn() -> Step) {
        for duplicate in &mut self.duplicates[before..] {
            duplicate.path.push(step());
        }
    }

    /// `010` is eight, which nobody means.
    fn warn_of_octal(&mut self, start: usize, end: usize, scalar: &Scalar<'_>) {
        let Scalar::Int(number) = scalar else { return };
        let written = &self.text[start..end];
        let digits = written.trim_start_matches(['+', '-']);
        let is_octal = digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_octal && written.parse() != Ok(*number) {
            self.warn(start, format!("{written} is octal and means {number}, as in YAML 1.1"));
        }
    }
}

fn merge_text() -> Scalar<'static> {
    Scalar::Text(Cow::Borrowed("<<"))
}

fn key_step(key: &str) -> Step {
    Step::Key(key.chars().take(MAX_STEP_CHARS).collect())
}

/// How much memory another entry of a mapping takes, roughly.
fn entry_bytes(entries: usize, key: &str) -> usize {
    /// A node of a map has room for this many entries, and usually has half of them.
    const ROOM: usize = 11;
    const NODE_BYTES: usize = ROOM * (size_of::<String>() + size_of::<Value>());
    let node = if entries.is_multiple_of(ROOM / 2) { NODE_BYTES } else { 0 };
    node + key.len()
}
