//! What to do about a text that is not YAML: the parser says what it expected, which is rarely what
//! was wrong.

use crate::schema::{RENDER, is_template};

/// The most likely mistake in a text that can't be parsed at this line, from 1, and how to correct
/// it.
pub(super) fn hint(text: &str, line: usize) -> Option<String> {
    // The parser may notice it one line later.
    let near: Vec<&str> = text.lines().skip(line.saturating_sub(2)).take(2).collect();
    let mut lines = text.lines();
    if near.iter().any(|line| is_template(line))
        || lines.any(|line| line.trim_start().starts_with("{{") && is_template(line))
    {
        return Some(format!("{{{{ … }}}} is a template: {RENDER}"));
    }
    let line = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let indentation = line.len() - line.trim_start().len();
    if line.get(..indentation)?.contains('\t') {
        return Some("indent with spaces: YAML allows no tabs there".to_owned());
    }
    let value = value(line);
    let quoted = |why: &str| Some(format!("{why}: write '{}'", value.replace('\'', "''")));
    match value.chars().next()? {
        '*' => quoted("a value that starts with '*' needs quotes"),
        '@' | '`' | '%' => {
            quoted(&format!("a value that starts with '{}' needs quotes", value.chars().next()?))
        }
        '\'' | '"' | '{' | '[' | '|' | '>' | '&' | '!' => None,
        _ if value.contains(": ") || value.ends_with(':') => {
            quoted("a value that contains ': ' needs quotes")
        }
        _ => None,
    }
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
