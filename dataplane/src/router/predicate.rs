//! What else than its path a match asks of a request.

use http::Method;
use regex::Regex;
use serde::Serialize;

/// The predicates of a match; all must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Predicates {
    /// Any of these methods; empty: every method.
    #[serde(serialize_with = "methods", skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<Method>,
    /// Header predicates; names in lower case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Predicate>,
    /// Cookie predicates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cookies: Vec<Predicate>,
    /// Query predicates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<Predicate>,
}

fn methods<S: serde::Serializer>(methods: &[Method], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(methods.iter().map(Method::as_str))
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
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", content = "value")]
pub enum Comparison {
    /// The whole value.
    Exact(String),
    /// Its beginning.
    Prefix(String),
    /// The whole value, in linear time.
    Regex(#[serde(serialize_with = "pattern")] Regex),
    /// There, whatever its value.
    Present,
    /// Not there.
    Absent,
}

fn pattern<S: serde::Serializer>(regex: &Regex, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(regex.as_str())
}

impl Comparison {
    /// A regular expression that must match the whole value.
    pub fn regex(pattern: &str) -> Result<Self, regex::Error> {
        Regex::new(pattern).map(Self::Regex)
    }
}

impl PartialEq for Comparison {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) | (Self::Prefix(a), Self::Prefix(b)) => a == b,
            (Self::Regex(a), Self::Regex(b)) => a.as_str() == b.as_str(),
            (Self::Present, Self::Present) | (Self::Absent, Self::Absent) => true,
            _ => false,
        }
    }
}

impl Eq for Comparison {}
