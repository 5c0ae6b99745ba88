//! Characters written as escapes.

use super::{mistake::Mistake, reader::Reader};
use crate::full_match::FullMatchError;

/// Reads the escaped character whose backslash is at `start` and was read. Returns its number, which
/// may be that of a surrogate.
pub(super) fn character(reader: &mut Reader<'_>, start: usize) -> Result<u32, FullMatchError> {
    let Some(char) = reader.next() else {
        return Err(reader.mistake(start, |_| Mistake::LoneBackslash));
    };
    Ok(match char {
        'a' => 0x07,
        't' => 0x09,
        'n' => 0x0A,
        'v' => 0x0B,
        'f' => 0x0C,
        'r' => 0x0D,
        'x' => hexadecimal(reader).ok_or_else(|| reader.mistake(start, Mistake::BadNumber))?,
        '0' => octal(reader, 0),
        '1'..='7' if reader.peek().is_some_and(is_octal) => octal(reader, digit(char)),
        '1'..='9' => return Err(reader.mistake(start, Mistake::BackReference)),
        char if char.is_ascii() && !char.is_ascii_alphanumeric() => char.into(),
        char => {
            let unknown = |text| Mistake::UnknownEscape(text, remedy(char));
            return Err(reader.mistake(start, unknown));
        }
    })
}

fn is_octal(char: char) -> bool {
    matches!(char, '0'..='7')
}

fn digit(octal: char) -> u32 {
    octal.to_digit(8).unwrap_or_default()
}

/// Reads up to two more digits.
fn octal(reader: &mut Reader<'_>, mut number: u32) -> u32 {
    for _ in 0..2 {
        let Some(octal) = reader.peek().filter(|char| is_octal(*char)) else { break };
        reader.next();
        number = number * 8 + digit(octal);
    }
    number
}

/// `41`, or `{1F600}`.
fn hexadecimal(reader: &mut Reader<'_>) -> Option<u32> {
    if reader.eat("{") {
        let digits = reader.eat_while(|char| char.is_ascii_hexdigit());
        let number = u32::from_str_radix(digits, 16).ok()?;
        return (reader.eat("}") && number <= char::MAX.into()).then_some(number);
    }
    let mut digit = || reader.next()?.to_digit(16);
    Some(digit()? * 16 + digit()?)
}

/// What to write instead of an escape that other syntaxes have.
fn remedy(escaped: char) -> &'static str {
    match escaped {
        'u' | 'U' | 'o' | 'c' => "write \\x{…}, with the character's number in hexadecimal",
        'e' => "write \\x1B",
        'C' => "values are matched by characters, not bytes: write (?s:.)",
        'X' => "write (?s:.)",
        'N' => "write a dot for anything but a line feed",
        'R' => "write (?:\\r\\n|\\n|\\r)",
        'h' => "write [\\t ]",
        'H' => "write [^\\t ]",
        'V' => "write [^\\n\\v\\f\\r]",
        'Z' => "write \\z for the end, or \\n?\\z",
        'G' | 'K' => "remove it, because the whole value is matched",
        'Q' => "it only quotes outside classes: write a backslash before each character",
        'E' => "it only ends what \\Q begins: remove it",
        'b' | 'B' | 'A' | 'z' => "it has no meaning in a class: write it outside",
        _ => "write the character without the backslash",
    }
}
