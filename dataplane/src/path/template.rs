//! Path templates.

use super::segments::{self, Captures, Segment};
use super::{PathError, PathPattern, PathPatternError, normalise};
use serde::{Serialize, Serializer};
use std::{borrow::Cow, fmt};

/// A path template: captured values go where their names occur. Written like a pattern, but a name
/// may occur more than once, and as part of a segment: `/users/{id}.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathTemplate {
    /// Canonical.
    text: Box<str>,
}

impl PathTemplate {
    /// Parses a template; `*` alone is `/*`.
    pub fn parse(template: &str) -> Result<Self, PathPatternError> {
        Ok(Self { text: segments::parse(template)? })
    }

    /// A template that a rule has filled with values of a request, escaped so that they are no
    /// syntax. It may be as long as these are.
    ///
    /// # Errors
    /// If a value and the literals around it make a segment that no normalised path has.
    pub(crate) fn of_filled(template: &str) -> Result<Self, PathError> {
        use PathPatternError as Error;
        let text = segments::canonical(template).map_err(|error| match error {
            Error::NotAbsolute => PathError::NotAbsolute,
            Error::Backslash => PathError::Backslash,
            Error::Control => PathError::Control,
            Error::DotSegment(_) => PathError::HiddenDots,
            Error::BrokenEscape(_)
            | Error::TooLong
            | Error::Wildcard
            | Error::StrayBrace(_)
            | Error::Name(_)
            | Error::PartialCapture(_)
            | Error::RepeatedName(_)
            | Error::Query
            | Error::Fragment => PathError::BrokenEscape,
        })?;
        Ok(Self { text })
    }

    /// The names that it uses, excluding `*`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        segments::names(&self.text)
    }

    /// Whether it ends in `*`.
    pub fn has_rest(&self) -> bool {
        segments::has_rest(&self.text)
    }

    /// The path for what `pattern` captured. The compiler has checked that `pattern` has every name
    /// that the template uses, and a `*` if the template has one; a missing value leaves its
    /// segment empty.
    ///
    /// # Errors
    /// If a captured value and the literals around it make a segment that no normalised path has:
    /// `/..{a}` with `;x` for `a`.
    pub fn fill(
        &self,
        pattern: &PathPattern,
        captures: &Captures<'_>,
    ) -> Result<String, PathError> {
        let value = |name: &str| Some(value(pattern.names(), captures, name).unwrap_or_default());
        let filled = segments::fill(&self.text, value, captures.rest());
        let filled = filled.unwrap_or_else(|| "/".to_owned());
        match normalise(&filled)? {
            Cow::Borrowed(_) => {}
            Cow::Owned(normal) => return Ok(normal),
        }
        Ok(filled)
    }

    /// The inverse of [`fill`](Self::fill), for rewriting responses: the front door's path for the
    /// backend's path `path`, given `pattern` and what it captured from this request (`captures`).
    /// What the template does not use, names or `*`, is filled from `captures`. `None` if `path`
    /// does not match the template, or is a path that no request could have.
    ///
    /// `path` need not be normalised; the result is. Where several of the front door's paths lead
    /// to `path` (`/strip` and `/strip/` by `/strip/*` → `/*`), the result is one of them.
    pub fn reverse(
        &self,
        pattern: &PathPattern,
        captures: &Captures<'_>,
        path: &str,
    ) -> Option<String> {
        let path = normalise(path).ok()?;
        let captured = match_consistently(&self.text, &path)?;
        let ours = |name: &str| value(self.names(), &captured, name);
        let rest = match (self.has_rest(), pattern.has_rest()) {
            (true, true) => captured.rest(),
            (true, false) if captured.rest().is_some() => return None,
            (true, false) => None,
            (false, _) => captures.rest(),
        };
        let value = |name: &str| ours(name).or_else(|| value(pattern.names(), captures, name));
        // A capture between literals can split an escape.
        segments::fill(pattern.text(), value, rest).filter(|path| is_normal(path))
    }

    /// The inverse for a path that stands for everything below it, as a cookie's `Path` does (RFC
    /// 6265 §5.1.4). A path above the template's, such as `/v1` for `/v1/orders/*`, covers all of
    /// the front door's paths that lead below it, and becomes the longest path that does too:
    /// `/orders` for `/orders/*`. `None` if it covers none of the template's paths.
    pub fn reverse_scope(
        &self,
        pattern: &PathPattern,
        captures: &Captures<'_>,
        path: &str,
    ) -> Option<String> {
        if let Some(reversed) = self.reverse(pattern, captures, path) {
            return Some(reversed);
        }
        let path = normalise(path).ok()?;
        let scope = path.strip_suffix('/').unwrap_or(&path);
        let depth = scope.matches('/').count();
        let above = match self.text.match_indices('/').nth(depth) {
            Some((end, _)) => &self.text[..end],
            None => return None,
        };
        let captured = match_consistently(above, scope)?;
        let mut reversed = String::with_capacity(pattern.text().len());
        for segment in pattern.segments() {
            let text = match segment {
                Segment::Literal(literal) => literal,
                Segment::Capture(name) => {
                    let fixed = value(segments::names(above), &captured, name);
                    match fixed {
                        Some(value) => value,
                        // Any value leads below the path.
                        None if self.names().any(|other| other == name) => break,
                        None => value(pattern.names(), captures, name)?,
                    }
                }
                Segment::Rest => break,
            };
            reversed.extend(["/", text]);
        }
        if reversed.is_empty() {
            reversed.push('/');
        }
        Some(reversed).filter(|path| is_normal(path))
    }
}

/// Matches a normalised path; `None` too if a repeated name captures two different values.
fn match_consistently<'p>(text: &str, path: &'p str) -> Option<Captures<'p>> {
    let captured = segments::match_path(text, path)?;
    let first = |name| value(segments::names(text), &captured, name);
    let mut all = segments::names(text).zip(captured.values());
    all.all(|(name, value)| first(name) == Some(value)).then_some(captured)
}

fn is_normal(path: &str) -> bool {
    matches!(normalise(path), Ok(Cow::Borrowed(_)))
}

/// The value that the capture `name` has.
fn value<'n, 'p>(
    mut names: impl Iterator<Item = &'n str>,
    captures: &Captures<'p>,
    name: &str,
) -> Option<&'p str> {
    captures.values().get(names.position(|other| other == name)?).copied()
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
