//! What a predicate expects of the values that a request has under a name.

use crate::full_match::FullMatch;
use memchr::memmem;
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
    /// Ends with this suffix.
    Suffix(String),
    /// Has this in it.
    Contains(String),
    /// A whole decimal number that is greater.
    GreaterThan(i64),
    /// A whole decimal number that is less.
    LessThan(i64),
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
            Self::Suffix(expected) => values.any(|value| value.ends_with(expected.as_bytes())),
            Self::Contains(expected) => {
                let finder = memmem::Finder::new(expected.as_bytes());
                values.any(|value| finder.find(&value).is_some())
            }
            Self::GreaterThan(bound) => {
                values.any(|value| number(&value).is_some_and(|number| number > (*bound).into()))
            }
            Self::LessThan(bound) => {
                values.any(|value| number(&value).is_some_and(|number| number < (*bound).into()))
            }
            Self::Regex(regex) => values.any(|value| regex.matches(value)),
            Self::Present => values.next().is_some(),
            Self::Absent => values.next().is_none(),
        }
    }

    /// How many bytes have to be looked at to compare these values.
    pub(super) fn cost<'v>(&self, values: impl Iterator<Item = Cow<'v, [u8]>>) -> usize {
        match self {
            Self::Regex(_) | Self::Contains(_) => values.map(|value| value.len()).sum(),
            // Many bytes are compared at a time.
            Self::Exact(text) | Self::Prefix(text) | Self::Suffix(text) => {
                values.count() * text.len() / 16
            }
            Self::GreaterThan(_) | Self::LessThan(_) => values.count() * MAX_DIGITS / 16,
            Self::Present | Self::Absent => 0,
        }
    }
}

/// How long a number may be.
const MAX_DIGITS: usize = 32;

/// A whole decimal number; `None` if it is anything else.
fn number(value: &[u8]) -> Option<i128> {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let is_number = digits.iter().all(u8::is_ascii_digit) && value.len() <= MAX_DIGITS;
    str::from_utf8(value).ok().filter(|_| is_number)?.parse().ok()
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
    fn parts_of_a_value_may_match() {
        let (suffix, part) =
            (Comparison::Suffix("ue".to_owned()), Comparison::Contains("lu".to_owned()));
        for (value, ends, has) in [
            (&b"blue"[..], true, true),
            (b"ue", true, false),
            (b"u", false, false),
            (b"", false, false),
            (b"blues", false, true),
            (b"Lue", true, false),
            (b"l u", false, false),
        ] {
            assert_eq!(matches_any(&suffix, &[b"red", value]), ends, "{value:?}");
            assert_eq!(matches_any(&part, &[b"red", value]), has, "{value:?}");
        }
        assert!(matches_any(&Comparison::Contains(String::new()), &[b""]));
    }

    #[test]
    fn numbers_are_whole_and_decimal() {
        for (value, greater, less) in [
            ("8", false, false),
            ("9", true, false),
            ("10", true, false),
            ("007", false, true),
            ("0", false, true),
            ("-9", false, true),
            ("99999999999999999999", true, false),
            ("-99999999999999999999", false, true),
            ("", false, false),
            ("-", false, false),
            ("9.5", false, false),
            ("9 ", false, false),
            ("+9", false, false),
            ("0x9", false, false),
            ("1e3", false, false),
            ("٩", false, false),
            ("9999999999999999999999999999999999999999", false, false),
        ] {
            let holds = |comparison| matches_any(&comparison, &[value.as_bytes()]);
            assert_eq!(holds(Comparison::GreaterThan(8)), greater, "{value}");
            assert_eq!(holds(Comparison::LessThan(8)), less, "{value}");
        }
        assert!(!matches_any(&Comparison::LessThan(8), &[]));
        assert!(matches_any(&Comparison::LessThan(8), &[b"x", b"7"]));
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
