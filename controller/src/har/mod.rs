//! Reads recordings of browsers, HAR 1.2 (<http://www.softwareishard.com/blog/har-12-spec/>), in a
//! stream: one entry at a time, whatever the size of the file. Recorders differ, and so do people
//! who edit their files: an entry that is not JSON is left out, and the others are read.

mod entry;
mod lenient;
mod scan;

pub use entry::{Creator, Entry, Headers, Page, header, values};
pub use lenient::{Number, Part, Text};

use scan::{Kept, MAX_VALUE, ScanError, Scanner};
use serde::Deserialize;
use serde_json::error::Category;
use std::io::{self, Read};

/// How many entries of a recording are read.
pub const MAX_ENTRIES: usize = 120_000;

/// How many pages of a recording are read.
const MAX_PAGES: usize = 100_000;

/// Takes what a recording has, in the order of the file. Entries count from 1.
pub trait Visitor {
    /// The program that recorded.
    fn creator(&mut self, creator: &Creator<'_>);

    /// A page.
    fn page(&mut self, page: &Page<'_>);

    /// An entry.
    fn entry(&mut self, number: usize, entry: &Entry<'_>);

    /// What is left out from this entry on, and why, as a clause.
    fn skipped(&mut self, number: usize, why: String);
}

/// Why a recording can't be read. Offsets are in bytes from the start of the file.
#[derive(Debug, thiserror::Error)]
pub enum HarError {
    /// Reading failed.
    #[error("reading stopped at byte {1}: {0}")]
    Read(#[source] io::Error, u64),
    /// There is nothing.
    #[error("is empty: save the recording again")]
    Empty,
    /// UTF-16 or UTF-32.
    #[error("is not UTF-8 but UTF-16 or UTF-32: convert it, such as with iconv -f UTF-16 -t UTF-8")]
    Encoding,
    /// A packed file.
    #[error("is packed with {0}: unpack it first")]
    Packed(&'static str),
    /// Not JSON, or not a recording's.
    #[error("is not a recording: at byte {offset} there should be {expected}. Save it as HAR")]
    Expected {
        /// What should be there.
        expected: &'static str,
        /// Where.
        offset: u64,
    },
    /// The file ends before the first entry.
    #[error("ends at byte {0}, before the first entry: save the recording again")]
    CutOff(u64),
    /// JSON, but without entries.
    #[error("has no entries in log.entries: save it as HAR, with at least one request")]
    NoEntries,
}

/// Reads a recording. Where it breaks off after its first entry, what there is counts, and the rest
/// is reported as skipped.
///
/// # Errors
/// If nothing can be read.
pub fn read(input: impl Read, visitor: &mut impl Visitor) -> Result<(), HarError> {
    let mut scanner = Scanner::new(input);
    let at_start = |error| HarError::of(error, 0);
    let skip = preamble(scanner.start().map_err(at_start)?)?;
    scanner.skip_start(skip);
    let mut reader = Reader { visitor, kept: Kept::nothing(), entries: 0, pages: 0 };
    let result = reader.root(&mut scanner);
    let offset = scanner.offset();
    match (result, reader.entries) {
        (Ok(()), 0) => Err(HarError::NoEntries),
        (Ok(()), _) => Ok(()),
        (Err(error), 0) => Err(HarError::of(error, offset)),
        (Err(error), entries) => {
            let why = match error {
                ScanError::Read(error) => format!("reading stopped at byte {offset}: {error}"),
                ScanError::CutOff => format!("the file ends at byte {offset}, before its end"),
                ScanError::Expected(expected) => {
                    format!("not JSON from byte {offset} on, where there should be {expected}")
                }
            };
            reader.visitor.skipped(entries + 1, why);
            Ok(())
        }
    }
}

/// How many bytes come before the text.
fn preamble(start: &[u8]) -> Result<usize, HarError> {
    match start {
        [] => Err(HarError::Empty),
        [0xef, 0xbb, 0xbf, ..] => Ok(3),
        [0xfe, 0xff, ..] | [0xff, 0xfe, ..] | [0, ..] | [_, 0, ..] => Err(HarError::Encoding),
        [0x1f, 0x8b, ..] => Err(HarError::Packed("gzip")),
        [b'P', b'K', 3, 4, ..] => Err(HarError::Packed("zip")),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Err(HarError::Packed("zstd")),
        [..] => Ok(0),
    }
}

impl HarError {
    fn of(error: ScanError, offset: u64) -> Self {
        match error {
            ScanError::Read(error) => Self::Read(error, offset),
            ScanError::CutOff => Self::CutOff(offset),
            ScanError::Expected(expected) => Self::Expected { expected, offset },
        }
    }
}

struct Reader<'v, V> {
    visitor: &'v mut V,
    kept: Kept,
    /// How many entries there were so far.
    entries: usize,
    pages: usize,
}

impl<V: Visitor> Reader<'_, V> {
    fn root(&mut self, scanner: &mut Scanner<impl Read>) -> Result<(), ScanError> {
        scanner.members(|scanner, name| match name {
            b"log" => self.log(scanner),
            _ => scanner.value(&mut Kept::nothing()),
        })
    }

    fn log(&mut self, scanner: &mut Scanner<impl Read>) -> Result<(), ScanError> {
        scanner.members(|scanner, name| match name {
            b"creator" => {
                self.keep(scanner)?;
                self.visit(|visitor, text| {
                    parse(text).map(|creator| visitor.creator(&creator)).map_err(drop)
                });
                Ok(())
            }
            b"pages" => scanner.elements(|scanner| {
                self.pages += 1;
                if self.pages > MAX_PAGES {
                    return scanner.value(&mut Kept::nothing());
                }
                self.keep(scanner)?;
                self.visit(|visitor, text| {
                    parse(text).map(|page| visitor.page(&page)).map_err(drop)
                });
                Ok(())
            }),
            b"entries" => scanner.elements(|scanner| self.entry(scanner)),
            _ => scanner.value(&mut Kept::nothing()),
        })
    }

    fn keep(&mut self, scanner: &mut Scanner<impl Read>) -> Result<(), ScanError> {
        self.kept.restart();
        scanner.value(&mut self.kept)
    }

    /// Hands on what has been kept, if it is not too long.
    fn visit<T>(&mut self, visit: impl FnOnce(&mut V, &str) -> T) -> Option<T> {
        let text = self.kept.value()?;
        // A file in another encoding is read, with its odd characters replaced.
        Some(visit(self.visitor, &String::from_utf8_lossy(text)))
    }

    fn entry(&mut self, scanner: &mut Scanner<impl Read>) -> Result<(), ScanError> {
        scanner.token()?;
        let offset = scanner.offset();
        if self.entries >= MAX_ENTRIES {
            if self.entries == MAX_ENTRIES {
                let why = format!("only the first {MAX_ENTRIES} entries of a file are read");
                self.visitor.skipped(MAX_ENTRIES + 1, why);
                self.entries += 1;
            }
            return scanner.value(&mut Kept::nothing());
        }
        self.keep(scanner)?;
        self.entries += 1;
        let number = self.entries;
        let visited = self.visit(|visitor, text| match parse(text) {
            Ok(entry) => {
                visitor.entry(number, &entry);
                None
            }
            Err(what) => Some(format!("{what}, in the entry at byte {offset}")),
        });
        let too_long = || {
            let kib = MAX_VALUE / 1024;
            format!("more than {kib} KiB without its bodies, in the entry at byte {offset}")
        };
        if let Some(why) = visited.unwrap_or_else(|| Some(too_long())) {
            self.visitor.skipped(number, why);
        }
        Ok(())
    }
}

/// Parses a value. The error says what is wrong, without quoting the recording.
fn parse<'t, T: Deserialize<'t>>(text: &'t str) -> Result<T, &'static str> {
    if !text.starts_with('{') {
        return Err("not an object");
    }
    serde_json::from_str(text).map_err(|error| match error.classify() {
        Category::Data => "a field twice, or of an unexpected type",
        Category::Syntax | Category::Eof | Category::Io => "not JSON",
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
