//! Scalars that are introduced by `|` or `>`.

use super::{NO_TAB, Scanner, TokenKind};
use crate::yaml::token::Error;
use std::borrow::Cow;

/// What becomes of the line breaks at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

impl Scanner<'_> {
    pub(super) fn block_scalar(&mut self, literal: bool) -> Result<(), Error> {
        self.remove_simple_key(self.flow_level)?;
        self.simple_key_allowed = true;
        let start = self.cursor.mark.at;
        self.cursor.skip(1);
        let (chomping, increment) = self.block_header()?;
        let outer = usize::try_from(self.indent).unwrap_or(0);
        let mut indent = increment.map(|increment| outer + increment);
        let mut breaks = String::new();
        let mut end = self.cursor.mark.at;
        let column = self.block_breaks(&mut indent, &mut breaks, &mut end)?;
        let (mut text, mut last_break, mut was_blank) = (String::new(), "", false);
        while self.cursor.column() == column && !self.cursor.is_end() {
            let is_blank = self.cursor.is_blank();
            if !literal && last_break == "\n" && !was_blank && !is_blank {
                if breaks.is_empty() {
                    text.push(' ');
                }
            } else {
                text.push_str(last_break);
            }
            text.push_str(&breaks);
            breaks.clear();
            was_blank = is_blank;
            let from = self.cursor.mark.at;
            self.cursor.skip_to_break();
            text.push_str(&self.cursor.text[from..self.cursor.mark.at]);
            end = self.cursor.mark.at;
            last_break = self.cursor.take_break();
            self.block_breaks(&mut indent, &mut breaks, &mut end)?;
        }
        if chomping != Chomping::Strip {
            text.push_str(last_break);
        }
        if chomping == Chomping::Keep {
            text.push_str(&breaks);
        }
        let kind = TokenKind::Scalar(Cow::Owned(text), false);
        self.tokens.push_back(super::Token { kind, start, end });
        Ok(())
    }

    /// What follows `|` or `>` in its line.
    fn block_header(&mut self) -> Result<(Chomping, Option<usize>), Error> {
        let mut chomping = self.chomping();
        let mut increment = None;
        if self.cursor.byte().is_ascii_digit() {
            if self.cursor.byte() == b'0' {
                return self.error("the indentation indicator can't be 0");
            }
            increment = Some(usize::from(self.cursor.byte() - b'0'));
            self.cursor.skip(1);
            chomping = chomping.or_else(|| self.chomping());
        }
        self.cursor.skip_blanks();
        self.cursor.skip_comment();
        if !self.cursor.is_break_or_end() {
            return self.error("only a comment may follow '|' or '>' on its line");
        }
        self.cursor.take_break();
        Ok((chomping.unwrap_or(Chomping::Clip), increment))
    }

    fn chomping(&mut self) -> Option<Chomping> {
        let chomping = match self.cursor.byte() {
            b'+' => Chomping::Keep,
            b'-' => Chomping::Strip,
            _ => return None,
        };
        self.cursor.skip(1);
        Some(chomping)
    }

    /// Skips indentation and empty lines. The first line that is not empty determines the
    /// indentation, if it is not known yet. Returns it.
    fn block_breaks(
        &mut self,
        indent: &mut Option<usize>,
        breaks: &mut String,
        end: &mut usize,
    ) -> Result<usize, Error> {
        let mut most = 0;
        loop {
            let within = |column| indent.is_none_or(|indent| column < indent);
            while within(self.cursor.column()) && self.cursor.byte() == b' ' {
                self.cursor.skip(1);
            }
            most = most.max(self.cursor.column());
            if within(self.cursor.column()) && self.cursor.byte() == b'\t' {
                return self.error(NO_TAB);
            }
            if !self.cursor.is_break(0) {
                break;
            }
            breaks.push_str(self.cursor.take_break());
            *end = self.cursor.mark.at;
        }
        let least = usize::try_from(self.indent + 1).unwrap_or(0).max(1);
        Ok(*indent.get_or_insert(most.max(least)))
    }
}
