//! The cookies of a request (RFC 6265 §5.4), and lines of cookies.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The values of the cookies with this name, as they were sent. Over HTTP/2, cookies may come in
/// several fields (RFC 9113 §8.2.3).
pub(in crate::proxy) fn cookies<'h>(
    headers: &'h HeaderMap,
    name: &str,
) -> impl Iterator<Item = &'h [u8]> {
    let fields = headers.get_all(header::COOKIE).into_iter();
    let pairs = fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(move |pair| {
        let value = pair.trim_ascii().strip_prefix(name.as_bytes())?;
        value.trim_ascii_start().strip_prefix(b"=").map(<[u8]>::trim_ascii)
    })
}

/// The pieces of a `Cookie` line, and the name of each (RFC 6265 §4.2.1).
pub(in crate::proxy) fn pieces(line: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    line.split(|byte| *byte == b';').map(|piece| {
        let name = piece.split(|byte| *byte == b'=').next().unwrap_or_default();
        (name.trim_ascii(), piece)
    })
}

/// Replaces each line of a field by what `map` makes of it; without that, the line is removed.
pub(in crate::proxy) fn map_lines(
    headers: &mut HeaderMap,
    name: HeaderName,
    map: impl FnMut(HeaderValue) -> Option<HeaderValue>,
) {
    let header::Entry::Occupied(lines) = headers.entry(name) else { return };
    let (name, lines) = lines.remove_entry_mult();
    let left: Vec<_> = lines.filter_map(map).collect();
    for line in left {
        headers.append(name.clone(), line);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let mut headers = HeaderMap::new();
        for field in ["a=1; bb=2;c = 3", "d=x=y", "a=later", "empty="] {
            headers.append(header::COOKIE, HeaderValue::from_static(field));
        }
        let value =
            |name| cookies(&headers, name).next().map(|value| str::from_utf8(value).unwrap());
        assert_eq!(value("a"), Some("1"));
        assert_eq!(value("b"), None);
        assert_eq!(value("bb"), Some("2"));
        assert_eq!(value("c"), Some("3"));
        assert_eq!(value("d"), Some("x=y"));
        assert_eq!(value("empty"), Some(""));
    }
}
