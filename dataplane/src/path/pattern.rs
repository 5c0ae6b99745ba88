//! Path patterns.

use super::PathPatternError;
use super::segments::{self, Captures, Segment};
use serde::{Serialize, Serializer};
use std::{borrow::Cow, cmp::Ordering, collections::HashSet, fmt, iter};

/// A path pattern: segments that are literals, `{name}` or a final `*`, as in `/api/{id}/*`.
/// Equal patterns match the same paths with the same names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathPattern {
    /// Canonical.
    text: Box<str>,
}

impl PathPattern {
    /// Parses a pattern; `*` alone is `/*`. Literals are normalised like request paths, so `/é` and
    /// `/%c3%a9` are the same pattern.
    pub fn parse(pattern: &str) -> Result<Self, PathPatternError> {
        let parsed = Self { text: segments::parse(pattern)? };
        let whole = |segment: &&str| {
            segment.starts_with('{') && segment.find('}') == Some(segment.len() - 1)
        };
        let mut captures = parsed.text.split('/').filter(|segment| segment.contains('{'));
        if let Some(part) = captures.find(|segment| !whole(segment)) {
            return Err(PathPatternError::PartialCapture(part.to_owned()));
        }
        let mut seen = HashSet::new();
        if let Some(name) = parsed.names().find(|name| !seen.insert(*name)) {
            return Err(PathPatternError::RepeatedName(name.to_owned()));
        }
        Ok(parsed)
    }

    /// `/`, which captures nothing.
    pub(crate) fn root() -> Self {
        Self { text: "/".into() }
    }

    /// The names of its captures in order, excluding `*`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        segments::names(&self.text)
    }

    /// Whether it ends in `*`.
    pub fn has_rest(&self) -> bool {
        segments::has_rest(&self.text)
    }

    /// Its literal segments in front of the first `{name}` or `*`: `/shop` for `/shop/{id}/*`, `/` if
    /// there are none. All paths that it matches are this one or below it.
    pub fn literal_prefix(&self) -> &str {
        let is_literal = |segment: &Segment<'_>| matches!(segment, Segment::Literal(_));
        let literals = self.segments().take_while(is_literal).map(|segment| match segment {
            Segment::Literal(literal) => 1 + literal.len(),
            Segment::Capture(_) | Segment::Rest => 0,
        });
        match literals.sum() {
            0 => "/",
            end => &self.text[..end],
        }
    }

    /// Matches a normalised path directly, without the tree.
    pub fn matches<'p>(&self, path: &'p str) -> Option<Captures<'p>> {
        segments::match_path(&self.text, path)
    }

    /// Whether this pattern matches every path that `other` matches; used for path claims.
    pub fn contains(&self, other: &Self) -> bool {
        let mut theirs = other.segments();
        for ours in self.segments() {
            match (ours, theirs.next()) {
                (Segment::Rest, _) => return true,
                (Segment::Literal(ours), Some(Segment::Literal(theirs))) if ours == theirs => {}
                (Segment::Capture(_), Some(Segment::Capture(_))) => {}
                (Segment::Capture(_), Some(Segment::Literal(theirs))) if !theirs.is_empty() => {}
                (Segment::Literal(_) | Segment::Capture(_), _) => return false,
            }
        }
        theirs.next().is_none()
    }

    /// Whether both match the same paths: equal except for the names of captures.
    pub fn same_shape(&self, other: &Self) -> bool {
        self.text == other.text || self.shape() == other.shape()
    }

    /// The text without capture names: `/api/{}/*`. Patterns of the same shape have equal texts, so
    /// it can key a map.
    pub fn shape(&self) -> Cow<'_, str> {
        if self.names().next().is_none() {
            return Cow::Borrowed(&self.text);
        }
        let shape = self.segments().flat_map(|segment| {
            let text = match segment {
                Segment::Literal(literal) => literal,
                Segment::Capture(_) => "{}",
                Segment::Rest => "*",
            };
            iter::once("/").chain(iter::once(text))
        });
        Cow::Owned(shape.collect())
    }

    /// Which of two patterns takes precedence where both match: segment by segment a literal, then
    /// a capture, then the pattern's end, then `*`. Different literals, which never match the same
    /// path, are ordered by their text. Equal for patterns of the same shape.
    pub(crate) fn precedence(&self, other: &Self) -> Ordering {
        // Skip what both texts begin with: the segments can first differ at its last slash.
        let (ours, theirs) = (self.text.as_bytes(), other.text.as_bytes());
        let same = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
        let from = memchr::memrchr(b'/', &ours[..same]).unwrap_or(0);
        let steps = |text| segments::segments(text).map(Step::from).chain([Step::End]);
        steps(&self.text[from..]).cmp(steps(&other.text[from..]))
    }

    pub(crate) fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        segments::segments(&self.text)
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// A segment or the end, in order of precedence.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Step<'t> {
    Literal(&'t str),
    Capture,
    End,
    Rest,
}

impl<'t> From<Segment<'t>> for Step<'t> {
    fn from(segment: Segment<'t>) -> Self {
        match segment {
            Segment::Literal(literal) => Self::Literal(literal),
            Segment::Capture(_) => Self::Capture,
            Segment::Rest => Self::Rest,
        }
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for PathPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
