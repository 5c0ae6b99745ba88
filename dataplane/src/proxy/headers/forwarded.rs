//! `Forwarded` (RFC 7239): what each proxy reports about the request it received.

use http::{HeaderMap, header};
use std::borrow::Cow;

/// What one proxy reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element<'h> {
    /// `for`: the client that sent it the request.
    pub(super) client: Option<Cow<'h, str>>,
    /// `host`: the Host that it received.
    pub(super) host: Option<Cow<'h, str>>,
    /// `proto`: the scheme of the request it received.
    pub(super) proto: Option<Cow<'h, str>>,
}

/// All elements, the nearest proxy's first; `None` for a malformed one.
pub(super) fn from_nearest(headers: &HeaderMap) -> impl Iterator<Item = Option<Element<'_>>> {
    let lines = headers.get_all(header::FORWARDED).iter().rev();
    lines.flat_map(|line| FromRight(Some(line.as_bytes()))).map(element)
}

/// Splits a line at commas outside quoted strings, from its end, so that nothing malformed further
/// to the left changes where the last element begins.
struct FromRight<'h>(Option<&'h [u8]>);

impl<'h> Iterator for FromRight<'h> {
    type Item = &'h [u8];

    fn next(&mut self) -> Option<&'h [u8]> {
        let line = self.0.take()?;
        let mut quoted = false;
        for (at, byte) in line.iter().enumerate().rev() {
            match byte {
                b'"' if !(quoted && is_escaped(line, at)) => quoted = !quoted,
                b',' if !quoted => {
                    self.0 = Some(&line[..at]);
                    return Some(&line[at + 1..]);
                }
                _ => {}
            }
        }
        Some(line)
    }
}

/// Whether a byte inside a quoted string follows an odd number of backslashes.
fn is_escaped(line: &[u8], at: usize) -> bool {
    line[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Parses an element; `None` if it is malformed or has a parameter twice (RFC 7239 §4).
fn element(text: &[u8]) -> Option<Element<'_>> {
    let text = std::str::from_utf8(text).ok()?;
    let mut element = Element::default();
    for pair in split(text, b';')?.into_iter().map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let name = name.trim();
        let field = if name.eq_ignore_ascii_case("for") {
            &mut element.client
        } else if name.eq_ignore_ascii_case("host") {
            &mut element.host
        } else if name.eq_ignore_ascii_case("proto") {
            &mut element.proto
        } else {
            continue;
        };
        if field.replace(unquoted(value.trim())?).is_some() {
            return None;
        }
    }
    Some(element)
}

/// Splits at separators outside quoted strings; `None` if a quoted string does not end.
fn split(text: &str, separator: u8) -> Option<Vec<&str>> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            byte if byte == separator && !quoted => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!quoted).then_some(parts)
}

/// The value of a token or quoted string; `None` if it is neither.
fn unquoted(value: &str) -> Option<Cow<'_, str>> {
    if !value.contains('"') {
        return Some(value.into());
    }
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return (!inner.contains('"')).then_some(inner.into());
    }
    let mut escaped = false;
    let keep = |c: &char| {
        escaped = *c == '\\' && !escaped;
        !escaped
    };
    Some(inner.chars().filter(keep).collect::<String>().into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn elements_are_read_from_the_right() {
        let read = |line: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::FORWARDED, HeaderValue::from_bytes(line.as_bytes()).unwrap());
            let text = |value: &Option<Cow<'_, str>>| value.as_deref().unwrap_or("-").to_owned();
            let elements = from_nearest(&headers).map(|element| match element {
                Some(e) => [text(&e.client), text(&e.host), text(&e.proto)].join(" "),
                None => "malformed".to_owned(),
            });
            elements.collect::<Vec<_>>().join(", ")
        };
        for (line, elements) in [
            ("for=1.2.3.4", "1.2.3.4 - -"),
            ("For=\"[::1]:80\";HOST=a;proto=https;by=x", "[::1]:80 a https"),
            ("for=a, for=b;host=\"x,y;z\"", "b x,y;z -, a - -"),
            ("for=\"a\\\"b\\\\c\"", "a\"b\\c - -"),
            ("for=\"a\\\\\", for=\"b,\\\",c\"", "b,\",c - -, a\\ - -"),
            (" ; for = a ;", "a - -"),
            ("", "- - -"),
            ("for", "malformed"),
            ("for=\"a", "malformed"),
            ("for=a\"b\"", "malformed"),
            ("for=a;FOR=b", "malformed"),
            ("for=\"a, for=b", "b - -, malformed"),
            ("for=é, for=b", "b - -, é - -"),
        ] {
            assert_eq!(read(line), elements, "{line}");
        }
    }
}
