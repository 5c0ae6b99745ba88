//! Scalars in quotes.

use super::{Scanner, TokenKind, plain::Breaks};
use crate::yaml::token::Error;
use std::borrow::Cow;

impl<'t> Scanner<'t> {
    pub(super) fn quoted_scalar(&mut self, single: bool) -> Result<(), Error> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.cursor.mark.at;
        self.cursor.skip(1);
        let mut text = Text { read: None, piece: self.cursor.mark.at };
        let mut breaks = Breaks::default();
        loop {
            if self.cursor.is_document_indicator() {
                return self.error("a document ends inside a quoted value");
            }
            if self.cursor.is_end() {
                return Err(Error::new(start, "this quote is never closed"));
            }
            while !self.cursor.is_space(0) && !self.is_closing(single) && !breaks.any {
                self.quoted_char(single, &mut text, &mut breaks)?;
            }
            if self.is_closing(single) {
                break;
            }
            self.blanks_of_quoted_scalar(&mut text, &mut breaks);
        }
        let value = text.finish(self.cursor.text, self.cursor.mark.at);
        self.cursor.skip(1);
        self.push(TokenKind::Scalar(value, false), start);
        Ok(())
    }

    fn is_closing(&self, single: bool) -> bool {
        match self.cursor.byte() {
            b'\'' => single && self.cursor.peek(1) != b'\'',
            b'"' => !single,
            _ => false,
        }
    }

    /// A character that is no blank, or an escape.
    fn quoted_char(
        &mut self,
        single: bool,
        text: &mut Text,
        breaks: &mut Breaks<'t>,
    ) -> Result<(), Error> {
        let whole = self.cursor.text;
        match self.cursor.byte() {
            b'\'' if single => {
                // The first of two quotes is the one that counts.
                self.cursor.skip(1);
                text.flush(whole, self.cursor.mark.at);
                self.cursor.skip(1);
                text.piece = self.cursor.mark.at;
            }
            b'\\' if !single && self.cursor.is_break(1) => {
                text.flush(whole, self.cursor.mark.at);
                self.cursor.skip(1);
                self.cursor.take_break();
                breaks.push("");
                text.piece = self.cursor.mark.at;
            }
            b'\\' if !single => {
                text.flush(whole, self.cursor.mark.at);
                let char = self.escape()?;
                text.read.get_or_insert_default().push(char);
                text.piece = self.cursor.mark.at;
            }
            _ => self.cursor.skip(1),
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<char, Error> {
        let (length, char) = match self.cursor.peek(1) {
            b'0' => (0, '\0'),
            b'a' => (0, '\x07'),
            b'b' => (0, '\x08'),
            b't' | b'\t' => (0, '\t'),
            b'n' => (0, '\n'),
            b'v' => (0, '\x0B'),
            b'f' => (0, '\x0C'),
            b'r' => (0, '\r'),
            b'e' => (0, '\x1B'),
            byte @ (b' ' | b'"' | b'\'' | b'\\') => (0, char::from(byte)),
            b'N' => (0, '\u{85}'),
            b'_' => (0, '\u{a0}'),
            b'L' => (0, '\u{2028}'),
            b'P' => (0, '\u{2029}'),
            b'x' => (2, '\0'),
            b'u' => (4, '\0'),
            b'U' => (8, '\0'),
            _ => {
                return self.error("this escape is unknown: write '\\\\', or use single quotes");
            }
        };
        let digits = self.cursor.mark.at + 2;
        let char = if length == 0 { char } else { self.hexadecimal(digits, length)? };
        self.cursor.skip(2 + length);
        Ok(char)
    }

    fn hexadecimal(&self, at: usize, length: usize) -> Result<char, Error> {
        let digits = self.cursor.text.get(at..at + length);
        let digits = digits.filter(|it| it.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(digits) = digits else {
            return self.error("expected hexadecimal digits in this escape");
        };
        match u32::from_str_radix(digits, 16).ok().and_then(char::from_u32) {
            Some(char) => Ok(char),
            None => self.error("this escape is not a Unicode character"),
        }
    }

    /// Blanks in a line are kept, those around line breaks are not.
    fn blanks_of_quoted_scalar(&mut self, text: &mut Text, breaks: &mut Breaks<'t>) {
        let whole = self.cursor.text;
        let end = self.cursor.mark.at;
        loop {
            if self.cursor.is_blank() {
                self.cursor.skip(1);
            } else if self.cursor.is_break(0) {
                if !breaks.any {
                    text.flush(whole, end);
                }
                breaks.push(self.cursor.take_break());
            } else {
                break;
            }
        }
        if breaks.any {
            breaks.fold(text.read.get_or_insert_default());
            text.piece = self.cursor.mark.at;
        }
    }
}

/// What has been read of a scalar.
struct Text {
    /// What differs from the source.
    read: Option<String>,
    /// Where what follows begins, as it is in the source.
    piece: usize,
}

impl Text {
    fn flush(&mut self, whole: &str, end: usize) {
        self.read.get_or_insert_default().push_str(&whole[self.piece..end]);
        self.piece = end;
    }

    fn finish<'t>(mut self, whole: &'t str, end: usize) -> Cow<'t, str> {
        if self.read.is_none() {
            return Cow::Borrowed(&whole[self.piece..end]);
        }
        self.flush(whole, end);
        Cow::Owned(self.read.unwrap_or_default())
    }
}
