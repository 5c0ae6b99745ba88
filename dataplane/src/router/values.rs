//! The values of a request's query keys and cookies. Nothing is rejected: malformed values are
//! compared as they are.

use super::budget::Budget;
use http::{HeaderMap, header::COOKIE};
use percent_encoding::percent_decode;
use std::borrow::Cow;

/// The values of a query key: pieces between `&`, split at their first `=`, both sides
/// percent-decoded. A key without `=` has the value "". `+` is a literal plus: RFC 3986 §3.4 gives
/// it no other meaning, and writing spaces as `+` is a convention of HTML forms.
pub(crate) fn query<'q>(query: &'q str, name: &str) -> impl Iterator<Item = Cow<'q, [u8]>> {
    let pieces = query.split('&').filter(|piece| !piece.is_empty());
    pieces.filter_map(move |piece| {
        let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
        is_name(key.as_bytes(), name).then(|| decode(value.as_bytes()))
    })
}

/// The values of a cookie in all `Cookie` fields (RFC 6265 §4.2.1): names and values are
/// percent-decoded, and double quotes around a value are not part of it. A piece without `=` is
/// ignored.
pub(crate) fn cookie<'h>(
    headers: &'h HeaderMap,
    name: &str,
) -> impl Iterator<Item = Cow<'h, [u8]>> {
    let lines = headers.get_all(COOKIE).iter();
    let pieces = lines.flat_map(|line| line.as_bytes().split(|&byte| byte == b';'));
    pieces.filter_map(move |piece| {
        let equals = memchr::memchr(b'=', piece)?;
        let (key, value) = (piece[..equals].trim_ascii(), piece[equals + 1..].trim_ascii());
        is_name(key, name).then(|| decode(unquote(value)))
    })
}

/// What it costs to look for a query key.
pub(super) fn query_cost(query: &str) -> usize {
    cost(b'&', query.as_bytes())
}

/// What it costs to look for a cookie.
pub(super) fn cookie_cost(headers: &HeaderMap) -> usize {
    headers.get_all(COOKIE).iter().map(|line| cost(b';', line.as_bytes())).sum()
}

fn cost(separator: u8, list: &[u8]) -> usize {
    list.len() + Budget::PIECE * memchr::memchr_iter(separator, list).count()
}

fn is_name(key: &[u8], name: &str) -> bool {
    key == name.as_bytes() || (key.contains(&b'%') && *decode(key) == *name.as_bytes())
}

fn decode(value: &[u8]) -> Cow<'_, [u8]> {
    percent_decode(value).into()
}

fn unquote(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] => inner,
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn text(values: impl Iterator<Item = Cow<'static, [u8]>>) -> Vec<String> {
        values.map(|value| String::from_utf8_lossy(&value).into_owned()).collect()
    }

    #[test]
    fn query_keys_are_decoded() {
        for (pieces, name, values) in [
            ("", "a", &[] as &[_]),
            ("a", "a", &[""]),
            ("a=", "a", &[""]),
            ("a=1&b=2&a=3", "a", &["1", "3"]),
            ("ab=1", "a", &[]),
            ("A=1", "a", &[]),
            ("a=1=2", "a", &["1=2"]),
            ("%61=%31", "a", &["1"]),
            ("a%3Db=1", "a=b", &["1"]),
            ("a=b%26c", "a", &["b&c"]),
            ("a=b%2541", "a", &["b%41"]),
            ("a=1+2", "a", &["1+2"]),
            ("a+b=1", "a b", &[]),
            ("a%20b=1", "a b", &["1"]),
            ("a=%zz%41%", "a", &["%zzA%"]),
            ("a%=1", "a%", &["1"]),
            ("a=%FF", "a", &["\u{FFFD}"]),
            ("&&a=1&", "a", &["1"]),
            ("&=1&", "", &["1"]),
            ("a;b=1", "a", &[]),
            ("é=é", "é", &["é"]),
        ] {
            assert_eq!(text(query(pieces, name)), values, "{pieces} {name}");
        }
    }

    #[test]
    fn cookies_are_decoded() {
        for (lines, name, values) in [
            (&[] as &[&'static str], "a", &[] as &[_]),
            (&["a=1"], "a", &["1"]),
            (&["a=1; b=2", "a=3"], "a", &["1", "3"]),
            (&["b=2;a=1"], "a", &["1"]),
            (&["  a = 1 ;"], "a", &["1"]),
            (&["a"], "a", &[]),
            (&["=a"], "a", &[]),
            (&["a="], "a", &[""]),
            (&["a=1=2"], "a", &["1=2"]),
            (&["a=\"x y\""], "a", &["x y"]),
            (&["a=\""], "a", &["\""]),
            (&["a=\"\""], "a", &[""]),
            (&["a=\"x"], "a", &["\"x"]),
            (&["a=%22x%22"], "a", &["\"x\""]),
            (&["%61=%31%3b"], "a", &["1;"]),
            (&["a=%zz"], "a", &["%zz"]),
            (&["A=1"], "a", &[]),
            (&["xa=1; a.b=2"], "a", &[]),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(COOKIE, HeaderValue::from_static(line));
            }
            let found: Vec<_> = cookie(&headers, name)
                .map(|value| String::from_utf8_lossy(&value).into_owned())
                .collect();
            assert_eq!(found, values, "{lines:?} {name}");
        }
    }
}
