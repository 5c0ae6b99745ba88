//! The header names that a preflight requests.

use http::{HeaderMap, header::ACCESS_CONTROL_REQUEST_HEADERS};

/// Limit in bytes for the list, field lines joined.
const MAX_BYTES: usize = 4096;
/// Limit for the number of names.
const MAX_NAMES: usize = 64;
/// Limit for the number of empty list elements.
const MAX_EMPTY: usize = 16;
/// Limit in bytes for white space before or after a name.
const MAX_SPACE: usize = 2;

/// The names in `Access-Control-Request-Headers`, as sent; order, case and repetition are
/// insignificant. Browsers send a short, sorted list in lower case (Fetch, "CORS-preflight fetch"),
/// so anything far from that is rejected before it costs much: parsing takes time proportional to
/// the list's length, and never reads more than [`MAX_BYTES`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestedHeaders<'h>(Vec<&'h str>);

/// Why a list is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// Longer than any browser's.
    #[error("is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// More names than any browser requests.
    #[error("has more than {MAX_NAMES} names")]
    TooManyNames,
    /// Too many commas with nothing between them.
    #[error("has more than {MAX_EMPTY} empty elements")]
    TooManyEmpty,
    /// Too much white space.
    #[error("has more than {MAX_SPACE} bytes of white space around a name")]
    Space,
    /// Not a field name (RFC 9110 §5.1).
    #[error("has an element that is not a header name")]
    NotAName,
}

impl<'h> RequestedHeaders<'h> {
    /// Reads a preflight's list (RFC 9110 §5.6.1); empty if it has none.
    pub(super) fn read(headers: &'h HeaderMap) -> Result<Self, Malformed> {
        let lines = || headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter();
        // Joined field lines have a comma between them.
        let length: usize = lines().map(|line| line.len() + 1).sum();
        if length > MAX_BYTES + 1 {
            return Err(Malformed::TooLong);
        }
        let (mut names, mut empty) = (Vec::new(), 0);
        for element in lines().flat_map(|line| line.as_bytes().split(|byte| *byte == b',')) {
            match name(element)? {
                "" if empty == MAX_EMPTY => return Err(Malformed::TooManyEmpty),
                "" => empty += 1,
                _ if names.len() == MAX_NAMES => return Err(Malformed::TooManyNames),
                name => names.push(name),
            }
        }
        Ok(Self(names))
    }

    /// The names, as sent.
    pub(crate) fn names(&self) -> &[&'h str] {
        &self.0
    }
}

/// A list element without the white space around it.
fn name(element: &[u8]) -> Result<&str, Malformed> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let before = element.iter().take_while(|byte| is_space(byte)).count();
    let rest = element.get(before..).unwrap_or_default();
    let after = rest.iter().rev().take_while(|byte| is_space(byte)).count();
    if before > MAX_SPACE || after > MAX_SPACE {
        return Err(Malformed::Space);
    }
    let name = rest.get(..rest.len() - after).unwrap_or_default();
    // Looking at all bytes of a name costs less than stopping at the first that is none of these.
    if !name.iter().fold(true, |are_token, byte| are_token & IS_TOKEN[usize::from(*byte)]) {
        return Err(Malformed::NotAName);
    }
    std::str::from_utf8(name).map_err(|_| Malformed::NotAName)
}

/// The bytes that are a `tchar` (RFC 9110 §5.6.2).
static IS_TOKEN: [bool; 256] = {
    let mut are_token = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        are_token[byte] = matches!(
            byte as u8,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.'
                | b'^'..=b'`' | b'|' | b'~'
        );
        byte += 1;
    }
    are_token
};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn read(lines: &[&str]) -> Result<Vec<String>, Malformed> {
        let mut headers = HeaderMap::new();
        for line in lines {
            let value = HeaderValue::from_str(line).unwrap();
            headers.append(ACCESS_CONTROL_REQUEST_HEADERS, value);
        }
        RequestedHeaders::read(&headers)
            .map(|asked| asked.0.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn rule_13_order_case_and_lines_of_lists_do_not_matter() {
        let names = |names: &[&str]| Ok(names.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(read(&[]), names(&[]));
        assert_eq!(read(&[""]), names(&[]));
        assert_eq!(read(&["a"]), names(&["a"]));
        assert_eq!(read(&["b,A,b"]), names(&["b", "A", "b"]));
        assert_eq!(read(&["a,b", "c"]), names(&["a", "b", "c"]));
        assert_eq!(read(&["a \t,\t b,,c"]), names(&["a", "b", "c"]));
    }

    #[test]
    fn rule_13_lists_are_read_within_bounds() {
        let many = |text: &str, count: usize| vec![text; count].join(",");
        assert_eq!(read(&[&many("a", MAX_NAMES)]).unwrap().len(), MAX_NAMES);
        assert_eq!(read(&[&many("a", MAX_NAMES + 1)]), Err(Malformed::TooManyNames));
        assert_eq!(read(&[&many("", MAX_EMPTY)]), Ok(Vec::new()));
        assert_eq!(read(&[&many("", MAX_EMPTY + 1)]), Err(Malformed::TooManyEmpty));
        assert_eq!(read(&[&vec![""; MAX_EMPTY + 1].join(",")]), Err(Malformed::TooManyEmpty));
        let long = "a".repeat(MAX_BYTES);
        assert_eq!(read(&[&long]), Ok(vec![long.clone()]));
        assert_eq!(read(&[&format!("{long}a")]), Err(Malformed::TooLong));
        assert_eq!(read(&[&long, ""]), Err(Malformed::TooLong));
        assert_eq!(read(&["a,  b  ,c"]), read(&["a,b,c"]));
        assert_eq!(read(&["a,   b"]), Err(Malformed::Space));
        assert_eq!(read(&["a \t ,b"]), Err(Malformed::Space));
        assert_eq!(read(&["a,   ,b"]), Err(Malformed::Space));
    }

    #[test]
    fn rule_13_invalid_names_are_rejected() {
        for bad in ["a b", "x:", "a;b", "\"a\"", "a, b c", "(a)", "a/b"] {
            assert_eq!(read(&[bad]), Err(Malformed::NotAName), "{bad}");
        }
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_bytes(b"caf\xc3\xa9").unwrap();
        headers.insert(ACCESS_CONTROL_REQUEST_HEADERS, value);
        assert_eq!(RequestedHeaders::read(&headers), Err(Malformed::NotAName));
    }
}
