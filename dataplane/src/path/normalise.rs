//! Normalisation of a request's path.

use super::PathError;
use memchr::memmem;
use serde::Serialize;
use std::borrow::Cow;

/// What happens to slashes that follow each other in a request's path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Slashes {
    /// They are kept: the segment between them is empty, and a segment like any other (RFC 3986
    /// §3.3).
    #[default]
    Keep,
    /// They become one, before the path is normalised.
    Merge,
}

impl Slashes {
    /// Whether they are kept.
    pub fn is_keep(&self) -> bool {
        *self == Self::Keep
    }

    /// The path with its slashes kept or merged; escaped ones count as part of their segment.
    /// Borrows when nothing changes.
    pub fn apply(self, path: &str) -> Cow<'_, str> {
        if self == Self::Keep || memmem::find(path.as_bytes(), b"//").is_none() {
            return Cow::Borrowed(path);
        }
        let mut merged = String::with_capacity(path.len());
        for segment in path.split_inclusive('/') {
            if segment != "/" || !merged.ends_with('/') {
                merged.push_str(segment);
            }
        }
        Cow::Owned(merged)
    }

    /// Refuses a path in which a server that drops parameters (`;…`) sees slashes to merge that
    /// [`apply`](Self::apply) does not.
    ///
    /// # Errors
    /// [`PathError::HiddenSlashes`].
    pub(crate) fn check(self, path: &str) -> Result<(), PathError> {
        let is_parameter = |segment: &str| {
            matches!(segment.as_bytes(), [b';', ..] | [b'%', b'3', b'B' | b'b', ..])
        };
        match self {
            Self::Merge if path.split('/').any(is_parameter) => Err(PathError::HiddenSlashes),
            Self::Merge | Self::Keep => Ok(()),
        }
    }
}

/// Normalises a request's path (RFC 3986 §6.2.2): dot segments are removed, escapes of unreserved
/// characters decoded once, other escapes written in upper case; `//` is kept. Non-ASCII bytes and
/// spaces, which a request line may not carry raw, are escaped. A segment that other servers may
/// take for a dot segment is an error ([`PathError::HiddenDots`]), whether or not it would remain.
/// Borrows when nothing changes.
pub fn normalise(path: &str) -> Result<Cow<'_, str>, PathError> {
    if !path.starts_with('/') {
        Err(PathError::NotAbsolute)
    } else if is_normal(path.as_bytes())? {
        Ok(Cow::Borrowed(path))
    } else {
        rewrite(path).map(Cow::Owned)
    }
}

/// How normalisation treats a byte.
#[derive(Clone, Copy)]
enum Class {
    Plain,
    Dot,
    Escape,
    Backslash,
    Control,
    Encode,
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Plain; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            0x00..0x20 | 0x7F => Class::Control,
            b' ' | 0x80.. => Class::Encode,
            b'.' => Class::Dot,
            b'%' => Class::Escape,
            b'\\' => Class::Backslash,
            _ => Class::Plain,
        };
        byte += 1;
    }
    classes
};

/// Whether an absolute path is already normal; most requests need only this pass.
fn is_normal(path: &[u8]) -> Result<bool, PathError> {
    let mut at = 0;
    while let Some(&byte) = path.get(at) {
        match CLASSES[usize::from(byte)] {
            Class::Plain => at += 1,
            Class::Dot if is_dot_segment_at(path, at) => return Ok(false),
            Class::Dot => at += 1,
            Class::Escape => {
                let escaped = unescape(&path[at..])?;
                let lower = path[at + 1..at + 3].iter().any(u8::is_ascii_lowercase);
                if lower || is_unreserved(escaped) {
                    return Ok(false);
                }
                at += 3;
            }
            Class::Encode => return Ok(false),
            Class::Backslash => return Err(PathError::Backslash),
            Class::Control => return Err(PathError::Control),
        }
    }
    Ok(true)
}

/// Whether the segment that the dot at `at` starts, or would start if `%2F` and `%5C` were decoded,
/// is `.` or `..`, as it stands or without its parameters.
fn is_dot_segment_at(path: &[u8], at: usize) -> bool {
    let starts = match &path[..at] {
        [] | [.., b'/'] => true,
        [.., b'%', high, low] => is_slash(*high, *low),
        [..] => false,
    };
    starts
        && match &path[at..] {
            [b'.', b'.', rest @ ..] | [b'.', rest @ ..] => match rest {
                [] | [b'/' | b';', ..] => true,
                [b'%', high, low, ..] => {
                    is_slash(*high, *low) || (*high, *low | 0x20) == (b'3', b'b')
                }
                [..] => false,
            },
            [..] => false,
        }
}

/// Whether these are the digits of an escaped `/` or `\`.
fn is_slash(high: u8, low: u8) -> bool {
    matches!((high, low | 0x20), (b'2', b'f') | (b'5', b'c'))
}

/// Whether a canonical segment, or a part of a path, has a dot segment that only some servers see.
pub(super) fn hides_dots(segment: &str) -> bool {
    segment.match_indices('.').any(|(at, _)| is_dot_segment_at(segment.as_bytes(), at))
}

/// Writes the normal form of an absolute path; removes dot segments as in RFC 3986 §5.2.4.
fn rewrite(path: &str) -> Result<String, PathError> {
    let mut out = String::with_capacity(path.len() + 16);
    let mut ends_in_dots = false;
    for segment in path.split('/').skip(1) {
        let start = out.len();
        out.push('/');
        canonicalise(segment, &mut out)?;
        let cut = match &out[start + 1..] {
            "." => Some(start),
            ".." => Some(out[..start].rfind('/').unwrap_or(0)),
            segment if hides_dots(segment) => return Err(PathError::HiddenDots),
            _ => None,
        };
        ends_in_dots = cut.is_some();
        out.truncate(cut.unwrap_or(out.len()));
    }
    // A final dot segment leaves a trailing slash: `/a/..` is `/`.
    if ends_in_dots {
        out.push('/');
    }
    Ok(out)
}

/// Appends the normal form of a segment, or of any part of a path that does not split an escape.
pub(super) fn canonicalise(part: &str, out: &mut String) -> Result<(), PathError> {
    let bytes = part.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match CLASSES[usize::from(byte)] {
            Class::Plain | Class::Dot => out.push(char::from(byte)),
            Class::Escape => {
                let escaped = unescape(&bytes[at - 1..])?;
                at += 2;
                if is_unreserved(escaped) {
                    out.push(char::from(escaped));
                } else {
                    escape(escaped, out);
                }
            }
            Class::Encode => escape(byte, out),
            Class::Backslash => return Err(PathError::Backslash),
            Class::Control => return Err(PathError::Control),
        }
    }
    Ok(())
}

/// Decodes the escape at the start of `rest`.
fn unescape(rest: &[u8]) -> Result<u8, PathError> {
    let digit = |at: usize| {
        let digit = rest.get(at).and_then(|&byte| char::from(byte).to_digit(16));
        digit.and_then(|digit| u8::try_from(digit).ok()).ok_or(PathError::BrokenEscape)
    };
    let byte = digit(1)? << 4 | digit(2)?;
    if byte.is_ascii_control() { Err(PathError::Control) } else { Ok(byte) }
}

fn escape(byte: u8, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(HEX[usize::from(byte >> 4)]));
    out.push(char::from(HEX[usize::from(byte & 15)]));
}

/// Whether a byte is an unreserved character (RFC 3986 §2.3).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests;
