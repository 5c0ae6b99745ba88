//! Plain scalars, and how lines are folded in them and in quoted ones.

use super::{NO_TAB, Scanner, TokenKind};
use crate::yaml::token::Error;
use std::borrow::Cow;

/// Line breaks between two pieces of a scalar.
#[derive(Default)]
pub(super) struct Breaks<'t> {
    /// The first one; `""` if there was none, or if it was escaped.
    first: &'t str,
    rest: String,
    pub(super) any: bool,
}

impl<'t> Breaks<'t> {
    pub(super) fn push(&mut self, line_break: &'t str) {
        if self.any {
            self.rest.push_str(line_break);
        } else {
            self.first = line_break;
            self.any = true;
        }
    }

    /// Writes what the breaks mean: a single line feed is a space.
    pub(super) fn fold(&mut self, text: &mut String) {
        match (self.first, self.rest.as_str()) {
            ("\n", "") => text.push(' '),
            ("\n", rest) => text.push_str(rest),
            (first, rest) => {
                text.push_str(first);
                text.push_str(rest);
            }
        }
        *self = Self::default();
    }
}

impl<'t> Scanner<'t> {
    pub(super) fn plain_scalar(&mut self) -> Result<(), Error> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let text = self.cursor.text;
        let indent = self.indent + 1;
        let start = self.cursor.mark.at;
        // The lines before the current one, folded; where that one begins and ends.
        let (mut folded, mut piece, mut end) = (String::new(), start, start);
        let mut breaks = Breaks::default();
        while !self.cursor.is_document_indicator() && self.cursor.byte() != b'#' {
            while !self.cursor.is_space(0) && !self.ends_plain_scalar() {
                if breaks.any {
                    folded.push_str(&text[piece..end]);
                    breaks.fold(&mut folded);
                    piece = self.cursor.mark.at;
                }
                self.cursor.skip(1);
                end = self.cursor.mark.at;
            }
            if self.cursor.is_end() || !self.cursor.is_space(0) {
                break;
            }
            self.blanks_of_plain_scalar(indent, &mut breaks)?;
            let column = self.cursor.mark.indent();
            if self.flow_level == 0 && column < indent {
                break;
            }
        }
        let value = if folded.is_empty() && piece == start {
            Cow::Borrowed(&text[start..end])
        } else {
            folded.push_str(&text[piece..end]);
            Cow::Owned(folded)
        };
        self.tokens.push_back(super::Token { kind: TokenKind::Scalar(value, true), start, end });
        if breaks.any {
            self.simple_key_allowed = true;
        }
        Ok(())
    }

    fn ends_plain_scalar(&self) -> bool {
        match self.cursor.byte() {
            b':' => self.cursor.is_space(1),
            b',' | b'?' | b'[' | b']' | b'{' | b'}' => self.flow_level > 0,
            _ => false,
        }
    }

    fn blanks_of_plain_scalar(
        &mut self,
        indent: isize,
        breaks: &mut Breaks<'t>,
    ) -> Result<(), Error> {
        loop {
            if self.cursor.is_blank() {
                let column = self.cursor.mark.indent();
                if breaks.any && column < indent && self.cursor.byte() == b'\t' {
                    return self.error(NO_TAB);
                }
                self.cursor.skip(1);
            } else if self.cursor.is_break(0) {
                breaks.push(self.cursor.take_break());
            } else {
                return Ok(());
            }
        }
    }
}
