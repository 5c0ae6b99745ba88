//! Makes events of JSON, as Go's `encoding/json` reads it.

use super::{
    MAX_DEPTH,
    event::{Event, EventKind, Events},
    number,
    scalar::Scalar,
    token::Error,
};
use std::borrow::Cow;

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Value,
    /// In an array, behind its bracket or behind an item.
    Item {
        first: bool,
    },
    /// In an object, behind its brace or behind a member.
    Member {
        first: bool,
    },
    /// Behind a key.
    Colon,
}

/// A reader of one value.
#[derive(Debug)]
pub(super) struct Json<'t> {
    text: &'t str,
    at: usize,
    state: State,
    /// The collections that are open.
    open: Vec<State>,
}

impl<'t> Json<'t> {
    /// Begins with the value at this offset; `None` if nothing but blanks follows.
    pub(super) fn new(text: &'t str, at: usize) -> Option<Self> {
        let mut json = Self { text, at, state: State::Value, open: Vec::new() };
        json.skip_blanks();
        (json.at < text.len()).then_some(json)
    }

    /// The offset behind what has been read.
    pub(super) fn end(&self) -> usize {
        self.at
    }

    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn skip_blanks(&mut self) {
        while matches!(self.byte(), b' ' | b'\t' | b'\r' | b'\n') {
            self.at += 1;
        }
    }

    fn error<T>(&self, message: &str) -> Result<T, Error> {
        Err(Error::new(self.at, message))
    }

