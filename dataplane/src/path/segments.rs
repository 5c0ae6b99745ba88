//! The segments that patterns and templates are made of. Both are held as their canonical text,
//! which says it all in the least memory; its segments are read off it.

use super::{PathError, PathPatternError as Error, normalise::canonicalise};

/// A segment of a pattern or template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment<'t> {
    /// This very text, canonical; may be empty.
    Literal(&'t str),
    /// `{name}`: one segment that is not empty.
    Capture(&'t str),
    /// `*`: this segment and all that follow, or the end of the path.
    Rest,
}

/// The segments of a canonical text.
pub(super) fn segments(text: &str) -> impl Iterator<Item = Segment<'_>> {
    text.split('/').skip(1).map(|segment| match segment {
        "*" => Segment::Rest,
        _ => match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => Segment::Capture(name),
            None => Segment::Literal(segment),
        },
    })
}

/// The names of a canonical text's captures in order.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    segments(text).filter_map(|segment| match segment {
        Segment::Capture(name) => Some(name),
        Segment::Literal(_) | Segment::Rest => None,
    })
}

/// Whether a canonical text ends in `*`. An escaped star is never decoded, so the text tells.
pub(super) fn has_rest(text: &str) -> bool {
    text.ends_with('*')
}

/// Checks a pattern or template and gives its canonical text: literals normalised as request paths
/// are, `*` alone written `/*`.
pub(super) fn parse(text: &str) -> Result<Box<str>, Error> {
    if text == "*" {
        return Ok("/*".into());
    }
    let tail = text.strip_prefix('/').ok_or(Error::NotAbsolute)?;
    if text.chars().count() > Error::MAX_CHARS {
        return Err(Error::TooLong);
    }
    let mut canonical = String::with_capacity(text.len());
    let mut segments = tail.split('/').peekable();
    while let Some(segment) = segments.next() {
        canonical.push('/');
        if segment.contains('*') {
            if segment != "*" || segments.peek().is_some() {
                return Err(Error::Wildcard);
            }
            canonical.push('*');
        } else if segment.contains(['{', '}']) {
            capture(segment)?;
            canonical.push_str(segment);
        } else {
            literal(segment, &mut canonical)?;
        }
    }
    Ok(canonical.into())
}

/// Checks that a segment with a brace is `{name}`.
fn capture(segment: &str) -> Result<(), Error> {
    let inner = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    match inner {
        Some(name) if !name.contains(['{', '}']) => {
            let mut chars = name.chars();
            let first = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
            let rest = chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
            if first && rest { Ok(()) } else { Err(Error::Name(name.to_owned())) }
        }
        _ => {
            let pair = segment.find('{').is_some_and(|open| segment[open..].contains('}'));
            let balanced = segment.matches('{').count() == segment.matches('}').count();
            let text = segment.to_owned();
            Err(if pair && balanced {
                Error::PartialCapture(text)
            } else {
                Error::StrayBrace(text)
            })
        }
    }
}

fn literal(segment: &str, canonical: &mut String) -> Result<(), Error> {
    if segment.contains('?') {
        return Err(Error::Query);
    }
    if segment.contains('#') {
        return Err(Error::Fragment);
    }
    let start = canonical.len();
    canonicalise(segment, canonical).map_err(|error| match error {
        PathError::NotAbsolute => Error::NotAbsolute,
        PathError::BrokenEscape => Error::BrokenEscape(segment.to_owned()),
        PathError::Backslash => Error::Backslash,
        PathError::Control => Error::Control,
    })?;
    match &canonical[start..] {
        "." | ".." => Err(Error::DotSegment(segment.to_owned())),
        _ => Ok(()),
    }
}

/// What a pattern took from a path: the segments of its captures in the pattern's order, and the
/// rest that its `*` took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures<'p> {
    pub(crate) values: Vec<&'p str>,
    pub(crate) rest: Option<&'p str>,
}

impl<'p> Captures<'p> {
    /// What the captures took, in the order of [`PathPattern::names`](super::PathPattern::names).
    pub fn values(&self) -> &[&'p str] {
        &self.values
    }

    /// What `*` took, without the slash before it. `None` where the path is the bare prefix, or
    /// the pattern has no `*`.
    pub fn rest(&self) -> Option<&'p str> {
        self.rest
    }
}

/// Matches a normalised path against a canonical text.
pub(super) fn take<'p>(text: &str, path: &'p str) -> Option<Captures<'p>> {
    let mut captures = Captures::default();
    // What is left of the path after a slash; `None` at its end.
    let mut left = path.strip_prefix('/');
    for segment in segments(text) {
        if segment == Segment::Rest {
            captures.rest = left;
            return Some(captures);
        }
        let (value, after) = split(left?);
        match segment {
            Segment::Literal(literal) if literal == value => {}
            Segment::Capture(_) if !value.is_empty() => captures.values.push(value),
            Segment::Literal(_) | Segment::Capture(_) | Segment::Rest => return None,
        }
        left = after;
    }
    left.is_none().then_some(captures)
}

/// The first segment of what is left of a path, and what follows the slash after it.
pub(crate) fn split(left: &str) -> (&str, Option<&str>) {
    match memchr::memchr(b'/', left.as_bytes()) {
        Some(slash) => (&left[..slash], Some(&left[slash + 1..])),
        None => (left, None),
    }
}

/// The path that a canonical text makes with these values: `value` gives a capture's by its name.
pub(super) fn fill<'v>(
    text: &str,
    mut value: impl FnMut(&str) -> Option<&'v str>,
    rest: Option<&str>,
) -> Option<String> {
    let mut path = String::with_capacity(text.len() + rest.map_or(0, str::len));
    for segment in segments(text) {
        let part = match segment {
            Segment::Literal(literal) => literal,
            Segment::Capture(name) => value(name)?,
            Segment::Rest => match rest {
                Some(rest) => rest,
                None => break,
            },
        };
        path.push('/');
        path.push_str(part);
    }
    if path.is_empty() {
        path.push('/');
    }
    Some(path)
}
