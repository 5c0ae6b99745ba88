//! A position that moves through a text, and the classes of characters.
//!
//! Line breaks are those of YAML 1.1: LF, CR, CR LF, NEL (U+0085), LS (U+2028) and PS (U+2029).

use super::token::Mark;

/// A position in a text. Behind the text's end, every byte is 0, which no text contains.
#[derive(Debug)]
pub(super) struct Cursor<'t> {
    pub(super) text: &'t str,
    pub(super) mark: Mark,
    /// Where a line was first broken by something that is no line break to an editor.
    pub(super) odd_break: Option<usize>,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, mark: Mark { at: 0, line: 0 }, odd_break: None }
    }

    /// The byte at this distance.
    pub(super) fn peek(&self, distance: usize) -> u8 {
        self.text.as_bytes().get(self.mark.at + distance).copied().unwrap_or(0)
    }

    pub(super) fn byte(&self) -> u8 {
        self.peek(0)
    }

    pub(super) fn column(&self) -> usize {
        self.mark.column()
    }

    pub(super) fn skip(&mut self, bytes: usize) {
        self.mark.at += bytes;
    }

    pub(super) fn is_end(&self) -> bool {
        self.mark.at >= self.text.len()
    }

    /// How many bytes the line break at this distance has; 0 if there is none.
    fn break_length(&self, distance: usize) -> usize {
        match self.peek(distance) {
            b'\r' if self.peek(distance + 1) == b'\n' => 2,
            b'\r' | b'\n' => 1,
            0xC2 if self.peek(distance + 1) == 0x85 => 2,
            0xE2 if self.peek(distance + 1) == 0x80
                && matches!(self.peek(distance + 2), 0xA8 | 0xA9) =>
            {
                3
            }
            _ => 0,
        }
    }

    pub(super) fn is_break(&self, distance: usize) -> bool {
        self.break_length(distance) > 0
    }

    pub(super) fn is_break_or_end(&self) -> bool {
        self.is_end() || self.is_break(0)
    }

    pub(super) fn is_blank(&self) -> bool {
        is_blank(self.byte())
    }

    /// Whether a blank, a line break or the text's end is at this distance.
    pub(super) fn is_space(&self, distance: usize) -> bool {
        let byte = self.peek(distance);
        is_blank(byte) || byte == 0 || self.is_break(distance)
    }

    /// Whether a line begins here with `---` or `...`.
    pub(super) fn is_document_indicator(&self) -> bool {
        self.column() == 0
            && matches!(self.byte(), b'-' | b'.')
            && self.peek(1) == self.byte()
            && self.peek(2) == self.byte()
            && self.is_space(3)
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.is_blank() {
            self.skip(1);
        }
    }

    /// Skips a comment, if there is one, up to the line break.
    pub(super) fn skip_comment(&mut self) {
        if self.byte() == b'#' {
            self.skip_to_break();
        }
    }

    /// Moves to the end of the line.
    pub(super) fn skip_to_break(&mut self) {
        while !self.is_break_or_end() {
            self.skip(1);
        }
    }

    /// Moves over a line break, and returns what it means in a scalar; `""` if there is none.
    pub(super) fn take_break(&mut self) -> &'t str {
        let length = self.break_length(0);
        if length == 0 {
            return "";
        }
        let at = self.mark.at;
        let is_odd = self.byte() != b'\n' && self.peek(1) != b'\n';
        if is_odd && self.odd_break.is_none() {
            self.odd_break = Some(at);
        }
        self.skip(length);
        self.mark.line = self.mark.at;
        if length == 3 { &self.text[at..at + 3] } else { "\n" }
    }

    /// Moves over ASCII letters, digits, `_` and `-`, and returns them.
    pub(super) fn take_word(&mut self) -> &'t str {
        let start = self.mark.at;
        while is_word(self.byte()) {
            self.skip(1);
        }
        &self.text[start..self.mark.at]
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// The offset of the first character that no YAML text may contain (YAML 1.1 §5.1: `c-printable`).
pub(super) fn unprintable(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let plain = |byte: u8| (0x20..0x7F).contains(&byte) || matches!(byte, b'\n' | b'\t' | b'\r');
    let first = bytes.iter().position(|&byte| !plain(byte))?;
    text[first..].char_indices().find_map(|(at, char)| {
        let good = match char {
            '\u{0}'..'\u{80}' => plain(char as u8),
            '\u{80}'..'\u{a0}' => char == '\u{85}',
            _ => !matches!(char, '\u{fffe}' | '\u{ffff}'),
        };
        (!good).then_some(first + at)
    })
}
