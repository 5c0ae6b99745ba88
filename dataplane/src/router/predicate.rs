//! What else than its path a match asks of a request.

use super::{Request, values};
use http::Method;
use regex::{Regex, RegexBuilder};
use serde::{Serialize, Serializer};
use std::{borrow::Cow, str};

/// The predicates of a match; all must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Predicates {
    /// Any of these methods; empty: every method. GET does not imply HEAD.
    #[serde(serialize_with = "methods", skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<Method>,
    /// Header predicates; names in lower case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Predicate>,
    /// Cookie predicates; names and values are plain text, which the request's compare with
    /// percent-decoded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cookies: Vec<Predicate>,
    /// Query predicates; names and values are plain text, which the request's compare with
    /// percent-decoded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<Predicate>,
}

fn methods<S: Serializer>(methods: &[Method], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(methods.iter().map(Method::as_str))
}

impl Predicates {
    /// Whether a request meets all of them.
    pub fn hold(&self, request: &Request<'_>) -> bool {
        (self.methods.is_empty() || self.methods.contains(request.method))
            && self.headers.iter().all(|header| {
                let lines = request.headers.get_all(&header.name).iter();
                header.comparison.holds(lines.map(|line| Cow::Borrowed(line.as_bytes())))
            })
            && self.query.iter().all(|key| {
                key.comparison.holds(values::query(request.query.unwrap_or_default(), &key.name))
            })
            && self.cookies.iter().all(|cookie| {
                cookie.comparison.holds(values::cookie(request.headers, &cookie.name))
            })
    }

    /// The greater goes first among rules of one path: more predicates in total, then more of
    /// methods (one, however many), headers, cookies, query.
    pub(super) fn rank(&self) -> [usize; 5] {
        let methods = usize::from(!self.methods.is_empty());
        let (headers, cookies, query) = (self.headers.len(), self.cookies.len(), self.query.len());
        [methods + headers + cookies + query, methods, headers, cookies, query]
    }

    /// Whether both are the same but for order and repetition.
    pub(super) fn same_set(&self, other: &Self) -> bool {
        same_set(&self.methods, &other.methods)
            && same_set(&self.headers, &other.headers)
            && same_set(&self.cookies, &other.cookies)
            && same_set(&self.query, &other.query)
    }
}

fn same_set<T: PartialEq>(ours: &[T], theirs: &[T]) -> bool {
    ours.iter().all(|item| theirs.contains(item)) && theirs.iter().all(|item| ours.contains(item))
}

/// A named value and what it must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Predicate {
    /// The header's, query key's or cookie's name.
    pub name: String,
    /// What its value must be. Of several values any may fit.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// How a value compares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", content = "value")]
pub enum Comparison {
    /// The whole value.
    Exact(String),
    /// Its beginning.
    Prefix(String),
    /// The whole value, in linear time. A value that is not UTF-8 never fits.
    Regex(WholeValue),
    /// There, whatever its value.
    Present,
    /// Not there.
    Absent,
}

impl Comparison {
    /// A regular expression that must match the whole value.
    pub fn regex(pattern: &str) -> Result<Self, regex::Error> {
        WholeValue::new(pattern).map(Self::Regex)
    }

    /// Whether any of the values that a request has under a name fits.
    fn holds<'v>(&self, mut values: impl Iterator<Item = Cow<'v, [u8]>>) -> bool {
        match self {
            Self::Exact(wanted) => values.any(|value| *value == *wanted.as_bytes()),
            Self::Prefix(wanted) => values.any(|value| value.starts_with(wanted.as_bytes())),
            Self::Regex(regex) => {
                values.any(|value| str::from_utf8(&value).is_ok_and(|value| regex.matches(value)))
            }
            Self::Present => values.next().is_some(),
            Self::Absent => values.next().is_none(),
        }
    }
}

/// A regular expression that is matched with whole values. Equal, and printed, by the pattern that
/// it was made from.
#[derive(Clone, Debug)]
pub struct WholeValue {
    anchored: Regex,
}

impl WholeValue {
    const START: &str = r"\A(?:";
    const END: &str = r")\z";
    /// What a compiled expression may take, in bytes, and each worker's cache for it as well:
    /// one Route's expression must not cost what ten thousand Routes do.
    const MAX_BYTES: usize = 1 << 20;

    fn new(pattern: &str) -> Result<Self, regex::Error> {
        let build = |pattern: &str| {
            let mut builder = RegexBuilder::new(pattern);
            builder.size_limit(Self::MAX_BYTES).dfa_size_limit(Self::MAX_BYTES).build()
        };
        // By itself first: `a)|(?:b` would be valid between the anchors, and escape them.
        build(pattern)?;
        let anchored = build(&format!("{}{pattern}{}", Self::START, Self::END))?;
        Ok(Self { anchored })
    }

    /// The pattern that it was made from.
    pub fn as_str(&self) -> &str {
        let anchored = self.anchored.as_str();
        &anchored[Self::START.len()..anchored.len() - Self::END.len()]
    }

    fn matches(&self, value: &str) -> bool {
        self.anchored.is_match(value)
    }
}

impl PartialEq for WholeValue {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for WholeValue {}

impl Serialize for WholeValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
