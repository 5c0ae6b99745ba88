//! Where things are in a file. Lines are those of editors, which end with a line feed.

use super::text::with_line_feeds;
use crate::yaml;
use std::{borrow::Cow, fmt, ops::Range};

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// How many characters are meant, up to the end of the line; at least 1.
    pub length: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// The format of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Format {
    /// YAML, as `kubectl` reads it.
    Yaml,
    /// JSON.
    Json,
}

/// Where a document is in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source {
    /// The offset of its first byte.
    pub(crate) start: usize,
    /// The offset behind its last byte.
    pub(crate) end: usize,
    /// The line of its first byte, from 1.
    pub(crate) line: usize,
    /// The line of its content, from 1.
    pub(crate) first_line: usize,
    pub(crate) format: Format,
}

/// Where a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The last key on the path to it. `None` at the root, and in lists at the root.
    pub(crate) key: Option<Position>,
    /// What the key's value, or the item, begins with.
    pub(crate) value: Position,
    /// Whether the value is neither a mapping nor a list.
    pub(crate) scalar: bool,
    /// Whether it is the field itself, and not the last place on the path to it that exists.
    pub(crate) whole: bool,
}

/// Where everything is in a document, which is read once more for that.
#[derive(Debug)]
pub(crate) struct Outline<'t> {
    text: Cow<'t, str>,
    line: usize,
    outline: yaml::Outline,
}

impl<'t> Outline<'t> {
    /// Reads a document of the file with this text. `None` if the file has changed since.
    pub(crate) fn read(file: &'t str, source: &Source) -> Option<Self> {
        let text = file.get(source.start..source.end)?;
        let (text, outline) = match source.format {
            Format::Yaml => {
                let text = with_line_feeds(text);
                let outline = yaml::Outline::yaml(&text);
                (text, outline)
            }
            Format::Json => (text.into(), yaml::Outline::json(text)),
        };
        Some(Self { text, line: source.line, outline: outline.ok()?? })
    }

    /// Where a field is, whose path is written as Kubernetes does: `spec.matches[0].path`,
    /// `metadata.labels[app.kubernetes.io/name]`. The empty path is the document itself.
    pub(crate) fn find(&self, path: &str) -> Place {
        let found = self.outline.find(path);
        let place = |range| position(&self.text, self.line, range);
        Place {
            key: found.key.map(place),
            value: place(found.value),
            scalar: found.scalar,
            whole: found.whole,
        }
    }
}

impl Place {
    /// What to point at: the value, if it is a scalar that exists, and the key otherwise.
    pub(crate) fn position(&self) -> Position {
        let key = self.key.filter(|_| !(self.whole && self.scalar));
        key.unwrap_or(self.value)
    }
}

/// The position of a range in a text that begins in this line.
pub(super) fn position(text: &str, line: usize, range: Range<usize>) -> Position {
    let at = text.floor_char_boundary(range.start);
    let (before, rest) = text.split_at(at);
    let begin = before.rfind('\n').map_or(0, |line_feed| line_feed + 1);
    let rest = rest.split('\n').next().unwrap_or_default();
    let meant = &rest[..rest.floor_char_boundary(range.end.saturating_sub(at))];
    Position {
        line: line + before.bytes().filter(|byte| *byte == b'\n').count(),
        column: before[begin..].chars().count() + 1,
        length: meant.chars().count().max(1),
    }
}

#[cfg(test)]
mod tests;
