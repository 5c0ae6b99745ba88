//! The syntax of lines: that of `tracing_subscriber::fmt`, as text, with colours, and as JSON.

use super::clock::Moment;
use std::{
    io::Write,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

/// How fields are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// `name="value"`.
    Text,
    /// The same for a terminal.
    Coloured,
    /// The members of an object.
    Json,
}

/// The name of a field with what is around it, in each syntax: joined when Portico is compiled,
/// because that is done less often than a line is written.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) text: &'static str,
    pub(super) coloured: &'static str,
    pub(super) json: &'static str,
}

/// The [`Name`] of a field.
macro_rules! name {
    ($name:literal) => {
        &$crate::access_log::fields::Name {
            text: concat!(" ", $name, "="),
            coloured: concat!(" \x1b[3m", $name, "\x1b[0m\x1b[2m=\x1b[0m"),
            json: concat!(",\"", $name, "\":"),
        }
    };
}
pub(super) use name;

/// A line that is being written.
pub(super) struct Fields<'o> {
    syntax: Syntax,
    out: &'o mut Vec<u8>,
}

impl<'o> Fields<'o> {
    /// A line up to its first field.
    pub(super) fn begin(syntax: Syntax, time: &Moment, out: &'o mut Vec<u8>) -> Self {
        match syntax {
            Syntax::Text => {
                timestamp(time, out);
                out.extend_from_slice(b"  INFO access:");
            }
            Syntax::Coloured => {
                out.extend_from_slice(b"\x1b[2m");
                timestamp(time, out);
                out.extend_from_slice(
                    b"\x1b[0m \x1b[32m INFO\x1b[0m \x1b[2maccess\x1b[0m\x1b[2m:\x1b[0m",
                );
            }
            Syntax::Json => {
                out.extend_from_slice(b"{\"timestamp\":\"");
                timestamp(time, out);
                out.extend_from_slice(b"\",\"level\":\"INFO\"");
            }
        }
        Self { syntax, out }
    }

    /// A string, given in parts, with quotes.
    pub(super) fn text(&mut self, name: &Name, parts: &[&str]) {
        self.name(name);
        self.out.push(b'"');
        parts.iter().for_each(|part| self.escaped(part));
        self.out.push(b'"');
    }

    /// A string, given in parts, that has quotes in JSON only.
    pub(super) fn word(&mut self, name: &Name, parts: &[&str]) {
        match self.syntax {
            Syntax::Json => self.text(name, parts),
            Syntax::Text | Syntax::Coloured => {
                self.name(name);
                parts.iter().for_each(|part| self.out.extend_from_slice(part.as_bytes()));
            }
        }
    }

    /// An IP address, written as a word.
    pub(super) fn address(&mut self, name: &Name, address: IpAddr) {
        self.name(name);
        self.quote();
        ip(address, self.out);
        self.quote();
    }

    /// An address with a port, written as a word.
    pub(super) fn endpoint(&mut self, name: &Name, endpoint: SocketAddr) {
        self.name(name);
        self.quote();
        match endpoint {
            SocketAddr::V4(v4) => {
                ip(IpAddr::V4(*v4.ip()), self.out);
                self.out.push(b':');
                number(endpoint.port().into(), self.out);
            }
            // Writing to a Vec never fails.
            SocketAddr::V6(v6) => drop(write!(self.out, "{v6}")),
        }
        self.quote();
    }

    /// A number.
    pub(super) fn number(&mut self, name: &Name, value: u64) {
        self.name(name);
        number(value, self.out);
    }

    /// `true`.
    pub(super) fn truth(&mut self, name: &Name) {
        self.name(name);
        self.out.extend_from_slice(b"true");
    }

    /// A time in milliseconds, as a decimal number with microseconds.
    pub(super) fn millis(&mut self, name: &Name, value: Duration) {
        self.name(name);
        let micros = value.as_nanos().saturating_add(500) / 1_000;
        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
        number(micros / 1_000, self.out);
        self.out.push(b'.');
        let digits = three_digits(micros % 1_000);
        let needed = digits.iter().rposition(|digit| *digit != b'0').map_or(1, |last| last + 1);
        self.out.extend_from_slice(&digits[..needed]);
    }

    fn name(&mut self, name: &Name) {
        let name = match self.syntax {
            Syntax::Text => name.text,
            Syntax::Coloured => name.coloured,
            Syntax::Json => name.json,
        };
        self.out.extend_from_slice(name.as_bytes());
    }

    fn quote(&mut self) {
        match self.syntax {
            Syntax::Json => self.out.push(b'"'),
            Syntax::Text | Syntax::Coloured => {}
        }
    }

    /// A string's content, as the standard library's `Debug` and serde_json write it.
    fn escaped(&mut self, text: &str) {
        if is_plain(text.as_bytes()) {
            return self.out.extend_from_slice(text.as_bytes());
        }
        let start = self.out.len();
        // Writing to a Vec never fails.
        match self.syntax {
            Syntax::Json => drop(serde_json::to_writer(&mut *self.out, text)),
            Syntax::Text | Syntax::Coloured => drop(write!(self.out, "{text:?}")),
        }
        // Both write quotes, which are the caller's.
        if self.out.len() > start {
            self.out.remove(start);
            self.out.pop();
        }
    }
}

/// Whether nothing in a string needs to be escaped.
fn is_plain(text: &[u8]) -> bool {
    // Without an early end, this is vectorised.
    text.iter().fold(true, |plain, byte| {
        plain & (*byte >= b' ') & (*byte < 0x7f) & (*byte != b'"') & (*byte != b'\\')
    })
}

/// Appends an IP address.
pub(super) fn ip(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            number(a.into(), out);
            for octet in [b, c, d] {
                out.push(b'.');
                number(octet.into(), out);
            }
        }
        // Writing to a Vec never fails.
        IpAddr::V6(v6) => drop(write!(out, "{v6}")),
    }
}

/// Appends a number.
pub(super) fn number(value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The two digits of a number below 100.
pub(super) fn two_digits(value: u8) -> [u8; 2] {
    [b'0' + value / 10 % 10, b'0' + value % 10]
}

/// The three digits of a number below 1,000.
fn three_digits(value: u64) -> [u8; 3] {
    let digit = |value: u64| b'0' + (value % 10) as u8;
    [digit(value / 100), digit(value / 10), digit(value)]
}

/// The four digits of a year below 10,000.
pub(super) fn year(value: i32) -> [u8; 4] {
    let value = value.clamp(0, 9_999);
    let ([a, b], [c, d]) = (two_digits((value / 100) as u8), two_digits((value % 100) as u8));
    [a, b, c, d]
}

/// `2026-11-30T06:02:00.125000Z`.
fn timestamp(moment: &Moment, out: &mut Vec<u8>) {
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    let (year, month, day) = moment.date.to_calendar_date();
    let (hour, minute, second) = moment.time.as_hms();
    text[..4].copy_from_slice(&self::year(year));
    for (at, value) in [(5, month.into()), (8, day), (11, hour), (14, minute), (17, second)] {
        text[at..at + 2].copy_from_slice(&two_digits(value));
    }
    let micros = u64::from(moment.micros);
    text[20..23].copy_from_slice(&three_digits(micros / 1_000));
    text[23..26].copy_from_slice(&three_digits(micros % 1_000));
    out.extend_from_slice(&text);
}
