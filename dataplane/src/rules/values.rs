//! What takes the place of variables, escaped for where it goes: what comes of a request is never
//! syntax there.

use super::Subject;
use crate::{
    path::{Captures, PathPattern, PathTemplate},
    refusal::Refusal,
    router,
    table::{Escape, HostPattern, ObjectName, Piece, Text, Variable},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_encode};
use std::{borrow::Cow, cell::Cell};

/// How much the values in all texts of one request may take: a value can be as long as a head, and a
/// text can have it many times.
const MAX_BYTES: usize = 64 << 10;

/// What is escaped in what is a path already: what would be syntax in a template.
const WHOLE_PATH: &AsciiSet = &CONTROLS.add(b'*').add(b'{').add(b'}');

/// What is escaped in a path: all but unreserved characters (RFC 3986 §2.3).
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The values of one request.
pub(crate) struct Values<'v> {
    subject: &'v Subject<'v>,
    route: Option<&'v ObjectName>,
    captured: Option<(&'v PathPattern, &'v Captures<'v>)>,
    left: Cell<usize>,
}

impl<'v> Values<'v> {
    /// For the rules of a FrontDoor, and the Route if one has been found.
    pub(crate) fn of_front_door(subject: &'v Subject<'v>, route: Option<&'v ObjectName>) -> Self {
        Self { subject, route, captured: None, left: Cell::new(MAX_BYTES) }
    }

    /// For the rules of a Route, whose `pattern` has captured something from the path.
    pub(crate) fn of_route(
        subject: &'v Subject<'v>,
        route: &'v ObjectName,
        pattern: &'v PathPattern,
        captures: &'v Captures<'v>,
    ) -> Self {
        let captured = Some((pattern, captures));
        Self { captured, ..Self::of_front_door(subject, Some(route)) }
    }

