//! Predicates on headers, query keys and cookies, in matches and in rules.

use super::{
    expressions::{Expressions, Missing},
    literals,
    report::Report,
};
use crate::diagnostic::{FieldPath, Reason};
use portico_crds as crds;
use portico_dataplane::{
    config::Underscores,
    router::{Comparison, Predicate},
};

/// A predicate as an object has it. Rules know more types of comparison than matches do.
#[derive(Clone, Copy)]
pub(super) struct Given<'s> {
    name: &'s str,
    r#type: crds::RuleMatchType,
    value: Option<&'s str>,
}

impl<'s> From<&'s crds::Predicate> for Given<'s> {
    fn from(predicate: &'s crds::Predicate) -> Self {
        let r#type = match predicate.r#type {
            crds::MatchType::Exact => crds::RuleMatchType::Exact,
            crds::MatchType::Prefix => crds::RuleMatchType::Prefix,
            crds::MatchType::Regex => crds::RuleMatchType::Regex,
            crds::MatchType::Present => crds::RuleMatchType::Present,
            crds::MatchType::Absent => crds::RuleMatchType::Absent,
        };
        Self { name: &predicate.name, r#type, value: predicate.value.as_deref() }
    }
}

impl<'s> From<&'s crds::RulePredicate> for Given<'s> {
    fn from(predicate: &'s crds::RulePredicate) -> Self {
        let crds::RulePredicate { name, r#type, value } = predicate;
        Self { name, r#type: *r#type, value: value.as_deref() }
    }
}

/// Validates a predicate's name and normalises it for comparison.
pub(super) type CheckName = fn(&str) -> Result<String, &'static str>;

/// The name of a header.
pub(super) fn header_name(name: &str) -> Result<String, &'static str> {
    http::HeaderName::from_bytes(name.as_bytes())
        .map(|name| name.as_str().to_owned())
        .map_err(|_| "is not a header name")
}

/// The name of a cookie or a query key.
pub(super) fn any_name(name: &str) -> Result<String, &'static str> {
    if name.is_empty() {
        Err("is empty: name the cookie or query key")
    } else {
        Ok(name.to_owned())
    }
}

/// Compiles a predicate.
pub(super) fn compile<'s>(
    given: impl Into<Given<'s>>,
    check_name: CheckName,
    at: &FieldPath<'_>,
    expressions: &mut Expressions<'_>,
    report: &mut Report,
) -> Option<Predicate> {
    let given = given.into();
    let name = check_name(given.name)
        .map_err(|error| report.invalid(&at.child("name"), format!("'{}' {error}", given.name)));
    let comparison = match report.failed_to_decode(&at.child("type")) {
        // Without the type, it is unknown whether a value is expected.
        true => None,
        false => comparison(given, &at.child("value"), expressions, report),
    };
    Some(Predicate { name: name.ok()?, comparison: comparison? })
}

fn comparison(
    Given { r#type, value, .. }: Given<'_>,
    at: &FieldPath<'_>,
    expressions: &mut Expressions<'_>,
    report: &mut Report,
) -> Option<Comparison> {
    use crds::RuleMatchType as Type;
    let literal = |value: &str, report: &mut Report| {
        warn_of_expression(value, at, report);
        value.to_owned()
    };
    match (r#type, value) {
        (Type::Exact, Some(value)) => Some(Comparison::Exact(literal(value, report))),
        (Type::Prefix, Some(value)) => Some(Comparison::Prefix(literal(value, report))),
        (Type::Suffix, Some(value)) => Some(Comparison::Suffix(literal(value, report))),
        (Type::Contains, Some(value)) => Some(Comparison::Contains(literal(value, report))),
        (Type::GreaterThan, Some(value)) => number(value, at, report).map(Comparison::GreaterThan),
        (Type::LessThan, Some(value)) => number(value, at, report).map(Comparison::LessThan),
        (Type::Regex, Some(value)) => match expressions.full_match(value) {
            Ok(regex) => Some(Comparison::Regex(regex)),
            Err(Missing::Wrong(message)) => {
                report.invalid(at, message);
                None
            }
            Err(Missing::LeftOut) => None,
        },
        (Type::Present, None) => Some(Comparison::Present),
        (Type::Absent, None) => Some(Comparison::Absent),
        (
            kind @ (Type::Exact
            | Type::Prefix
            | Type::Suffix
            | Type::Contains
            | Type::Regex
            | Type::GreaterThan
            | Type::LessThan),
            None,
        ) => {
            report.invalid(
                at,
                format!("is missing: type {kind:?} needs it; to check only that the name is present, use type: Present"),
            );
            None
        }
        (kind @ (Type::Present | Type::Absent), Some(_)) => {
            report.invalid(at, format!("type {kind:?} takes no value: remove it"));
            None
        }
    }
}

/// A whole decimal number, as those of requests are read.
fn number(text: &str, at: &FieldPath<'_>, report: &mut Report) -> Option<i64> {
    let is_number = !text.starts_with('+');
    let number = text.parse().ok().filter(|_| is_number);
    if number.is_none() {
        let text = text.escape_debug();
        report.invalid(
            at,
            format!("'{text}' is not a whole decimal number of at most 64 bits: write one, such as 100 or -1"),
        );
    }
    number
}

/// Warns of a regular expression that is compared literally.
fn warn_of_expression(value: &str, at: &FieldPath<'_>, report: &mut Report) {
    if literals::looks_like_expression(value) {
        let message = format!(
            "'{}' is compared literally: write type: Regex for a regular expression",
            value.escape_debug()
        );
        report.warn(at, Reason::LikelyMistake, message);
    }
}

/// Warns of a request header that is removed before anything looks at it.
pub(super) fn warn_of_removed_header(
    name: &str,
    underscores: Underscores,
    at: &FieldPath<'_>,
    report: &mut Report,
) {
    match underscores {
        Underscores::Remove if name.contains('_') => report.warn(
            at,
            Reason::NoEffect,
            format!(
                "header '{}' is always absent: headers whose names have an underscore are removed; let clients send it with '-', or start Portico with --underscores allow",
                name.escape_debug()
            ),
        ),
        Underscores::Remove | Underscores::Allow => {}
    }
}

/// Everything about a predicate: name, kind of comparison, text and number.
pub(super) type SortKey<'p> = (&'p str, u8, &'p str, i64);

/// Sort key; regexes have no Ord, so their text is compared.
pub(super) fn sort_key(predicate: &Predicate) -> SortKey<'_> {
    let (kind, text, number) = match &predicate.comparison {
        Comparison::Exact(value) => (0, value.as_str(), 0),
        Comparison::Prefix(value) => (1, value.as_str(), 0),
        Comparison::Regex(regex) => (2, regex.as_str(), 0),
        Comparison::Present => (3, "", 0),
        Comparison::Absent => (4, "", 0),
        Comparison::Suffix(value) => (5, value.as_str(), 0),
        Comparison::Contains(value) => (6, value.as_str(), 0),
        Comparison::GreaterThan(bound) => (7, "", *bound),
        Comparison::LessThan(bound) => (8, "", *bound),
    };
    (&predicate.name, kind, text, number)
}
