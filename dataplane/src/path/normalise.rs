//! Normalisation of a request's path.

use super::PathError;
use std::borrow::Cow;

/// Normalises a request's path (RFC 3986 §6.2.2): dot segments are removed, escapes of unreserved
/// characters decoded once, other escapes written in upper case; `//` is kept. Non-ASCII bytes and
/// spaces, which a request line may not carry raw, are escaped. Borrows when nothing changes.
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
            Class::Dot if path[at - 1] == b'/' && is_dot_segment(&path[at..]) => return Ok(false),
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

/// Whether the segment that starts here is `.` or `..`.
fn is_dot_segment(rest: &[u8]) -> bool {
    matches!(rest, [b'.'] | [b'.', b'/', ..] | [b'.', b'.'] | [b'.', b'.', b'/', ..])
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn normal_paths_are_borrowed() {
        for path in [
            "/",
            "/a/b",
            "/a/",
            "//",
            "//a//b//",
            "/a%2Fb%5Cc",
            "/%25",
            "/a%20b",
            "/%C3%A9",
            "/...",
            "/.a",
            "/..a",
            "/a.",
            "/a..",
            "/.well-known/x",
            "/a/.../b",
            "/~a-b_c!$&'()*+,;=:@|[]{}^\"<>`",
            "/A/a",
            "/*",
        ] {
            assert_eq!(normalise(path), Ok(Cow::Borrowed(path)));
            assert!(matches!(normalise(path), Ok(Cow::Borrowed(_))), "{path}");
        }
    }

    #[test]
    fn other_paths_are_rewritten() {
        for (path, normal) in [
            ("/%61%7E%2D%5f", "/a~-_"),
            ("/a%2fb", "/a%2Fb"),
            ("/a%5cb", "/a%5Cb"),
            ("/%2561", "/%2561"),
            ("/%c3%a9", "/%C3%A9"),
            ("/é", "/%C3%A9"),
            ("/a b", "/a%20b"),
            ("/.", "/"),
            ("/..", "/"),
            ("/./", "/"),
            ("/../", "/"),
            ("/../..", "/"),
            ("/../a", "/a"),
            ("/a/.", "/a/"),
            ("/a/./", "/a/"),
            ("/a/./b", "/a/b"),
            ("/a/..", "/"),
            ("/a/../", "/"),
            ("/a/b/..", "/a/"),
            ("/a/b/../c", "/a/c"),
            ("/a/b/../../..", "/"),
            ("/a//../b", "/a/b"),
            ("/..//a", "//a"),
            ("/a/%2e%2E/b", "/b"),
            ("/a/.%2e/b", "/b"),
            ("/a/%2e./b", "/b"),
            ("/a/%2e", "/a/"),
            ("/a/%2e%2e%2e", "/a/..."),
            ("/a/..%2Fb", "/a/..%2Fb"),
            ("/a/..%2fb/..", "/a/"),
            ("/a/b/c/./../../g", "/a/g"),
            ("/mid/content=5/../6", "/mid/6"),
        ] {
            assert_eq!(normalise(path).as_deref(), Ok(normal), "{path}");
        }
    }

    #[test]
    fn ambiguous_paths_are_refused() {
        for (path, error) in [
            ("", PathError::NotAbsolute),
            ("a/b", PathError::NotAbsolute),
            ("*", PathError::NotAbsolute),
            ("http://a/", PathError::NotAbsolute),
            ("/%", PathError::BrokenEscape),
            ("/%4", PathError::BrokenEscape),
            ("/%4/a", PathError::BrokenEscape),
            ("/%zz", PathError::BrokenEscape),
            ("/%+1", PathError::BrokenEscape),
            ("/%é1", PathError::BrokenEscape),
            ("/../%g0", PathError::BrokenEscape),
            ("/a\\b", PathError::Backslash),
            ("/%61\\", PathError::Backslash),
            ("/\0", PathError::Control),
            ("/a\tb", PathError::Control),
            ("/\u{7F}", PathError::Control),
            ("/%00", PathError::Control),
            ("/%0d%0a", PathError::Control),
            ("/%1F", PathError::Control),
            ("/%7f", PathError::Control),
            ("/%61/%7F", PathError::Control),
        ] {
            assert_eq!(normalise(path), Err(error), "{path:?}");
        }
    }

    fn paths() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            4 => Just("/".to_owned()),
            2 => Just(".".to_owned()),
            1 => Just("%2e".to_owned()),
            1 => Just("%2E".to_owned()),
            1 => Just("%2f".to_owned()),
            1 => Just("%25".to_owned()),
            1 => Just("a".to_owned()),
            1 => any::<char>().prop_map(String::from),
            1 => any::<u8>().prop_map(|byte| format!("%{byte:02x}")),
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| format!("/{}", pieces.concat()))
    }

    proptest! {
        #[test]
        fn normal_paths_are_fixed_points(path in paths()) {
            let Ok(normal) = normalise(&path) else { return Ok(()) };
            prop_assert!(matches!(normalise(&normal), Ok(Cow::Borrowed(same)) if same == normal));
            prop_assert!(normal.starts_with('/') && normal.is_ascii());
            prop_assert!(!normal.split('/').any(|segment| segment == "." || segment == ".."));
            prop_assert!(!normal.bytes().any(|byte| byte.is_ascii_control() || byte == b'\\'));
            prop_assert_eq!(matches!(normalise(&path), Ok(Cow::Borrowed(_))), path == normal);
        }
    }
}
