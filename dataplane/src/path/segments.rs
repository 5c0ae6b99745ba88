//! The segments of patterns and templates. Both are stored as their canonical text, the most
//! compact form, and segments are parsed from it on demand. A pattern's captures are whole
//! segments; a template's may have literals around them.

use super::{
    PathError, PathPatternError as Error,
    normalise::{canonicalise, hides_dots},
};

/// A segment of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segment<'t> {
    /// Exactly this text, canonical; may be empty.
    Literal(&'t str),
    /// `{name}`: one segment that is not empty.
    Capture(&'t str),
    /// `*`: this segment and all that follow, or the end of the path.
    Rest,
}

/// The segments of a pattern's canonical text.
pub(super) fn segments(pattern: &str) -> impl Iterator<Item = Segment<'_>> {
    pattern.split('/').skip(1).map(|segment| match segment {
        "*" => Segment::Rest,
        _ => match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => Segment::Capture(name),
            None => Segment::Literal(segment),
        },
    })
}

/// The names of a canonical text's captures, in order.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name)
}

/// Whether a canonical text ends in `*`. An escaped star stays escaped, so the last byte is enough.
pub(super) fn has_rest(text: &str) -> bool {
    text.ends_with('*')
}

/// Checks a pattern or template and returns its canonical text: literals normalised like request
/// paths, `*` alone written `/*`.
pub(super) fn parse(text: &str) -> Result<Box<str>, Error> {
    if text.chars().count() > Error::MAX_CHARS {
        return Err(Error::TooLong);
    }
    canonical(text)
}

/// The same for a text of any length.
pub(super) fn canonical(text: &str) -> Result<Box<str>, Error> {
    if text == "*" {
        return Ok("/*".into());
    }
    let tail = text.strip_prefix('/').ok_or(Error::NotAbsolute)?;
    let mut canonical = String::with_capacity(text.len());
    let mut segments = tail.split('/').peekable();
    while let Some(segment) = segments.next() {
        canonical.push('/');
        if !segment.contains('*') {
            parse_segment(segment, &mut canonical)?;
        } else if segment == "*" && segments.peek().is_none() {
            canonical.push('*');
        } else {
            return Err(Error::Wildcard);
        }
    }
    Ok(canonical.into())
}

/// Appends the canonical form of a segment: literals with `{name}` between them.
fn parse_segment(segment: &str, canonical: &mut String) -> Result<(), Error> {
    let start = canonical.len();
    let stray = || Error::StrayBrace(segment.to_owned());
    let mut pieces = segment.split('{');
    let mut text = pieces.next().unwrap_or_default();
    loop {
        if text.contains('}') {
            return Err(stray());
        }
        parse_literal(text, canonical)?;
        let Some(piece) = pieces.next() else { break };
        let (name, after) = piece.split_once('}').ok_or_else(stray)?;
        if !is_name(name) {
            return Err(Error::Name(name.to_owned()));
        }
        canonical.extend(["{", name, "}"]);
        text = after;
    }
    // This includes `.` and `..` themselves.
    if hides_dots(&canonical[start..]) {
        return Err(Error::DotSegment(segment.to_owned()));
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

fn parse_literal(literal: &str, canonical: &mut String) -> Result<(), Error> {
    if literal.contains('?') {
        return Err(Error::Query);
    }
    if literal.contains('#') {
        return Err(Error::Fragment);
    }
    canonicalise(literal, canonical).map_err(|error| match error {
        PathError::NotAbsolute => Error::NotAbsolute,
        PathError::BrokenEscape => Error::BrokenEscape(literal.to_owned()),
        PathError::HiddenDots | PathError::HiddenSlashes => Error::DotSegment(literal.to_owned()),
        PathError::Backslash => Error::Backslash,
        PathError::Control => Error::Control,
    })
}

/// What a pattern captured from a path: the segments of its captures in the pattern's order, and
/// the rest that its `*` matched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures<'p> {
    pub(crate) values: Vec<&'p str>,
    pub(crate) rest: Option<&'p str>,
}

impl<'p> Captures<'p> {
    /// The captured segments, in the order of [`PathPattern::names`](super::PathPattern::names).
    pub fn values(&self) -> &[&'p str] {
        &self.values
    }

    /// What `*` matched, without the slash before it. `None` if the path is the bare prefix or the
    /// pattern has no `*`.
    pub fn rest(&self) -> Option<&'p str> {
        self.rest
    }
}

/// Matches a normalised path against a canonical text.
pub(super) fn match_path<'p>(text: &str, path: &'p str) -> Option<Captures<'p>> {
    let mut captures = Captures::default();
    // What is left of the path after a slash; `None` at its end.
    let mut left = path.strip_prefix('/');
    for segment in text.split('/').skip(1) {
        if segment == "*" {
            captures.rest = left;
            return Some(captures);
        }
        let (value, after) = split(left?);
        match_segment(segment, value, &mut captures.values)?;
        left = after;
    }
    left.is_none().then_some(captures)
}

/// Matches one segment. Every capture but the last takes the shortest text that its literals allow:
/// this finds a match if there is one, in linear time.
fn match_segment<'p>(segment: &str, value: &'p str, values: &mut Vec<&'p str>) -> Option<()> {
    let mut pieces = segment.split('{');
    let mut left = value.strip_prefix(pieces.next()?)?;
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        let (_, literal) = piece.split_once('}')?;
        let len = match pieces.peek() {
            Some(_) => left.get(1..)?.find(literal)? + 1,
            None => left.strip_suffix(literal)?.len(),
        };
        if len == 0 {
            return None;
        }
        values.push(&left[..len]);
        left = &left[len + literal.len()..];
    }
    left.is_empty().then_some(())
}

/// Splits off the first segment of the rest of a path; the second part is what follows the slash.
pub(crate) fn split(left: &str) -> (&str, Option<&str>) {
    match memchr::memchr(b'/', left.as_bytes()) {
        Some(slash) => (&left[..slash], Some(&left[slash + 1..])),
        None => (left, None),
    }
}

/// Fills a canonical text: `value` maps a capture's name to its value. `None` if a name has none.
pub(super) fn fill<'v>(
    text: &str,
    value: impl Fn(&str) -> Option<&'v str>,
    rest: Option<&str>,
) -> Option<String> {
    let mut path = String::with_capacity(text.len() + rest.map_or(0, str::len));
    for segment in text.split('/').skip(1) {
        if segment == "*" {
            path.extend(rest.into_iter().flat_map(|rest| ["/", rest]));
            break;
        }
        path.push('/');
        let mut pieces = segment.split('{');
        path.extend(pieces.next());
        for piece in pieces {
            let (name, literal) = piece.split_once('}')?;
            path.extend([value(name)?, literal]);
        }
    }
    if path.is_empty() {
        path.push('/');
    }
    Some(path)
}
