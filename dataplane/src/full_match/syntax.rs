//! The syntax of expressions: RE2's.

use super::{FullMatch, FullMatchError};
use regex_syntax::{
    ast::{self, Ast},
    hir::{Hir, translate::TranslatorBuilder},
};
use std::{borrow::Cow, fmt};

/// Parses a pattern. The cost is limited, whatever the pattern; the size that comes with it stands
/// for what is in proportion to no size of the result.
pub(super) fn translate(pattern: &str) -> Result<(Hir, usize), FullMatchError> {
    check_length(pattern)?;
    // Positions in messages refer to the pattern as written, of which alone is asked that whatever
    // it matches is UTF-8.
    to_hir(pattern, true)?;
    to_hir(&ascii_classes(pattern), false)
}

/// Checks a pattern's syntax, at less cost.
pub(super) fn check(pattern: &str) -> Result<(), FullMatchError> {
    check_length(pattern)?;
    parse(pattern).map(drop)
}

fn check_length(pattern: &str) -> Result<(), FullMatchError> {
    let within = pattern.len() <= FullMatch::MAX_PATTERN_BYTES;
    if within { Ok(()) } else { Err(FullMatchError::TooLong) }
}

fn parse(pattern: &str) -> Result<(Ast, usize), FullMatchError> {
    let ast = ast::parse::Parser::new()
        .parse(pattern)
        .map_err(|error| mistake(error.kind(), error.span()))?;
    let folded = ast::visit(&ast, FoldedChars::default())?;
    Ok((ast, folded / 32))
}

fn to_hir(pattern: &str, utf8: bool) -> Result<(Hir, usize), FullMatchError> {
    let (ast, size) = parse(pattern)?;
    let mut translator = TranslatorBuilder::new().utf8(utf8).build();
    let hir = translator.translate(pattern, &ast);
    hir.map(|hir| (hir, size)).map_err(|error| mistake(error.kind(), error.span()))
}

fn mistake(kind: &dyn fmt::Display, span: &ast::Span) -> FullMatchError {
    FullMatchError::Syntax(format!("{kind}, at character {}", span.start.column))
}

/// Counts the characters in classes of an expression that ignores case: each of them is looked up,
/// so that a few bytes can take milliseconds.
#[derive(Default)]
struct FoldedChars {
    ignores_case: bool,
    chars: usize,
}

impl FoldedChars {
    /// Enough for four classes with everything in them.
    const MAX: usize = 4 * Self::LAST;
    /// No character from here on has a case.
    const LAST: usize = 0x1_E944;

    fn flags(&mut self, flags: &ast::Flags) {
        self.ignores_case |= flags.flag_state(ast::Flag::CaseInsensitive) == Some(true);
    }

    fn add(&mut self, chars: usize) {
        self.chars = self.chars.saturating_add(chars);
    }
}

impl ast::Visitor for FoldedChars {
    type Output = usize;
    type Err = FullMatchError;

    fn finish(self) -> Result<usize, FullMatchError> {
        match self.ignores_case {
            false => Ok(0),
            true if self.chars <= Self::MAX => Ok(self.chars),
            true => Err(FullMatchError::TooLarge),
        }
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), FullMatchError> {
        match ast {
            Ast::Flags(set) => self.flags(&set.flags),
            Ast::Group(group) => {
                if let Some(flags) = group.flags() {
                    self.flags(flags);
                }
            }
            Ast::ClassUnicode(_) => self.add(Self::LAST),
            _ => {}
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ast::ClassSetItem) -> Result<(), FullMatchError> {
        use ast::ClassSetItem as Item;
        let chars = match item {
            Item::Range(range) => {
                let [start, end] = [range.start.c, range.end.c].map(|c| Self::LAST.min(c as usize));
                end.saturating_sub(start)
            }
            Item::Unicode(_) => Self::LAST,
            Item::Ascii(class) if class.negated => Self::LAST,
            Item::Perl(class) if class.negated => Self::LAST,
            Item::Bracketed(class) if class.negated => Self::LAST,
            _ => 0,
        };
        self.add(chars);
        Ok(())
    }
}

/// Rewrites `\d`, `\s`, `\w`, `\b` and their negations to mean ASCII, as in RE2; the regex crate's
/// are Unicode-aware and take a hundred times the memory.
fn ascii_classes(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 32);
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        // A backslash and the next character are one unit.
        let Some(escaped) = chars.next() else { break };
        out.push_str(&match escaped {
            'd' => Cow::Borrowed("[[:digit:]]"),
            'D' => Cow::Borrowed("[^0-9]"),
            's' => Cow::Borrowed(r"[\t\n\f\r\x20]"),
            'S' => Cow::Borrowed(r"[^\t\n\f\r\x20]"),
            'w' => Cow::Borrowed("[[:word:]]"),
            'W' => Cow::Borrowed("[^0-9A-Za-z_]"),
            'b' => Cow::Borrowed(r"(?-u:\b)"),
            'B' => Cow::Borrowed(r"(?-u:\B)"),
            other => Cow::Owned(format!("\\{other}")),
        });
    }
    out
}
