//! Finds the values of a JSON text that is too long to hold. A value is handed on as its bytes, for
//! serde_json to parse; whether those are JSON is not checked here.

use memchr::memchr2;
use std::io::{self, ErrorKind, Read};

/// How much is read at once, in bytes.
const CHUNK: usize = 256 * 1024;

/// How much of a string is kept, in bytes as written. Headers and URLs are shorter; bodies are not.
pub(super) const MAX_STRING: usize = 16 * 1024;

/// How much of a value is kept, in bytes as written.
pub(super) const MAX_VALUE: usize = 4 * 1024 * 1024;

/// Why scanning stops.
#[derive(Debug)]
pub(super) enum ScanError {
    /// Reading failed.
    Read(io::Error),
    /// The text ends inside of a value.
    CutOff,
    /// Something else than this is there.
    Expected(&'static str),
}

impl From<io::Error> for ScanError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// The part of a value that is kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    /// Whether anything is kept.
    wanted: bool,
    /// Whether there was more than [`MAX_VALUE`].
    too_long: bool,
}

impl Kept {
    /// Keeps nothing.
    pub(super) fn nothing() -> Self {
        Self::default()
    }

    /// Starts anew with a value that is wanted.
    pub(super) fn restart(&mut self) {
        self.bytes.clear();
        self.wanted = true;
        self.too_long = false;
    }

    /// The value; `None` if it was too long.
    pub(super) fn value(&self) -> Option<&[u8]> {
        (!self.too_long).then_some(self.bytes.as_slice())
    }

