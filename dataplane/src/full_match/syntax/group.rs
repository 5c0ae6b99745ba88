//! Groups, and how they start.

use super::{mistake::Mistake, reader::Reader};
use crate::full_match::FullMatchError;
use regex_syntax::hir::Hir;
use std::mem;

/// The flags that have an effect. Whether a repetition is greedy (`U`) has none, because whole
/// values are matched.
#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    /// `i`
    pub(super) ignores_case: bool,
    /// `m`
    pub(super) is_multi_line: bool,
    /// `s`
    pub(super) dot_is_any: bool,
}

/// A part of an expression.
pub(super) struct Part {
    pub(super) hir: Hir,
    /// How many copies of something the numbers of its nested repetitions make, at most.
    pub(super) copies: u32,
}

impl Part {
    /// A part without repetitions.
    pub(super) fn new(hir: Hir) -> Self {
        Self { hir, copies: 1 }
    }

    fn join(parts: Vec<Self>, join: fn(Vec<Hir>) -> Hir) -> Self {
        let copies = parts.iter().map(|part| part.copies).max().unwrap_or(1);
        Self { hir: join(parts.into_iter().map(|part| part.hir).collect()), copies }
    }
}

/// A group that is not closed yet, or the whole expression.
#[derive(Default)]
pub(super) struct Group {
    /// Where its parenthesis is.
    pub(super) start: usize,
    /// The flags that hold after it.
    pub(super) outer: Flags,
    /// The alternatives that were read.
    branches: Vec<Part>,
    /// What was read of the next one.
    pub(super) parts: Vec<Part>,
}

impl Group {
    pub(super) fn new(start: usize, outer: Flags) -> Self {
        Self { start, outer, ..Self::default() }
    }

    pub(super) fn end_branch(&mut self) {
        self.branches.push(Part::join(mem::take(&mut self.parts), Hir::concat));
    }

    pub(super) fn close(mut self) -> Part {
        self.end_branch();
        Part::join(self.branches, Hir::alternation)
    }
}

/// What starts with a parenthesis.
pub(super) enum Opening {
    /// A group with these flags.
    Group(Flags),
    /// The flags of the rest of the group that is open.
    Flags(Flags),
}

/// Reads what follows the parenthesis at `start`.
pub(super) fn opening(
    reader: &mut Reader<'_>,
    start: usize,
    flags: Flags,
) -> Result<Opening, FullMatchError> {
    if !reader.eat("?") {
        return Ok(Opening::Group(flags));
    }
    for look in ["=", "!", "<=", "<!"] {
        if reader.eat(look) {
            return Err(reader.mistake(start, Mistake::LookAround));
        }
    }
    if reader.eat("P<") || reader.eat("<") {
        let is_name = |name: &str| {
            !name.is_empty() && name.chars().all(|char| char == '_' || char.is_alphanumeric())
        };
        return match reader.eat_until(">") {
            Some(name) if is_name(name) => Ok(Opening::Group(flags)),
            Some(_) | None => Err(reader.mistake(start, Mistake::BadName)),
        };
    }
    changed(reader, start, flags)
}

/// Reads flags up to a `:` or `)`.
fn changed(
    reader: &mut Reader<'_>,
    start: usize,
    mut flags: Flags,
) -> Result<Opening, FullMatchError> {
    let (first, mut set, mut is_complete) = (reader.at(), true, true);
    loop {
        let at = reader.at();
        match reader.next() {
            Some('i') => flags.ignores_case = set,
            Some('m') => flags.is_multi_line = set,
            Some('s') => flags.dot_is_any = set,
            Some('U') => {}
            Some('-') if set => {
                (set, is_complete) = (false, false);
                continue;
            }
            Some(':') if is_complete => return Ok(Opening::Group(flags)),
            Some(')') if is_complete => return Ok(Opening::Flags(flags)),
            Some(char) if char.is_ascii_lowercase() || at > first && char.is_alphanumeric() => {
                return Err(reader.mistake(at, Mistake::UnknownFlag));
            }
            Some('-' | ':' | ')') | None => return Err(reader.mistake(start, Mistake::BadFlags)),
            Some(_) => return Err(reader.mistake(start, Mistake::UnknownGroup)),
        }
        is_complete = true;
    }
}
