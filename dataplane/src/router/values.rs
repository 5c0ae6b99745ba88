//! The values that a request's query and cookies have under a name. Nothing in them is anybody's
//! error: what is malformed compares as it stands.

use http::{HeaderMap, header::COOKIE};
use percent_encoding::percent_decode;
use std::borrow::Cow;

/// The values of a query key: pieces between `&`, split at their first `=`, both sides
/// percent-decoded. A key without `=` has the value "". `+` is a plus (RFC 3986 knows no other
/// meaning; that it stands for a space is a habit of HTML forms).
pub(super) fn query<'q>(query: &'q str, name: &str) -> impl Iterator<Item = Cow<'q, [u8]>> {
    let pieces = query.split('&').filter(|piece| !piece.is_empty());
    pieces.filter_map(move |piece| {
        let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
        is_name(key.as_bytes(), name).then(|| decode(value.as_bytes()))
    })
}

/// The values of a cookie in all `Cookie` lines (RFC 6265 §4.2.1): names and values are
/// percent-decoded, and a value's surrounding double quotes are no part of it. A piece without `=`
/// has no name and is no one's.
pub(super) fn cookie<'h>(
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

fn is_name(key: &[u8], name: &str) -> bool {
    *decode(key) == *name.as_bytes()
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