    /// The value of a variable, as far as there is room for it.
    fn take(&self, variable: &Variable) -> Result<Cow<'v, [u8]>, Refusal> {
        let value = self.value(variable);
        let left = self.left.get().checked_sub(value.len());
        self.left.set(left.ok_or(Refusal::PredicatesTooCostly)?);
        Ok(value)
    }

    fn value(&self, variable: &Variable) -> Cow<'v, [u8]> {
        let Subject { request, headers, sender } = self.subject;
        let query = || request.query.unwrap_or_default();
        match variable {
            Variable::Host => sender.host.as_bytes().into(),
            Variable::Path => request.path.as_bytes().into(),
            Variable::Query => query().as_bytes().into(),
            Variable::QueryValue(name) => {
                router::query_values(query(), name).next().unwrap_or_default()
            }
            Variable::Header(name) => {
                let mut lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
                match (lines.next(), lines.next()) {
                    (first, None) => first.unwrap_or_default().into(),
                    (_, Some(_)) => {
                        let lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
                        lines.collect::<Vec<_>>().join(&b", "[..]).into()
                    }
                }
            }
            Variable::Cookie(name) => {
                router::cookie_values(headers, name).next().unwrap_or_default()
            }
            Variable::Method => request.method.as_str().as_bytes().into(),
            Variable::Scheme => sender.scheme.as_str().as_bytes().into(),
            Variable::ClientAddress => sender.address.to_string().into_bytes().into(),
            Variable::RequestId => sender.id.as_bytes().into(),
            Variable::Route => {
                self.route.map(ToString::to_string).unwrap_or_default().into_bytes().into()
            }
            Variable::Captured(name) => self.captured(name).unwrap_or_default().as_bytes().into(),
        }
    }

    fn captured(&self, name: &str) -> Option<&'v str> {
        let (pattern, captures) = self.captured?;
        let index = pattern.names().position(|own| own == name)?;
        captures.values().get(index).copied()
    }

    /// A text in which `write` puts each variable's value, as it may stand there.
    fn fill(&self, text: &Text, write: impl Fn(&[u8], &mut Vec<u8>)) -> Result<Vec<u8>, Refusal> {
        let mut filled = Vec::new();
        for piece in &text.pieces {
            match piece {
                Piece::Literal(literal) => filled.extend_from_slice(literal.as_bytes()),
                Piece::Variable(variable) => {
                    write(&self.take(variable)?, &mut filled);
                }
            }
        }
        Ok(filled)
    }

    /// The value of a field; what no field may have is left out (RFC 9110 §5.5), and so is what
    /// would begin another attribute of a cookie.
    pub(crate) fn field(&self, name: &HeaderName, text: &Text) -> Result<HeaderValue, Refusal> {
        let is_cookie = *name == header::SET_COOKIE;
        let may_have = |byte: &u8| {
            (*byte == b'\t' || (*byte >= b' ' && *byte != 0x7f)) && !(is_cookie && *byte == b';')
        };
        let filled = self.fill(text, |value, filled| {
            filled.extend(value.iter().copied().filter(may_have));
        })?;
        // What the text itself has, the compiler has checked.
        HeaderValue::from_bytes(filled.trim_ascii()).map_err(|_| Refusal::InvalidTarget)
    }

    /// The template of a path, with what the match captured left to be filled in.
    pub(crate) fn path(&self, text: &Text) -> Result<PathTemplate, Refusal> {
        let mut path = String::new();
        for piece in &text.pieces {
            match piece {
                Piece::Literal(literal) => {
                    path.push_str(&literal.replace('{', "%7B").replace('}', "%7D"));
                }
                Piece::Variable(Variable::Captured(name)) => path.extend(["{", name, "}"]),
                Piece::Variable(variable) => {
                    let value = self.take(variable)?;
                    let escaped = percent_encode(&value, escaped(variable));
                    path.extend(escaped);
                }
            }
        }
        PathTemplate::of_filled(&path).map_err(Refusal::InvalidPath)
    }

    /// A host, which must be one of `allowed`.
    pub(crate) fn host(&self, text: &Text, allowed: &[HostPattern]) -> Result<String, Refusal> {
        let filled = self.fill(text, |value, filled| filled.extend_from_slice(value))?;
        let host = String::from_utf8(filled).ok();
        let host = host.and_then(|host| host.parse::<HostPattern>().ok());
        match host {
            Some(HostPattern::Exact(host)) if allowed.iter().any(|one| one.matches(&host)) => {
                Ok(host.to_string())
            }
            Some(HostPattern::Exact(_) | HostPattern::Suffix(_) | HostPattern::Any) | None => {
                Err(Refusal::RedirectHostNotAllowed)
            }
        }
    }

    /// A body, in which values are escaped.
    pub(crate) fn body(&self, text: &Text, escape: Escape) -> Result<Bytes, Refusal> {
        let filled = self.fill(text, |value, filled| match escape {
            Escape::Plain => filled.extend_from_slice(value),
            Escape::Html => html(value, filled),
            Escape::Json => json(value, filled),
        })?;
        Ok(filled.into())
    }

    /// What `make` makes of the request's path, and of what the match has captured from it.
    pub(crate) fn of_match<T>(
        &self,
        make: impl FnOnce(&str, &PathPattern, &Captures<'_>) -> T,
    ) -> T {
        let (none, nothing) = (PathPattern::root(), Captures::default());
        let (pattern, captures) = self.captured.unwrap_or((&none, &nothing));
        make(self.subject.request.path, pattern, captures)
    }
}

/// What is escaped of a variable in a path.
fn escaped(variable: &Variable) -> &'static AsciiSet {
    match variable {
        Variable::Path => WHOLE_PATH,
        Variable::Host
        | Variable::Query
        | Variable::QueryValue(_)
        | Variable::Header(_)
        | Variable::Cookie(_)
        | Variable::Method
        | Variable::Scheme
        | Variable::ClientAddress
        | Variable::RequestId
        | Variable::Route
        | Variable::Captured(_) => PATH,
    }
}

/// With character references for what is syntax in content and in quoted attributes (HTML, "escape a
/// string").
fn html(value: &[u8], out: &mut Vec<u8>) {
    for byte in String::from_utf8_lossy(value).bytes() {
        match byte {
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'"' => out.extend_from_slice(b"&quot;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            byte => out.push(byte),
        }
    }
}

/// As the inside of a JSON string (RFC 8259 §7).
fn json(value: &[u8], out: &mut Vec<u8>) {
    let quoted = serde_json::Value::from(String::from_utf8_lossy(value)).to_string();
    let inside = quoted.strip_prefix('"').and_then(|quoted| quoted.strip_suffix('"'));
    out.extend_from_slice(inside.unwrap_or_default().as_bytes());
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
