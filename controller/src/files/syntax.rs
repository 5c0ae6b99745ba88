//! What to do about a text that is not YAML: the parser says what it expected, which is rarely what
//! was wrong.

use super::parse::SyntaxError;
use crate::schema::{RENDER, is_template};

/// The most likely mistake in a text that can't be parsed, and how to correct it.
pub(super) fn hint(text: &str, error: &SyntaxError) -> Option<String> {
    let before = error.position.line.saturating_sub(1);
    // The parser may notice it one line later.
    let near: Vec<&str> = text.lines().skip(before.saturating_sub(1)).take(2).collect();
    let mut lines = text.lines();
    if near.iter().any(|line| is_template(line))
        || lines.any(|line| line.trim_start().starts_with("{{") && is_template(line))
    {
        return Some(format!("{{{{ … }}}} is a template: {RENDER}"));
    }
    let values = error.unquoted?;
    let line = text.lines().nth(before).unwrap_or_default();
    Some(match quoted(value(line)) {
        Some(quoted) => format!("{values} needs quotes: write {quoted}"),
        None => format!("{values} needs quotes"),
    })
}

/// A value in quotes, if it is clear that it needs them.
fn quoted(value: &str) -> Option<String> {
    let needs_quotes = match value.chars().next()? {
        '*' | '@' | '`' | '%' => true,
        '\'' | '"' | '{' | '[' | '|' | '>' | '&' | '!' => false,
        _ => value.contains(": ") || value.ends_with(':'),
    };
    needs_quotes.then(|| format!("'{}'", value.replace('\'', "''")))
}

/// What a line gives as a value: behind its first `: ` or `- `, or the first `*` in brackets.
fn value(line: &str) -> &str {
    let line = line.trim();
    let item = line.trim_start_matches("- ");
    let value = match item.split_once(": ") {
        Some((key, value)) if !key.contains(['"', '\'', '{', '[']) => value,
        Some(_) | None => item,
    };
    let value = value.split(" #").next().unwrap_or(value).trim();
    let inside = |c| value.split(['[', '{', ',', ' ']).find(|word| word.starts_with(c));
    match inside('*').filter(|_| value.starts_with(['[', '{'])) {
        Some(word) => word.trim_end_matches([']', '}', ',']),
        None => value,
    }
}
