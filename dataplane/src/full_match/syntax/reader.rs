//! Reads a pattern character by character.

use super::mistake::Mistake;
use crate::full_match::FullMatchError;

/// A place in a pattern.
#[derive(Clone)]
pub(super) struct Reader<'p> {
    pattern: &'p str,
    /// In bytes, always between two characters.
    at: usize,
}

impl<'p> Reader<'p> {
    pub(super) fn new(pattern: &'p str) -> Self {
        Self { pattern, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn rest(&self) -> &'p str {
        self.pattern.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let char = self.peek()?;
        self.at += char.len_utf8();
        Some(char)
    }

    /// Goes past `text` if it is next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    /// Goes past, and returns, what is next of the characters that `is_wanted`.
    pub(super) fn eat_while(&mut self, is_wanted: impl Fn(char) -> bool) -> &'p str {
        let rest = self.rest();
        let (eaten, _) = rest.split_at(rest.find(|char| !is_wanted(char)).unwrap_or(rest.len()));
        self.at += eaten.len();
        eaten
    }

    /// Goes past `end`, and returns what is before it. `None`, and nothing happens, if there is none.
    pub(super) fn eat_until(&mut self, end: &str) -> Option<&'p str> {
        let (before, _) = self.rest().split_once(end)?;
        self.at += before.len() + end.len();
        Some(before)
    }

    /// Goes to the end, and returns what was left.
    pub(super) fn eat_rest(&mut self) -> &'p str {
        let rest = self.rest();
        self.at = self.pattern.len();
        rest
    }

    /// What was read since `start`.
    pub(super) fn since(&self, start: usize) -> &'p str {
        self.pattern.get(start..self.at).unwrap_or_default()
    }

    /// The error that what was read since `start` is a mistake.
    pub(super) fn mistake(
        &self,
        start: usize,
        mistake: impl FnOnce(String) -> Mistake,
    ) -> FullMatchError {
        let column = self.pattern.get(..start).unwrap_or_default().chars().count() + 1;
        let mistake = mistake(self.since(start).to_owned());
        FullMatchError::Syntax(format!("at character {column}, {mistake}"))
    }
}
