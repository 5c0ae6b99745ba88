//! Anchors, aliases, tags and directives.

use super::{Scanner, TokenKind};
use crate::yaml::{cursor::is_word, token::Error};

impl<'t> Scanner<'t> {
    /// An anchor or an alias.
    pub(super) fn anchor(&mut self, kind: fn(&'t str) -> TokenKind<'t>) -> Result<(), Error> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.cursor.mark.at;
        self.cursor.skip(1);
        let name = self.cursor.take_word();
        let ends =
            matches!(self.cursor.byte(), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !(ends || self.cursor.is_space(0)) {
            return Err(Error::unquoted(
                start,
                "expected a name of letters and digits after '&' or '*'",
                "a value that begins with one of them",
            ));
        }
        self.push(kind(name), start);
        Ok(())
    }

    pub(super) fn tag(&mut self) -> Result<(), Error> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.cursor.mark.at;
        let parts = if self.cursor.peek(1) == b'<' {
            self.cursor.skip(2);
            let uri = self.tag_uri(String::new(), false)?;
            if self.cursor.byte() != b'>' {
                return self.error("expected '>' at the end of the tag");
            }
            self.cursor.skip(1);
            (String::new(), uri)
        } else {
            self.short_tag()?
        };
        if !self.cursor.is_space(0) {
            return self.unquoted("expected a space after the tag", "a value that begins with '!'");
        }
        self.push(TokenKind::Tag(Box::new(parts)), start);
        Ok(())
    }

    /// `!suffix` or `!handle!suffix`.
    fn short_tag(&mut self) -> Result<(String, String), Error> {
        let handle = self.tag_handle(false)?;
        if handle.len() > 1 && handle.ends_with('!') {
            let suffix = self.tag_uri(String::new(), false)?;
            return Ok((handle, suffix));
        }
        let suffix = self.tag_uri(handle[1..].to_owned(), true)?;
        Ok(if suffix.is_empty() {
            (String::new(), "!".to_owned())
        } else {
            ("!".to_owned(), suffix)
        })
    }

    fn tag_handle(&mut self, of_directive: bool) -> Result<String, Error> {
        if self.cursor.byte() != b'!' {
            return self.error("expected '!'");
        }
        self.cursor.skip(1);
        let mut handle = format!("!{}", self.cursor.take_word());
        if self.cursor.byte() == b'!' {
            self.cursor.skip(1);
            handle.push('!');
        } else if of_directive && handle != "!" {
            return self.error("expected '!'");
        }
        Ok(handle)
    }

    /// What follows `head` of a tag, which may be empty only if `optional`.
    fn tag_uri(&mut self, head: String, optional: bool) -> Result<String, Error> {
        let mut uri = head.into_bytes();
        let before = self.cursor.mark.at;
        loop {
            let byte = self.cursor.byte();
            if byte == b'%' {
                self.uri_escapes(&mut uri)?;
            } else if is_word(byte) || b";/?:@&=+$,.!~*'()[]".contains(&byte) {
                uri.push(byte);
                self.cursor.skip(1);
            } else {
                break;
            }
        }
        if !optional && self.cursor.mark.at == before {
            return self.error("expected a tag");
        }
        Ok(String::from_utf8_lossy(&uri).into_owned())
    }

    /// The escapes of one character.
    fn uri_escapes(&mut self, uri: &mut Vec<u8>) -> Result<(), Error> {
        let mut left = None;
        while left != Some(0) {
            let digits = self.cursor.text.get(self.cursor.mark.at + 1..self.cursor.mark.at + 3);
            let octet = digits
                .filter(|it| {
                    self.cursor.byte() == b'%' && it.bytes().all(|b| b.is_ascii_hexdigit())
                })
                .and_then(|it| u8::from_str_radix(it, 16).ok());
            let Some(octet) = octet else { return self.error("expected an escape like %20") };
            let length = match (left, octet) {
                (None, 0..0x80) => 1,
                (None, 0xC0..0xE0) => 2,
                (None, 0xE0..0xF0) => 3,
                (None, 0xF0..0xF8) => 4,
                (Some(left), 0x80..0xC0) => left,
                (None | Some(_), _) => return self.error("this escape is not UTF-8"),
            };
            uri.push(octet);
            self.cursor.skip(3);
            left = Some(length - 1);
        }
        Ok(())
    }

    pub(super) fn directive(&mut self) -> Result<(), Error> {
        self.unroll_indent(-1);
        self.remove_simple_key(self.flow_level)?;
        self.simple_key_allowed = false;
        let start = self.cursor.mark.at;
        self.cursor.skip(1);
        let name = self.cursor.take_word();
        if !self.cursor.is_space(0) {
            return self.unquoted(
                "expected a space after the directive's name",
                "a value that begins with '%'",
            );
        }
        let kind = match name {
            "YAML" => self.version()?,
            "TAG" => self.tag_directive()?,
            _ => {
                let message = "expected the directive %YAML or %TAG";
                return Err(Error::unquoted(start, message, "a value that begins with '%'"));
            }
        };
        self.push(kind, start);
        self.cursor.skip_blanks();
        self.cursor.skip_comment();
        if !self.cursor.is_break_or_end() {
            return self.error("expected the end of the line after the directive");
        }
        self.cursor.take_break();
        Ok(())
    }

    fn version(&mut self) -> Result<TokenKind<'t>, Error> {
        self.cursor.skip_blanks();
        let major = self.version_number()?;
        if self.cursor.byte() != b'.' {
            return self.error("expected a version like 1.1");
        }
        self.cursor.skip(1);
        Ok(TokenKind::VersionDirective(major, self.version_number()?))
    }

    fn version_number(&mut self) -> Result<u8, Error> {
        let start = self.cursor.mark.at;
        while self.cursor.byte().is_ascii_digit() {
            self.cursor.skip(1);
        }
        let digits = &self.cursor.text[start..self.cursor.mark.at];
        match digits.parse() {
            Ok(number) if digits.len() <= 2 => Ok(number),
            Ok(_) | Err(_) => self.error("expected a version like 1.1"),
        }
    }

    fn tag_directive(&mut self) -> Result<TokenKind<'t>, Error> {
        self.cursor.skip_blanks();
        let handle = self.tag_handle(true)?;
        if !self.cursor.is_blank() {
            return self.error("expected a space after the tag's handle");
        }
        self.cursor.skip_blanks();
        let prefix = self.tag_uri(String::new(), false)?;
        if !self.cursor.is_space(0) {
            return self.error("expected a space after the tag's prefix");
        }
        Ok(TokenKind::TagDirective(Box::new((handle, prefix))))
    }
}