    fn push(&mut self, bytes: &[u8]) {
        if !self.wanted || self.too_long {
            return;
        }
        if self.bytes.len() + bytes.len() > MAX_VALUE {
            self.too_long = true;
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }
}

/// Reads a JSON text value by value.
pub(super) struct Scanner<R> {
    input: R,
    buffer: Box<[u8]>,
    at: usize,
    end: usize,
    /// How many bytes came before those in the buffer.
    before: u64,
}

impl<R: Read> Scanner<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, buffer: vec![0; CHUNK].into_boxed_slice(), at: 0, end: 0, before: 0 }
    }

    /// Where the next byte is, in bytes from the start.
    pub(super) fn offset(&self) -> u64 {
        self.before + self.at as u64
    }

    /// The bytes that the text starts with; at least four, if there are as many.
    pub(super) fn start(&mut self) -> Result<&[u8], ScanError> {
        while self.end < 4 && self.read_more()? > 0 {}
        Ok(&self.buffer[..self.end])
    }

    /// Goes on after so many bytes of [`start`](Self::start).
    pub(super) fn skip_start(&mut self, count: usize) {
        self.at = count.min(self.end);
    }

    /// Appends to the buffer; returns how many bytes.
    fn read_more(&mut self) -> io::Result<usize> {
        loop {
            match self.input.read(&mut self.buffer[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes sure that a byte is there, unless the text has ended.
    fn fill(&mut self) -> io::Result<bool> {
        if self.at == self.end {
            self.before += self.end as u64;
            (self.at, self.end) = (0, 0);
            self.read_more()?;
        }
        Ok(self.at < self.end)
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.at..self.end]
    }

    fn next(&mut self) -> Result<u8, ScanError> {
        if !self.fill()? {
            return Err(ScanError::CutOff);
        }
        self.at += 1;
        Ok(self.buffer[self.at - 1])
    }

    /// The next byte that is not white space, which is not taken; `None` at the end.
    pub(super) fn token(&mut self) -> Result<Option<u8>, ScanError> {
        while self.fill()? {
            let run = self.rest().iter().position(|byte| !byte.is_ascii_whitespace());
            match run {
                Some(run) => {
                    self.at += run;
                    return Ok(self.rest().first().copied());
                }
                None => self.at = self.end,
            }
        }
        Ok(None)
    }

    /// Takes this byte, after white space.
    pub(super) fn take(&mut self, byte: u8, name: &'static str) -> Result<(), ScanError> {
        match self.token()? {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(ScanError::Expected(name)),
            None => Err(ScanError::CutOff),
        }
    }

    /// Reads an object, and calls `member` at the value of each member, with the member's name as it
    /// is written, without quotes.
    pub(super) fn members<E: From<ScanError>>(
        &mut self,
        mut member: impl FnMut(&mut Self, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.take(b'{', "an object")?;
        if self.token()? == Some(b'}') {
            return Ok(self.take(b'}', "'}'")?);
        }
        let mut name = Kept::default();
        loop {
            if self.token()? != Some(b'"') {
                return Err(self.unexpected("the name of a member").into());
            }
            name.restart();
            self.string(&mut name)?;
            self.take(b':', "':'")?;
            let quoted = name.value().unwrap_or_default();
            member(self, quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default())?;
            if self.comma_or(b'}', "',' or '}'")? {
                return Ok(());
            }
        }
    }

    /// Reads an array, and calls `element` at each element.
    pub(super) fn elements<E: From<ScanError>>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.take(b'[', "an array")?;
        if self.token()? == Some(b']') {
            return Ok(self.take(b']', "']'")?);
        }
        loop {
            element(self)?;
            if self.comma_or(b']', "',' or ']'")? {
                return Ok(());
            }
        }
    }

    /// Takes a comma, or the end, in which case it is true.
    fn comma_or(&mut self, end: u8, name: &'static str) -> Result<bool, ScanError> {
        match self.token()? {
            Some(b',') => self.take(b',', name).map(|()| false),
            _ => self.take(end, name).map(|()| true),
        }
    }

    /// The error where something else than `name` is, or nothing.
    fn unexpected(&mut self, name: &'static str) -> ScanError {
        if self.at < self.end { ScanError::Expected(name) } else { ScanError::CutOff }
    }

    /// Reads a value. Brackets are counted, but not compared.
    pub(super) fn value(&mut self, kept: &mut Kept) -> Result<(), ScanError> {
        match self.token()? {
            None => return Err(ScanError::CutOff),
            Some(b'"') => return self.string(kept),
            Some(b'{' | b'[') => {}
            Some(b',' | b':' | b'}' | b']') => return Err(ScanError::Expected("a value")),
            Some(_) => return self.scalar(kept),
        }
        let mut depth = 0_u64;
        while self.fill()? {
            let run = self.rest().iter().position(|byte| STOPS[usize::from(*byte)]);
            let run = run.unwrap_or(self.end - self.at);
            // White space is most of what is indented.
            kept.push(self.buffer[self.at..self.at + run].trim_ascii());
            self.at += run;
            match self.rest().first() {
                None => continue,
                Some(b'"') => {
                    self.string(kept)?;
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(_) => depth -= 1,
            }
            kept.push(&self.buffer[self.at..=self.at]);
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
        Err(ScanError::CutOff)
    }

    /// A number, or a word.
    fn scalar(&mut self, kept: &mut Kept) -> Result<(), ScanError> {
        while self.fill()? {
            let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace();
            let run = self.rest().iter().position(ends);
            kept.push(&self.buffer[self.at..self.at + run.unwrap_or(self.end - self.at)]);
            self.at = run.map_or(self.end, |run| self.at + run);
            if run.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// Reads a string, and keeps the first [`MAX_STRING`] bytes of it.
    fn string(&mut self, kept: &mut Kept) -> Result<(), ScanError> {
        // Most are short, without escapes, and whole in the buffer.
        let content = self.rest().get(1..).unwrap_or_default();
        let length = memchr2(b'"', b'\\', &content[..content.len().min(MAX_STRING)]);
        if let Some(length) = length.filter(|length| content[*length] == b'"') {
            kept.push(&self.buffer[self.at..self.at + length + 2]);
            self.at += length + 2;
            return Ok(());
        }
        self.at += 1;
        kept.push(b"\"");
        let mut room = MAX_STRING;
        while self.fill()? {
            let run = memchr2(b'"', b'\\', self.rest());
            let until = run.map_or(self.end, |run| self.at + run);
            // This may cut a character of several bytes. The reader replaces what is left of it.
            kept.push(&self.buffer[self.at..until.min(self.at + room)]);
            room = room.saturating_sub(until - self.at);
            self.at = until;
            match self.rest().first() {
                None => {}
                Some(b'"') => {
                    self.at += 1;
                    kept.push(b"\"");
                    return Ok(());
                }
                Some(_) => self.escape(kept, &mut room)?,
            }
        }
        Err(ScanError::CutOff)
    }

    /// Reads an escape, at its backslash. What follows one that is dropped is like any other text.
    fn escape(&mut self, kept: &mut Kept, room: &mut usize) -> Result<(), ScanError> {
        self.at += 1;
        let mut escape = [b'\\', self.next()?, 0, 0, 0, 0];
        let mut length = 2;
        if *room < escape.len() {
            *room = 0;
            return Ok(());
        }
        if escape[1] == b'u' {
            for digit in &mut escape[2..] {
                *digit = self.next()?;
            }
            length = escape.len();
            // serde_json refuses half a pair, which scripts may well have sent.
            if matches!(escape[2..4], [b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F']) {
                escape[2..].copy_from_slice(b"fffd");
            }
        }
        kept.push(&escape[..length]);
        *room -= length;
        Ok(())
    }
}

/// What ends a run of bytes that are just copied.
static STOPS: [bool; 256] = {
    let mut stops = [false; 256];
    let mut at = 0;
    while at < 5 {
        stops[b"\"{}[]"[at] as usize] = true;
        at += 1;
    }
    stops
};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
