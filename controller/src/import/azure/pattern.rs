//! Azure's path patterns: `/*`, `/api/*`, `/exact`, and the paths that are made of them.

use portico_dataplane::path::{PathPattern, PathPatternError, PathTemplate};

/// A pattern. With a wildcard it matches what follows its prefix: `/api/*` matches `/api/` and
/// `/api/x`, not `/api`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pattern {
    /// What it begins with; all of it, without a wildcard. Escaped as in a request.
    prefix: String,
    has_rest: bool,
}

impl Pattern {
    /// Parses a pattern; why it can't be one, otherwise.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (prefix, has_rest) = match text.strip_suffix('*') {
            Some(prefix) => (prefix, true),
            None => (text, false),
        };
        if !prefix.starts_with('/') || has_rest && !prefix.ends_with('/') {
            return Err("is no pattern such as /api/*, /api or /*".to_owned());
        }
        let pattern = Self { prefix: escaped(prefix), has_rest };
        match PathPattern::parse(&pattern.text()) {
            Ok(_) => Ok(pattern),
            Err(error) => Err(error.to_string()),
        }
    }

    /// As Portico writes it.
    pub(super) fn text(&self) -> String {
        format!("{}{}", self.prefix, if self.has_rest { "*" } else { "" })
    }

    /// Whether it matches everything that another matches.
    pub(super) fn contains(&self, other: &Self) -> bool {
        self == other || self.has_rest && other.prefix.starts_with(&self.prefix)
    }

    /// The more specific one of two that have a path in common: an exact one, or the longer one.
    pub(super) fn specificity(&self) -> (bool, usize) {
        (!self.has_rest, self.prefix.len())
    }

    /// `/api` for `/api/*`: what Portico's pattern of the same text matches too, and Azure's does not.
    pub(super) fn without_slash(&self) -> Option<Self> {
        let prefix = self.prefix.strip_suffix('/').filter(|prefix| !prefix.is_empty())?;
        self.has_rest.then(|| Self { prefix: prefix.to_owned(), has_rest: false })
    }

    /// What it begins with.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether it has letters, whose case matters here and not there.
    pub(super) fn has_letters(&self) -> bool {
        self.prefix.contains(|c: char| c.is_ascii_alphabetic())
    }

    /// The template of the path that a backend gets of what this matches, if `base` takes the place
    /// of what another pattern, which contains it, begins with. `None` if that changes nothing.
    pub(super) fn moved(&self, matched: &Self, base: &str) -> Option<String> {
        let extra = self.prefix.strip_prefix(&matched.prefix).unwrap_or_default();
        let rest = if self.has_rest { "*" } else { "" };
        let base = escaped(base);
        let joined = if matched.has_rest {
            format!("{}/{extra}{rest}", base.trim_end_matches('/'))
        } else {
            base
        };
        (joined != self.text()).then_some(joined)
    }
}

/// Whether a text is a path that a backend can get, or that a redirect can lead to: as in a request,
/// with variables in braces.
pub(super) fn is_path(text: &str) -> bool {
    let parts = text.split(['{', '}']).enumerate();
    let sample: String = parts.map(|(at, part)| if at % 2 == 1 { "x" } else { part }).collect();
    text.starts_with('/')
        && text.len() <= PathPatternError::MAX_CHARS
        && escaped(&sample) == sample
        && PathTemplate::parse(&sample).is_ok()
}

/// A path with all that would be syntax in a pattern or template percent-encoded.
pub(super) fn escaped(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    let bytes = path.as_bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        let is_escape = byte == b'%'
            && bytes.get(at + 1..at + 3).is_some_and(|it| it.iter().all(u8::is_ascii_hexdigit));
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => escaped.push(byte.into()),
            _ if is_escape || b"/-._~!$&'()+,;=:@".contains(&byte) => escaped.push(byte.into()),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap()
    }

    #[test]
    fn a_wildcard_needs_its_slash() {
        assert!(pattern("/*").contains(&pattern("/abc")));
        assert!(pattern("/abc/*").contains(&pattern("/abc/")));
        assert!(pattern("/abc/*").contains(&pattern("/abc/def/*")));
        assert!(!pattern("/abc/*").contains(&pattern("/abc")));
        assert!(!pattern("/abc/*").contains(&pattern("/abcd/*")));
        assert_eq!(pattern("/abc/*").without_slash(), Some(pattern("/abc")));
        assert_eq!(pattern("/*").without_slash(), None);
        for text in ["", "*", "api/*", "/api*", "/a/*/b", "/a/../b"] {
            // A star within is a character of its own, which no pattern of Azure's has.
            assert!(Pattern::parse(text).is_err() || text == "/a/*/b", "{text}");
        }
    }

    #[test]
    fn paths_move_as_azure_documents_it() {
        for (matched, base, own, expected) in [
            ("/foo/*", "/fwd/", "/foo/*", Some("/fwd/*")),
            ("/foo/*", "/fwd", "/foo/*", Some("/fwd/*")),
            ("/foo/*", "/", "/foo/*", Some("/*")),
            ("/*", "/", "/*", None),
            ("/*", "/fwd/", "/foo", Some("/fwd/foo")),
            ("/*", "/foo/bar/", "/*", Some("/foo/bar/*")),
            ("/foo", "/fwd/", "/foo", Some("/fwd/")),
            ("/foo/*", "/{x}*", "/foo/*", Some("/%7Bx%7D%2A/*")),
        ] {
            let moved = pattern(own).moved(&pattern(matched), base);
            assert_eq!(moved.as_deref(), expected, "{own} by {matched} to {base}");
        }
    }
}
