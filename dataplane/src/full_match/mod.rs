//! Regular expressions that match whole values.

mod program;
mod syntax;

use program::Program;
use regex_syntax::hir::Hir;
use serde::{Serialize, Serializer};
use std::{fmt, sync::Arc};

/// A regular expression with RE2's syntax and semantics that matches whole values, compiled to a
/// table with one look-up for each byte of a value. That takes the same time whatever the value and
/// whatever the expression, and no memory beyond the table. Cheap to clone; compared and serialised
/// by the pattern it was made from.
#[derive(Clone)]
pub struct FullMatch(Arc<Program>);

/// Why a pattern does not compile. Displayed as the end of a sentence that starts with the pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FullMatchError {
    /// It is longer than [`FullMatch::MAX_PATTERN_BYTES`].
    #[error("is longer than 4 KiB: split it over several predicates or Routes")]
    TooLong,
    /// It is not a regular expression in RE2's syntax; where, what is wrong with it, and what to
    /// write instead.
    #[error("is not a regular expression in RE2's syntax: {0}")]
    Syntax(String),
    /// It compiles to more than [`FullMatch::MAX_BYTES`].
    #[error(
        "compiles to more than 16 KiB: lower the numbers of its repetitions, list fewer alternatives, or use narrower classes, such as [a-z] for \\p{{L}}"
    )]
    TooLarge,
}

impl FullMatch {
    /// The size limit of a compiled expression.
    pub const MAX_BYTES: usize = 16 << 10;
    /// The longest pattern.
    pub const MAX_PATTERN_BYTES: usize = 4 << 10;
    /// The longest value that any expression matches.
    pub const MAX_VALUE_BYTES: usize = 4 << 10;

    /// How deep groups may be nested.
    pub const MAX_DEPTH: usize = 50;

    /// Compiles a pattern. What that costs is limited, whatever the pattern.
    ///
    /// # Errors
    /// If it is not a regular expression, or too large a one.
    pub fn new(pattern: &str) -> Result<Self, FullMatchError> {
        let parsed = syntax::parse(pattern, Self::MAX_DEPTH)?;
        Program::new(pattern, &parsed.hir, parsed.bytes).map(|program| Self(Arc::new(program)))
    }

    /// Checks a pattern's syntax, at less cost than compiling it.
    ///
    /// # Errors
    /// If it is not a regular expression.
    pub fn check_syntax(pattern: &str) -> Result<(), FullMatchError> {
        syntax::parse(pattern, Self::MAX_DEPTH).map(drop)
    }

    /// What a pattern whose groups are nested at most `max_depth` deep means, without its groups'
    /// names and numbers. It always matches valid UTF-8.
    ///
    /// # Errors
    /// If it is not a regular expression, or nested too deeply.
    pub fn parse(pattern: &str, max_depth: usize) -> Result<Hir, FullMatchError> {
        syntax::parse(pattern, max_depth).map(|parsed| parsed.hir)
    }

    /// The pattern it was made from.
    pub fn as_str(&self) -> &str {
        self.0.pattern()
    }

    /// The size of the compiled expression, or of what it was compiled from if that is larger.
    pub fn bytes(&self) -> usize {
        self.0.bytes()
    }

    /// Whether the whole value matches. None longer than [`Self::MAX_VALUE_BYTES`] does, and none
    /// that is not UTF-8.
    pub fn matches(&self, value: impl AsRef<[u8]>) -> bool {
        let value = value.as_ref();
        value.len() <= Self::MAX_VALUE_BYTES && self.0.matches(value)
    }
}

impl fmt::Debug for FullMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FullMatch").field(&self.as_str()).finish()
    }
}

