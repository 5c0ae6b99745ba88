//! Parses the documents of a file, as `kubectl` finds them.
//!
//! `kubectl` decides by the text, not by the file's name: what begins with `{` is JSON, as long as it
//! can be read as such. A line that begins with `---` separates YAML documents, wherever it stands.

mod split;

use super::{
    locate::{Format, Position, Source, position},
    text::with_line_feeds,
};
use crate::yaml::{self, Composed, Costs, Step};
use serde_json::Value;
use std::fmt;

/// A document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    /// Its value. Of duplicate keys, the last one counts. It is null only if there are warnings.
    pub(crate) value: Value,
    /// Where it is.
    pub(super) source: Source,
    /// The duplicate keys, the first hundred.
    pub(super) duplicates: Vec<Duplicate>,
    /// What probably means something else than its author thinks, the first hundred.
    pub(super) warnings: Vec<Warning>,
}

/// A key that appears a second time in one mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Duplicate {
    /// Its path, innermost step first.
    path: Vec<Step>,
    /// Where the second key is.
    pub(super) position: Position,
}

/// Something that probably means something else than its author thinks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Warning {
    /// Where it is.
    pub(super) position: Position,
    /// What it means, and what to write instead.
    pub(super) message: String,
}

/// Why a text can't be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// Where that was noticed.
    pub(crate) position: Position,
    /// The reason, without the place.
    pub(crate) message: String,
    /// Which values must be quoted, if the lack of quotes explains it.
    pub(super) unquoted: Option<&'static str>,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.position, self.message)
    }
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
        let path = self.path[..outer].to_vec();
        (inside && outer > 0).then_some(Self { path, position: self.position })
    }
}

/// Parses all non-empty documents into `C`, one at a time, so that at most one is in memory as a
/// value.
pub(crate) fn parse<C: Default + Extend<Document>>(text: &str) -> Result<C, SyntaxError> {
    let mut reader =
        Reader { text, documents: C::default(), costs: Costs::of(text.len()), counted: 0, line: 1 };
    let start = text.len() - without_mark(text).len();
    let rest = if split::is_json(&text[start..]) { reader.json(start)? } else { Some(start) };
    if let Some(from) = rest {
        reader.yaml(from)?;
    }
    Ok(reader.documents)
}

/// A text without a byte order mark.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

struct Reader<'t, C> {
    text: &'t str,
    documents: C,
    costs: Costs,
    /// Up to where lines have been counted.
    counted: usize,
    /// The line there.
    line: usize,
}

impl<C: Extend<Document>> Reader<'_, C> {
    /// The line of an offset. They are asked for in order.
    fn line_of(&mut self, at: usize) -> usize {
        let (counted, line) = if at < self.counted { (0, 1) } else { (self.counted, self.line) };
        let breaks = self.text.as_bytes()[counted..at].iter().filter(|byte| **byte == b'\n');
        (self.counted, self.line) = (at, line + breaks.count());
        self.line
    }

    /// Reads JSON values up to the end, or to what is none. Returns the offset of YAML that follows.
    fn json(&mut self, start: usize) -> Result<Option<usize>, SyntaxError> {
        let (mut at, mut count) = (start, 0);
        loop {
            let error = match yaml::json(self.text, at, &mut self.costs) {
                Ok(None) => return Ok(None),
                Ok(Some((composed, end))) => {
                    let line = self.line_of(at);
                    let (start, format) = (at, Format::Json);
                    let source = Source { start, end, line, first_line: line, format };
                    self.add(&self.text[at..], at, source, composed);
                    (at, count) = (end, count + 1);
                    continue;
                }
                Err(error) => error,
            };
            let line = self.line_of(at);
            let refused = SyntaxError {
                position: position(&self.text[at..], line, error.at - at..error.at - at + 1),
                message: error.message,
                unquoted: error.unquoted,
            };
            // More than one value is a stream of JSON, which does not become YAML.
            let rest =
                split::beyond_blanks(self.text, at).filter(|_| count <= 1 && !error.is_bound);
            let Some(from) = rest else { return Err(refused) };
            // The one that came further knows better what is wrong.
            return match self.yaml(from) {
                Ok(()) => Ok(None),
                Err(other) if other.position > refused.position => Err(other),
                Err(_) => Err(refused),
            };
        }
    }

    fn yaml(&mut self, from: usize) -> Result<(), SyntaxError> {
        let text = self.text;
        for document in split::documents(text, from) {
            let (range, is_valid) = match document {
                Ok(range) => (range, true),
                Err(range) => (range, false),
            };
            let begin = range.end - without_mark(&text[range.clone()]).len();
            let line = self.line_of(begin);
            if !is_valid {
                let message = "only a comment may follow '---' on its line".to_owned();
                let position = position(&text[begin..range.end], line, 0..range.end - begin);
                return Err(SyntaxError { position, message, unquoted: None });
            }
            let (start, end, format) = (begin, range.end, Format::Yaml);
            let source = Source { start, end, line, first_line: line, format };
            let text = with_line_feeds(&text[begin..range.end]);
            match yaml::yaml(&text, &mut self.costs) {
                Ok(Some(composed)) => self.add(&text, 0, source, composed),
                Ok(None) => {}
                Err(error) => {
                    let position = position(&text, line, error.at..error.at + 1);
                    let (message, unquoted) = (error.message, error.unquoted);
                    return Err(SyntaxError { position, message, unquoted });
                }
            }
        }
        Ok(())
    }

    /// Adds a document, once it is known in which line its content begins. Offsets in it count from
    /// `from` before the text.
    fn add(&mut self, text: &str, from: usize, source: Source, composed: Composed) {
        let Composed { value, start, duplicates, warnings } = composed;
        if value.is_null() && warnings.is_empty() {
            return;
        }
        let place = |at: usize| position(text, source.line, at - from..at - from + 1);
        let source = Source { first_line: place(start).line, ..source };
        let duplicates = duplicates.into_iter();
        let duplicates = duplicates.map(|it| Duplicate { position: place(it.at), path: it.path });
        let warnings = warnings.into_iter();
        let warnings = warnings.map(|it| Warning { position: place(it.at), message: it.message });
        let (duplicates, warnings) = (duplicates.collect(), warnings.collect());
        self.documents.extend([Document { value, source, duplicates, warnings }]);
    }
}

#[cfg(test)]
mod tests;
