//! Classes with names: `\d`, `[:alpha:]`, `\p{Greek}`.

use super::{mistake::Mistake, reader::Reader, set::Set};
use crate::full_match::FullMatchError;
use regex_syntax::hir::{Class, ClassUnicodeRange, HirKind};

type Ranges = &'static [(char, char)];

const DIGIT: Ranges = &[('0', '9')];
const WORD: Ranges = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];
/// Without the vertical tab, unlike `[:space:]`.
const SPACE: Ranges = &[('\t', '\n'), ('\x0C', '\r'), (' ', ' ')];

fn posix(name: &str) -> Option<Ranges> {
    Some(match name {
        "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        "alpha" => &[('A', 'Z'), ('a', 'z')],
        "ascii" => &[('\0', '\x7F')],
        "blank" => &[('\t', '\t'), (' ', ' ')],
        "cntrl" => &[('\0', '\x1F'), ('\x7F', '\x7F')],
        "digit" => DIGIT,
        "graph" => &[('!', '~')],
        "lower" => &[('a', 'z')],
        "print" => &[(' ', '~')],
        "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        "space" => &[('\t', '\r'), (' ', ' ')],
        "upper" => &[('A', 'Z')],
        "word" => WORD,
        "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    })
}

fn ranges(ranges: Ranges) -> impl Iterator<Item = ClassUnicodeRange> {
    ranges.iter().map(|(start, end)| ClassUnicodeRange::new(*start, *end))
}

/// Adds `\d`, `\pL`, `\p{^Greek}` and the like to a set, if what follows the backslash at `start` is
/// one of them.
pub(super) fn add_escaped(
    reader: &mut Reader<'_>,
    start: usize,
    set: &mut Set<'_>,
) -> Result<bool, FullMatchError> {
    let (chars, negated) = match reader.peek() {
        Some('d') => (DIGIT, false),
        Some('D') => (DIGIT, true),
        Some('s') => (SPACE, false),
        Some('S') => (SPACE, true),
        Some('w') => (WORD, false),
        Some('W') => (WORD, true),
        Some(char @ ('p' | 'P')) => {
            reader.next();
            return add_property(reader, start, char == 'P', set).map(|()| true);
        }
        _ => return Ok(false),
    };
    reader.next();
    set.add_all(ranges(chars), negated).map(|()| true)
}

/// Adds `[:alpha:]` or `[:^alpha:]` to a set, if that is next: without a `:]` at the end it is not.
pub(super) fn add_posix(
    reader: &mut Reader<'_>,
    set: &mut Set<'_>,
) -> Result<bool, FullMatchError> {
    let (mut ahead, start) = (reader.clone(), reader.at());
    let name = if ahead.eat("[:") { ahead.eat_until(":]") } else { None };
    let Some(name) = name else { return Ok(false) };
    *reader = ahead;
    let (name, negated) = without_caret(name);
    let chars = posix(name).ok_or_else(|| reader.mistake(start, Mistake::UnknownClass))?;
    set.add_all(ranges(chars), negated).map(|()| true)
}

fn without_caret(name: &str) -> (&str, bool) {
    name.strip_prefix('^').map_or((name, false), |name| (name, true))
}

fn add_property(
    reader: &mut Reader<'_>,
    start: usize,
    negated: bool,
    set: &mut Set<'_>,
) -> Result<(), FullMatchError> {
    let after = reader.at();
    let name = match reader.next() {
        Some('{') => reader.eat_until("}").unwrap_or_default(),
        _ => reader.since(after),
    };
    let (name, has_caret) = without_caret(name);
    let chars = property(name).ok_or_else(|| reader.mistake(start, Mistake::UnknownProperty))?;
    set.add_all(chars, negated != has_caret)
}

/// The scripts whose names have four letters. The regex crate knows all scripts by four-letter
/// codes, too, which are no names.
const FOUR_LETTERS: [&str; 8] = ["ahom", "cham", "kawi", "lisu", "modi", "newa", "thai", "toto"];

/// The characters of a general category or script. As in Go, case, spaces, hyphens and underscores
/// in names don't matter, and the long names of categories are names, too; RE2 itself has only
/// `Lu` and `Old_Italic`.
fn property(name: &str) -> Option<Vec<ClassUnicodeRange>> {
    let is_name = |byte| matches!(byte, b' ' | b'-' | b'_') || u8::is_ascii_alphanumeric(&byte);
    if !name.bytes().all(is_name) {
        return None;
    }
    let name = name.replace([' ', '-', '_'], "").to_ascii_lowercase();
    // What the regex crate would ignore.
    if name.starts_with("is") {
        return None;
    }
    let is_code = name.len() == 4 && !FOUR_LETTERS.contains(&&*name);
    look_up("gc", &name).or_else(|| if is_code { None } else { look_up("sc", &name) })
}

/// What the regex crate knows as `name`, which is made of letters and digits.
fn look_up(property: &str, name: &str) -> Option<Vec<ClassUnicodeRange>> {
    let hir = regex_syntax::parse(&format!("\\p{{{property}={name}}}")).ok()?;
    match hir.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class.ranges().to_vec()),
        // Of one character.
        HirKind::Literal(text) => {
            let char = str::from_utf8(&text.0).ok()?.chars().next()?;
            Some(vec![ClassUnicodeRange::new(char, char)])
        }
        // Of none, as the surrogates.
        _ => Some(Vec::new()),
    }
}