impl PartialEq for FullMatch {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for FullMatch {}

impl Serialize for FullMatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
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
        for pattern in ["(", "a)|(?:b", "[", r"(a)\1", "(?=a)", "a\\", r"\p{Nope}", r"(?-u:\xFF)"] {
            let error = FullMatch::new(pattern).unwrap_err();
            assert!(matches!(error, FullMatchError::Syntax(_)), "{pattern}: {error}");
        }
    }

    #[test]
    fn size_is_limited() {
        for (pattern, fits) in [
            (r"[\w.-]{1,256}", true),
            (r"[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]{43}", true),
            ("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", true),
            (".*(Android|iPhone|iPad|Windows Phone|BlackBerry|Opera Mini|IEMobile).*", true),
            (r"(?i).*(bot|crawler|spider|slurp|facebookexternalhit|curl|wget).*", true),
            (r"https://([a-z0-9-]+\.)*(example|example-dev|staging)\.com(:[0-9]+)?", true),
            (r"(a|b)*a(a|b){6}", true),
            (r"\p{Lu}", true),
            ("[a-z]{1,1000}", false),
            ("[a-z]{1,1000}[0-9]{1,1000}", false),
            (r"(a|b)*a(a|b){1,1000}c", false),
            (r"(a|b)*a(a|b){30}", false),
            (r"(((){10}){10}){10}", true),
            (r"(?i)[\x{0}-\x{10FFFF}]", true),
            (r"(?i)a[\W_]+\D\S", true),
            (r"(?i)[^a]\D[^b]\W[^c]\S[^d]", true),
            (
                r"(?i)[\x{0}-\x{10FFFE}]?[\x{0}-\x{10FFFD}]?[\x{0}-\x{10FFFC}]?[\x{0}-\x{10FFFB}]?[\x{0}-\x{10FFFA}]?",
                false,
            ),
            (r"(?i)\p{L}\p{N}\p{P}[\p{S}\p{Z}]", false),
        ] {
            let regex = FullMatch::new(pattern);
            if fits {
                let bytes = regex.unwrap().bytes();
                assert!(bytes <= Program::MAX_NFA_BYTES, "{pattern}: {bytes}");
            } else {
                assert_eq!(regex, Err(FullMatchError::TooLarge), "{pattern}");
            }
        }
        // A few bytes name hundreds of thousands of characters.
        for part in [r"\pL", r"\PL", r"(?i)\pL", "(?i)[\\D\u{1}-\u{10FFFF}]"] {
            let many = part.repeat(FullMatch::MAX_PATTERN_BYTES / part.len());
            let start = std::time::Instant::now();
            assert_eq!(FullMatch::check_syntax(&many), Err(FullMatchError::TooLarge), "{part}");
            assert!(start.elapsed().as_secs() < 2, "{part}");
        }
        let long = "a".repeat(FullMatch::MAX_PATTERN_BYTES + 1);
        assert_eq!(FullMatch::new(&long), Err(FullMatchError::TooLong));
    }

    #[test]
    fn nesting_is_limited() {
        for (open, close) in [("(", ")"), ("(?:b|c", ")?"), ("(|b", "c*)*")] {
            let nested = |depth: usize| open.repeat(depth) + "a" + &close.repeat(depth);
            let (deepest, deeper) =
                (nested(FullMatch::MAX_DEPTH), nested(FullMatch::MAX_DEPTH + 1));
            // Whatever comes of it, not that the stack overflows: it is of the usual size here.
            let compile = move || drop(FullMatch::new(&deepest));
            let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(compile).unwrap();
            thread.join().unwrap();
            let error = FullMatch::new(&deeper).unwrap_err().to_string();
            assert!(error.contains("nested too deeply"), "{error}");
        }
        let nested = "(".repeat(FullMatch::MAX_DEPTH) + "a" + &")".repeat(FullMatch::MAX_DEPTH);
        assert!(FullMatch::new(&nested).unwrap().matches("a"));
    }

    #[test]
    fn long_values_match_nothing() {
        let any = FullMatch::new("(?s).*").unwrap();
        assert!(any.matches("a".repeat(FullMatch::MAX_VALUE_BYTES)));
        assert!(!any.matches("a".repeat(FullMatch::MAX_VALUE_BYTES + 1)));
    }
}