    fn event(&mut self, kind: EventKind<'t>, start: usize) -> Event<'t> {
        Event { kind, anchor: None, start, end: self.at }
    }

    fn begin(&mut self, kind: EventKind<'t>, state: State) -> Result<Event<'t>, Error> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Error::too_deep(self.at));
        }
        let start = self.at;
        self.at += 1;
        self.open.push(state);
        self.state = state;
        Ok(self.event(kind, start))
    }

    fn finish(&mut self, kind: EventKind<'t>) -> Event<'t> {
        let start = self.at;
        self.at += 1;
        self.open.pop();
        self.close();
        self.event(kind, start)
    }

    /// Goes on behind a value.
    fn close(&mut self) {
        self.state = match self.open.last() {
            Some(State::Item { .. }) => State::Item { first: false },
            Some(State::Member { .. }) => State::Member { first: false },
            Some(State::Value | State::Colon) | None => State::Value,
        };
    }

    fn value(&mut self) -> Result<Event<'t>, Error> {
        self.skip_blanks();
        let start = self.at;
        match self.byte() {
            b'{' => return self.begin(EventKind::MappingStart, State::Member { first: true }),
            b'[' => return self.begin(EventKind::SequenceStart, State::Item { first: true }),
            _ => {}
        }
        let scalar = match self.byte() {
            b'"' => Scalar::Text(self.string()?),
            b'-' | b'0'..=b'9' => self.number()?,
            b't' => self.literal("true", Scalar::Bool(true))?,
            b'f' => self.literal("false", Scalar::Bool(false))?,
            b'n' => self.literal("null", Scalar::Null)?,
            0 => return self.error("the text ends before the value does"),
            _ => return self.error("expected a JSON value"),
        };
        self.close();
        Ok(self.event(EventKind::Scalar(scalar), start))
    }

    /// Skips the comma before an item or a member. Returns whether the collection ends instead.
    fn ends(&mut self, first: bool, closing: u8) -> Result<bool, Error> {
        self.skip_blanks();
        if self.byte() == closing {
            return Ok(true);
        }
        if !first {
            if self.byte() != b',' {
                return self.error(&format!("expected ',' or '{}'", char::from(closing)));
            }
            self.at += 1;
            self.skip_blanks();
        }
        Ok(false)
    }

    fn literal(&mut self, name: &str, scalar: Scalar<'t>) -> Result<Scalar<'t>, Error> {
        if !self.text[self.at..].starts_with(name) {
            return self.error("expected a JSON value");
        }
        self.at += name.len();
        Ok(scalar)
    }

    fn digits(&mut self) -> Result<(), Error> {
        if !self.byte().is_ascii_digit() {
            return self.error("expected a digit");
        }
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Scalar<'t>, Error> {
        let start = self.at;
        if self.byte() == b'-' {
            self.at += 1;
        }
        if self.byte() == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        let mut is_float = false;
        if self.byte() == b'.' {
            is_float = true;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), b'e' | b'E') {
            is_float = true;
            self.at += 1;
            if matches!(self.byte(), b'+' | b'-') {
                self.at += 1;
            }
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        if !is_float && let Some(Scalar::Int(integer)) = number::integer(text) {
            return Ok(Scalar::Int(integer));
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Scalar::Float(number)),
            Ok(_) | Err(_) => Err(Error::bound(start, "this number is too large")),
        }
    }

    fn string(&mut self) -> Result<Cow<'t, str>, Error> {
        let start = self.at;
        self.at += 1;
        let mut piece = self.at;
        let mut read = None;
        loop {
            match self.byte() {
                b'"' => break,
                b'\\' => {
                    let text: &mut String = read.get_or_insert_default();
                    text.push_str(&self.text[piece..self.at]);
                    text.push(self.escape()?);
                    piece = self.at;
                }
                0 if self.at >= self.text.len() => {
                    return Err(Error::new(start, "this quote is never closed"));
                }
                ..0x20 => return self.error("a control character must be escaped in a string"),
                _ => self.at += 1,
            }
        }
        let last = &self.text[piece..self.at];
        self.at += 1;
        Ok(match read {
            Some(text) => Cow::Owned(text + last),
            None => Cow::Borrowed(last),
        })
    }

    fn escape(&mut self) -> Result<char, Error> {
        let escaped = self.text.as_bytes().get(self.at + 1).copied().unwrap_or(0);
        let char = match escaped {
            b'"' | b'\\' | b'/' => char::from(escaped),
            b'b' => '\x08',
            b'f' => '\x0C',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return self.error("this escape is unknown"),
        };
        self.at += 2;
        Ok(char)
    }

    /// An escape of four digits, or two of them that are a surrogate pair. A lone surrogate becomes
    /// U+FFFD, as in Go.
    fn unicode(&mut self) -> Result<char, Error> {
        let Some(first) = self.code_unit(self.at) else {
            return self.error("expected four hexadecimal digits in this escape");
        };
        self.at += 6;
        let pair = [first, self.code_unit(self.at).unwrap_or(0)];
        let is_pair = matches!(pair, [0xD800..0xDC00, 0xDC00..0xE000]);
        if is_pair {
            self.at += 6;
        }
        let units = if is_pair { &pair[..] } else { &pair[..1] };
        let char = char::decode_utf16(units.iter().copied()).next();
        Ok(char.and_then(Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn code_unit(&self, at: usize) -> Option<u16> {
        let digits = self.text.get(at..at + 6)?.strip_prefix("\\u")?;
        let is_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hexadecimal { u16::from_str_radix(digits, 16).ok() } else { None }
    }
}

impl<'t> Events<'t> for Json<'t> {
    fn next(&mut self) -> Result<Event<'t>, Error> {
        match self.state {
            State::Value => self.value(),
            State::Item { first } => {
                if self.ends(first, b']')? {
                    return Ok(self.finish(EventKind::SequenceEnd));
                }
                self.value()
            }
            State::Member { first } => {
                if self.ends(first, b'}')? {
                    return Ok(self.finish(EventKind::MappingEnd));
                }
                if self.byte() != b'"' {
                    return self.error("expected a key in double quotes");
                }
                let start = self.at;
                let key = Scalar::Text(self.string()?);
                self.state = State::Colon;
                Ok(self.event(EventKind::Scalar(key), start))
            }
            State::Colon => {
                self.skip_blanks();
                if self.byte() != b':' {
                    return self.error("expected ':'");
                }
                self.at += 1;
                self.value()
            }
        }
    }
}
