//! Paths: normalisation of a request's path (RFC 3986 §6.2.2), the patterns that match it, and the
//! templates that rewrite it.

use serde::{Serialize, Serializer};
use std::{borrow::Cow, fmt};

/// Why a request's path is refused with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Not starting with `/`.
    #[error("the path does not start with '/'")]
    NotAbsolute,
    /// `%` without two hex digits.
    #[error("the path has a broken percent-escape")]
    BrokenEscape,
    /// A raw backslash.
    #[error("the path has a backslash")]
    Backslash,
    /// A NUL or control character, raw or escaped.
    #[error("the path has a control character")]
    Control,
}

/// Normalises a request's path: dot segments removed, unreserved escapes decoded once, escapes in
/// upper case; `//` is kept. Borrows where nothing changes.
pub fn normalise(_path: &str) -> Result<Cow<'_, str>, PathError> {
    Err(PathError::NotAbsolute)
}

/// A path pattern: `/api/{id}/*`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathPattern {
    text: Box<str>,
}

/// Why a pattern or template is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathPatternError {
    /// Neither `*` nor starting with `/`.
    #[error("does not start with '/'")]
    NotAbsolute,
}

/// What a pattern took from a path, by name; the rest that `*` took under the name `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures<'p> {
    named: Vec<&'p str>,
    rest: Option<&'p str>,
}

impl PathPattern {
    /// Parses a pattern; `*` alone is `/*`.
    pub fn parse(pattern: &str) -> Result<Self, PathPatternError> {
        Ok(Self { text: pattern.into() })
    }

    /// The names of its captures in order; `*` is not among them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }

    /// Whether it ends in `*`.
    pub fn has_rest(&self) -> bool {
        false
    }

    /// Matches a normalised path alone, without the tree.
    pub fn matches<'p>(&self, _path: &'p str) -> Option<Captures<'p>> {
        None
    }

    /// Whether every path that `other` matches is matched by this one too: path claims.
    pub fn contains(&self, _other: &Self) -> bool {
        false
    }

    /// Whether both match the same paths: equal but for the names of captures.
    pub fn same_shape(&self, _other: &Self) -> bool {
        false
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

/// A path template: what a pattern captured goes where the same names stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate {
    text: Box<str>,
}

impl PathTemplate {
    /// Parses a template.
    pub fn parse(template: &str) -> Result<Self, PathPatternError> {
        Ok(Self { text: template.into() })
    }

    /// The names that it uses; `*` is not among them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }

    /// Whether it ends in `*`.
    pub fn has_rest(&self) -> bool {
        false
    }

    /// The path for what `pattern` captured. The compiler has checked that `pattern` has every
    /// name that the template uses.
    pub fn fill(&self, _pattern: &PathPattern, _captures: &Captures<'_>) -> String {
        String::new()
    }

    /// The way back, for reverse mapping: the front door's path for the backend's path `path`, as
    /// `pattern` (which took `captures` from this very request) and this template relate them.
    /// Names that the template does not use are filled from `captures`. `None` where `path` is
    /// outside the template.
    pub fn reverse(
        &self,
        _pattern: &PathPattern,
        _captures: &Captures<'_>,
        _path: &str,
    ) -> Option<String> {
        None
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for PathTemplate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
