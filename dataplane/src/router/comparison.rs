//! What a predicate expects of the values that a request has under a name.

use crate::full_match::FullMatch;
use serde::Serialize;
use std::borrow::Cow;

/// A name and what its value must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Predicate {
    /// The header's, query key's or cookie's name.
    pub name: String,
    /// What its value must be. If there are several values, any one may match.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// How a value is compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", content = "value")]
pub enum Comparison {
    /// Equals this value.
    Exact(String),
    /// Begins with this prefix.
    Prefix(String),
    /// The whole value matches, in linear time. A value that is not UTF-8, or longer than
    /// [`FullMatch::MAX_VALUE_BYTES`], never matches.
    Regex(FullMatch),
    /// Present, whatever its value.
    Present,
    /// Not present.
    Absent,
}

impl Comparison {
    /// Whether any of the values that a request has under a name matches.
    pub(super) fn matches_any<'v>(&self, mut values: impl Iterator<Item = Cow<'v, [u8]>>) -> bool {
        match self {
            Self::Exact(expected) => values.any(|value| *value == *expected.as_bytes()),
            Self::Prefix(expected) => values.any(|value| value.starts_with(expected.as_bytes())),
            Self::Regex(regex) => values.any(|value| regex.matches(value)),
            Self::Present => values.next().is_some(),
            Self::Absent => values.next().is_none(),
        }
    }

    /// How many bytes have to be looked at to compare these values.
    pub(super) fn cost<'v>(&self, values: impl Iterator<Item = Cow<'v, [u8]>>) -> usize {
        match self {
            Self::Regex(_) => values.map(|value| value.len()).sum(),
            // Many bytes are compared at a time.
            Self::Exact(text) | Self::Prefix(text) => values.count() * text.len() / 16,
            Self::Present | Self::Absent => 0,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn regex(pattern: &str) -> Comparison {
        Comparison::Regex(FullMatch::new(pattern).unwrap())
    }

    fn matches_any(comparison: &Comparison, values: &[&[u8]]) -> bool {
        comparison.matches_any(values.iter().map(|value| Cow::Borrowed(*value)))
    }

    #[test]
    fn any_of_several_values_may_match() {
        let exact = Comparison::Exact("blue".to_owned());
        let prefix = Comparison::Prefix("bl".to_owned());
        let regex = regex("b.*e");
        for comparison in [&exact, &prefix, &regex] {
            assert!(matches_any(comparison, &[b"blue"]));
            assert!(matches_any(comparison, &[b"red", b"blue"]));
            assert!(!matches_any(comparison, &[b"red"]));
            assert!(!matches_any(comparison, &[b"Blue"]));
            assert!(!matches_any(comparison, &[b"a blue"]));
            assert!(!matches_any(comparison, &[]));
        }
        assert!(!matches_any(&exact, &[b"blues"]));
        assert!(matches_any(&prefix, &[b"blues"]));
        assert!(matches_any(&Comparison::Present, &[b""]));
        assert!(!matches_any(&Comparison::Present, &[]));
        assert!(matches_any(&Comparison::Absent, &[]));
        assert!(!matches_any(&Comparison::Absent, &[b""]));
    }

    #[test]
    fn values_that_are_not_utf8_compare_as_bytes() {
        let value: &[u8] = b"caf\xe9";
        assert!(matches_any(&Comparison::Prefix("caf".to_owned()), &[value]));
        assert!(!matches_any(&Comparison::Exact("caf\u{e9}".to_owned()), &[value]));
        assert!(!matches_any(&regex("(?s).*"), &[value]));
        assert!(matches_any(&regex("(?s).*"), &[value, b"x"]));
    }
}
