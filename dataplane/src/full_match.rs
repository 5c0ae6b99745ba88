//! Regular expressions that match whole values.

use regex::{Regex, RegexBuilder};
use serde::{Serialize, Serializer};
use std::borrow::Cow;

/// A regular expression with RE2's syntax and semantics that matches whole values in linear time.
/// Compared and serialised by the pattern it was made from.
#[derive(Clone, Debug)]
pub struct FullMatch {
    pattern: Box<str>,
    anchored: Regex,
}

impl FullMatch {
    /// Limit in bytes for a compiled expression, and again for each worker's cache of it: one
    /// Route's expression must not cost as much memory as ten thousand Routes.
    const MAX_BYTES: usize = 1 << 20;

    /// Compiles a pattern. Fails on a syntax error or when it takes too much memory.
    pub fn new(pattern: &str) -> Result<Self, regex::Error> {
        // Parsed alone first: `a)|(?:b` would be valid between the anchors, and escape them.
        regex_syntax::parse(pattern).map_err(|error| regex::Error::Syntax(error.to_string()))?;
        let anchored = RegexBuilder::new(&format!(r"\A(?:{})\z", ascii_classes(pattern)))
            .size_limit(Self::MAX_BYTES)
            .dfa_size_limit(Self::MAX_BYTES)
            .build()?;
        Ok(Self { pattern: pattern.into(), anchored })
    }

    /// The pattern it was made from.
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Whether the whole value matches.
    pub fn matches(&self, value: &str) -> bool {
        self.anchored.is_match(value)
    }
}

/// Rewrites `\d`, `\s`, `\w`, `\b` and their negations to mean ASCII, as in RE2; the regex crate's
/// are Unicode-aware and take a hundred times the memory.
fn ascii_classes(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 32);
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            out.push(char);
            continue;
        }
        // A backslash and the next character are one unit.
        let Some(escaped) = chars.next() else { break };
        out.push_str(&match escaped {
            'd' => Cow::Borrowed("[[:digit:]]"),
            'D' => Cow::Borrowed("[[:^digit:]]"),
            's' => Cow::Borrowed(r"[\t\n\f\r\x20]"),
            'S' => Cow::Borrowed(r"[^\t\n\f\r\x20]"),
            'w' => Cow::Borrowed("[[:word:]]"),
            'W' => Cow::Borrowed("[[:^word:]]"),
            'b' => Cow::Borrowed(r"(?-u:\b)"),
            other => Cow::Owned(format!("\\{other}")),
        });
    }
    out
}

impl PartialEq for FullMatch {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern
    }
}

impl Eq for FullMatch {}

impl Serialize for FullMatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.pattern)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_values_match() {
        for (pattern, matching, other_value) in [
            ("a|b", "b", "ab"),
            ("a|ab", "ab", "abc"),
            ("[0-9]+", "12", "12\n"),
            ("^a$", "a", "a\n"),
            ("(?m)^a$", "a", "a\nb"),
            ("", "", "a"),
            ("(?i)abc", "ABC", "abcd"),
            (r"a\.b\\", r"a.b\", r"axb\"),
            (".", "é", "\n"),
        ] {
            let regex = FullMatch::new(pattern).unwrap();
            assert!(regex.matches(matching), "{pattern}");
            assert!(!regex.matches(other_value), "{pattern}");
            assert_eq!(regex.as_str(), pattern);
            assert_eq!(serde_json::to_value(&regex).unwrap(), pattern);
            assert_eq!(regex, FullMatch::new(pattern).unwrap());
        }
        assert_ne!(FullMatch::new("a").unwrap(), FullMatch::new("b").unwrap());
    }

    #[test]
    fn classes_are_ascii() {
        for (pattern, matching, other_value) in [
            (r"\d", "7", "٣"),
            (r"\D", "٣", "7"),
            (r"\w", "_", "é"),
            (r"[^\w]", "é", "_"),
            (r"[\W-]", "é", "_"),
            (r"[\d.-]+", "-1.5", "1e5"),
            (r"\s", "\t", "\u{A0}"),
            (r"[\S]", "\u{A0}", "\t"),
            (r"(?x) \s", " ", "x"),
            (r".\b.", "a-", "aé\u{301}"),
            (r"\\d", r"\d", "7"),
            (r"[\\d]+", r"\d", "7"),
        ] {
            let regex = FullMatch::new(pattern).unwrap();
            assert!(regex.matches(matching), "{pattern}");
            assert!(!regex.matches(other_value), "{pattern}");
        }
    }

    #[test]
    fn invalid_expressions_are_rejected() {
        for pattern in ["(", "a)|(?:b", "[", r"(a)\1", "(?=a)", r"(?x)a # b", "a\\"] {
            assert!(FullMatch::new(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn memory_is_limited() {
        assert!(FullMatch::new(r"[\w.-]{1,256}").is_ok());
        assert!(matches!(
            FullMatch::new("[a-z]{1000}{1000}"),
            Err(regex::Error::CompiledTooBig(_))
        ));
    }
}
