//! Classes in brackets.

use super::{
    escape,
    mistake::Mistake,
    names,
    reader::Reader,
    set::{Budget, Set},
};
use crate::full_match::FullMatchError;
use regex_syntax::hir::Hir;

/// How the classes start that can't end a range.
const CLASSES: [&str; 8] = [r"\d", r"\D", r"\s", r"\S", r"\w", r"\W", r"\p", r"\P"];

/// Reads a class whose bracket is at `start` and was read. Within, only `]`, `\`, a hyphen between
/// two characters and `[:name:]` are special, and a `]` that comes first is not.
pub(super) fn bracketed(
    reader: &mut Reader<'_>,
    start: usize,
    budget: &mut Budget,
    ignores_case: bool,
) -> Result<Hir, FullMatchError> {
    let negated = reader.eat("^");
    let mut set = Set::new(budget, ignores_case);
    let mut is_first = true;
    while is_first || !reader.eat("]") {
        is_first = false;
        if reader.rest().is_empty() {
            return Err(reader.mistake(start, |_| Mistake::UnclosedClass));
        }
        item(reader, &mut set)?;
    }
    set.finish(negated)
}

/// Reads a named class, a character or a range.
fn item(reader: &mut Reader<'_>, set: &mut Set<'_>) -> Result<(), FullMatchError> {
    if names::add_posix(reader, set)? {
        return Ok(());
    }
    let start = reader.at();
    let mut ahead = reader.clone();
    if ahead.eat("\\") && names::add_escaped(&mut ahead, start, set)? {
        *reader = ahead;
        return Ok(());
    }
    let first = character(reader)?;
    let mut ahead = reader.clone();
    if !ahead.eat("-") || matches!(ahead.peek(), None | Some(']')) {
        return set.add(first, first);
    }
    *reader = ahead;
    let is_class = |escape: &str| reader.rest().starts_with(escape);
    if CLASSES.into_iter().any(is_class) {
        reader.next();
        reader.next();
        return Err(reader.mistake(start, Mistake::RangeToClass));
    }
    let last = character(reader)?;
    if last < first {
        return Err(reader.mistake(start, Mistake::EmptyRange));
    }
    set.add(first, last)
}

fn character(reader: &mut Reader<'_>) -> Result<u32, FullMatchError> {
    let start = reader.at();
    match reader.next() {
        Some('\\') => escape::character(reader, start),
        Some(char) => Ok(char.into()),
        None => Err(reader.mistake(start, |_| Mistake::UnclosedClass)),
    }
}
