//! Where documents begin and end.

use std::ops::Range;

/// How far `kubectl` looks for the brace of a JSON text.
const SNIFFED_BYTES: usize = 4096;

/// Whether a text begins as JSON does.
pub(super) fn is_json(text: &str) -> bool {
    let begin = text.len() - text.trim_start().len();
    begin < SNIFFED_BYTES && text[begin..].starts_with('{')
}

/// Where YAML begins that follows JSON: behind the blanks, or behind the first line feed among them.
/// `kubectl` takes no YAML of less than four bytes there.
pub(super) fn beyond_blanks(text: &str, mut at: usize) -> Option<usize> {
    loop {
        let rest = text.get(at..).filter(|rest| rest.len() >= 4)?;
        let first = rest.chars().next().filter(|char| char.is_whitespace());
        let Some(first) = first else { return Some(at) };
        at += first.len_utf8();
        if first == '\n' {
            return Some(at);
        }
    }
}

/// The documents from an offset on: what is between lines that begin with `---`. An error is such a
/// line with something behind it that is no comment; nothing follows it.
pub(super) fn documents(
    text: &str,
    from: usize,
) -> impl Iterator<Item = Result<Range<usize>, Range<usize>>> {
    let mut next = Some(from);
    std::iter::from_fn(move || {
        let begin = next?;
        // A separator before which there is nothing belongs to its document.
        let mut search = begin;
        loop {
            let Some(separator) = separator(text, search) else {
                next = None;
                return (begin < text.len()).then_some(Ok(begin..text.len()));
            };
            let behind = text[separator.start + 3..separator.end].trim();
            if !behind.is_empty() && !behind.starts_with('#') {
                next = None;
                return Some(Err(separator));
            }
            search = separator.end;
            if separator.start > begin {
                next = Some(search);
                return Some(Ok(begin..separator.start));
            }
        }
    })
}

/// The next line that begins with `---`, with its line feed. A line begins at the offset.
fn separator(text: &str, from: usize) -> Option<Range<usize>> {
    let start =
        if text[from..].starts_with("---") { from } else { from + text[from..].find("\n---")? + 1 };
    let end = text[start..].find('\n').map_or(text.len(), |length| start + length + 1);
    Some(start..end)
}
