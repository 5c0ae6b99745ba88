//! The text of a file.

use std::{
    borrow::Cow,
    fs,
    io::{self, Read},
    path::Path,
};

/// Larger files are not read.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// Reads a file as text: UTF-8 or, if it begins with a byte order mark of that, UTF-16.
pub(crate) fn read(path: &Path) -> io::Result<String> {
    of(fs::File::open(path)?)
}

/// Reads a whole input, as [`read`] reads files.
pub(super) fn of(input: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    input.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        let message = "it is larger than 64 MiB: split it";
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    match bytes.as_slice() {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            invalid(format!("not UTF-8 from byte {at} on"))
        }),
    }
}

/// The text of a YAML document as its parser gets it: `kubectl` reads lines, and ends each of them
/// with a line feed.
pub(super) fn with_line_feeds(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    if text.contains("\r\n") {
        text = text.replace("\r\n", "\n").into();
    }
    if !text.ends_with('\n') {
        text.to_mut().push('\n');
    }
    text
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> io::Result<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let text = char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect::<Result<_, _>>();
    text.ok().filter(|_| rest.is_empty()).ok_or_else(|| invalid("not UTF-16".to_owned()))
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn utf_8_and_marked_utf_16_are_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read_bytes = |bytes: &[u8]| {
            fs::write(file.path(), bytes).unwrap();
            read(file.path()).map_err(|error| error.to_string())
        };
        assert_eq!(read_bytes("a: é".as_bytes()).unwrap(), "a: é");
        assert_eq!(read_bytes(b"\xFF\xFEa\0:\0 \0\xE9\0").unwrap(), "a: é");
        assert_eq!(read_bytes(b"\xFE\xFF\0a\0:\0 \0\xE9").unwrap(), "a: é");
        assert_eq!(read_bytes(b"a\xE9").unwrap_err(), "not UTF-8 from byte 1 on");
        assert_eq!(read_bytes(b"\xFF\xFEa").unwrap_err(), "not UTF-16");
        assert_eq!(read_bytes(b"\xFF\xFE\0\xD8").unwrap_err(), "not UTF-16");
    }
}
