//! Reads expressions.

use super::{
    Parsed, class, escape,
    group::{self, Flags, Group, Opening, Part},
    mistake::Mistake,
    names,
    reader::Reader,
    set::{Budget, Set},
};
use crate::full_match::FullMatchError;
use regex_syntax::hir::{Dot, Hir, Look, Repetition};
use std::mem;

/// How often something may be repeated, by all the repetitions around it together.
const MAX_COPIES: u32 = 1000;

/// Reads one expression.
pub(super) struct Parser<'p> {
    reader: Reader<'p>,
    flags: Flags,
    /// The innermost group that is open: at first, the whole expression.
    group: Group,
    /// The groups around it.
    outer: Vec<Group>,
    max_depth: usize,
    budget: Budget,
}

/// How often something is repeated.
struct Times {
    min: u32,
    /// `None`: any number of times.
    max: Option<u32>,
}

impl<'p> Parser<'p> {
    pub(super) fn new(pattern: &'p str, max_depth: usize) -> Self {
        Self {
            reader: Reader::new(pattern),
            flags: Flags::default(),
            group: Group::default(),
            outer: Vec::new(),
            max_depth,
            budget: Budget::default(),
        }
    }

    pub(super) fn parse(mut self) -> Result<Parsed, FullMatchError> {
        // Where the repetition is that was just read.
        let mut repetition = None;
        while !self.reader.rest().is_empty() {
            let start = self.reader.at();
            if let Some(times) = times(&mut self.reader) {
                self.repeat(start, &times, repetition)?;
                repetition = Some(start);
            } else {
                self.piece(start)?;
                repetition = None;
            }
        }
        if !self.outer.is_empty() {
            return Err(self.reader.mistake(self.group.start, |_| Mistake::UnclosedGroup));
        }
        Ok(Parsed { hir: self.group.close().hir, bytes: self.budget.bytes() })
    }

    fn push(&mut self, hir: Hir) {
        self.group.parts.push(Part::new(hir));
    }

    /// Repeats the last part. It must not be a repetition itself, whose place is `repetition`.
    fn repeat(
        &mut self,
        start: usize,
        &Times { min, max }: &Times,
        repetition: Option<usize>,
    ) -> Result<(), FullMatchError> {
        if let Some(first) = repetition {
            return Err(self.reader.mistake(first, Mistake::RepeatsRepetition));
        }
        let Some(Part { hir, copies }) = self.group.parts.pop() else {
            return Err(self.reader.mistake(start, Mistake::RepeatsNothing));
        };
        let most = max.unwrap_or(min).max(min);
        let copies = copies.saturating_mul(most.max(1));
        let mistake = match max {
            _ if most > MAX_COPIES => Mistake::TooOften,
            Some(max) if max < min => Mistake::CountsDown,
            _ if most > 1 && copies > MAX_COPIES => Mistake::TooOftenNested,
            _ => {
                let repetition = Repetition { min, max, greedy: true, sub: Box::new(hir) };
                self.group.parts.push(Part { hir: Hir::repetition(repetition), copies });
                return Ok(());
            }
        };
        Err(self.reader.mistake(start, mistake))
    }

    /// Reads anything but a repetition.
    fn piece(&mut self, start: usize) -> Result<(), FullMatchError> {
        let Flags { is_multi_line, dot_is_any, ignores_case } = self.flags;
        match self.reader.next() {
            None => {}
            Some('(') => self.open(start)?,
            Some(')') => self.close(start)?,
            Some('|') => self.group.end_branch(),
            Some('^') => {
                self.push(Hir::look(if is_multi_line { Look::StartLF } else { Look::Start }))
            }
            Some('$') => self.push(Hir::look(if is_multi_line { Look::EndLF } else { Look::End })),
            Some('.') => {
                let dot = if dot_is_any { Dot::AnyChar } else { Dot::AnyCharExceptLF };
                self.push(Hir::dot(dot));
            }
            Some('[') => {
                let (reader, budget) = (&mut self.reader, &mut self.budget);
                let class = class::bracketed(reader, start, budget, ignores_case)?;
                self.push(class);
            }
            Some('\\') => self.escaped(start)?,
            Some(char) => self.character(char.into())?,
        }
        Ok(())
    }

    fn open(&mut self, start: usize) -> Result<(), FullMatchError> {
        match group::opening(&mut self.reader, start, self.flags)? {
            Opening::Flags(flags) => self.flags = flags,
            Opening::Group(_) if self.outer.len() >= self.max_depth => {
                return Err(self.reader.mistake(start, Mistake::TooDeep));
            }
            Opening::Group(flags) => {
                let group = Group::new(start, self.flags);
                self.outer.push(mem::replace(&mut self.group, group));
                self.flags = flags;
            }
        }
        Ok(())
    }

    fn close(&mut self, start: usize) -> Result<(), FullMatchError> {
        let Some(outer) = self.outer.pop() else {
            return Err(self.reader.mistake(start, |_| Mistake::UnopenedGroup));
        };
        let group = mem::replace(&mut self.group, outer);
        self.flags = group.outer;
        self.group.parts.push(group.close());
        Ok(())
    }

    fn escaped(&mut self, start: usize) -> Result<(), FullMatchError> {
        for (name, look) in [
            ("A", Look::Start),
            ("z", Look::End),
            ("b", Look::WordAscii),
            ("B", Look::WordAsciiNegate),
        ] {
            if self.reader.eat(name) {
                self.push(Hir::look(look));
                return Ok(());
            }
        }
        if self.reader.eat("Q") {
            let quoted = self.reader.eat_until("\\E");
            let quoted = quoted.unwrap_or_else(|| self.reader.eat_rest());
            return quoted.chars().try_for_each(|char| self.character(char.into()));
        }
        let mut set = Set::new(&mut self.budget, self.flags.ignores_case);
        if names::add_escaped(&mut self.reader, start, &mut set)? {
            let class = set.finish(false)?;
            self.push(class);
            return Ok(());
        }
        let number = escape::character(&mut self.reader, start)?;
        self.character(number)
    }

    /// A character by its number; no value has one that is not a character.
    fn character(&mut self, number: u32) -> Result<(), FullMatchError> {
        let mut set = Set::new(&mut self.budget, self.flags.ignores_case);
        set.add(number, number)?;
        let hir = set.finish(false)?;
        self.push(hir);
        Ok(())
    }
}

/// Reads `*`, `+`, `?`, `{2}`, `{2,}` or `{2,3}`, and the `?` of a lazy one. Any other `{` is a
/// character.
fn times(reader: &mut Reader<'_>) -> Option<Times> {
    let mut ahead = reader.clone();
    let times = match ahead.next()? {
        '*' => Times { min: 0, max: None },
        '+' => Times { min: 1, max: None },
        '?' => Times { min: 0, max: Some(1) },
        '{' => counted(&mut ahead)?,
        _ => return None,
    };
    ahead.eat("?");
    *reader = ahead;
    Some(times)
}

fn counted(reader: &mut Reader<'_>) -> Option<Times> {
    let min = number(reader)?;
    let max = match reader.eat(",") {
        false => Some(min),
        true if reader.peek() == Some('}') => None,
        true => Some(number(reader)?),
    };
    reader.eat("}").then_some(Times { min, max })
}

/// A number without leading zeros.
fn number(reader: &mut Reader<'_>) -> Option<u32> {
    let digits = reader.eat_while(|char| char.is_ascii_digit());
    let is_number = digits == "0" || !digits.is_empty() && !digits.starts_with('0');
    is_number.then(|| digits.parse().unwrap_or(u32::MAX))
}
