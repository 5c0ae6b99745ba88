//! `spec.matches`: paths and predicates.

use super::{
    expressions::{Expressions, Missing},
    literals,
    report::Report,
};
use crate::diagnostic::{FieldPath, Reason};
use http::Method;
use portico_crds as crds;
use portico_dataplane::{
    config::Underscores,
    path::PathPattern,
    router::{Comparison, Predicate, Predicates},
};
use std::cmp::Ordering;

/// How many matches a Route may have.
pub(crate) const MAX_MATCHES: usize = 16;

/// A match with a valid path.
#[derive(Debug)]
pub(super) struct MatchPath<'s> {
    /// Its index in `spec.matches`.
    pub(super) index: usize,
    pub(super) path: PathPattern,
    given: &'s crds::Match,
}

/// A valid match.
#[derive(Debug)]
pub(super) struct Matched {
    /// Its index in `spec.matches`.
    pub(super) index: usize,
    pub(super) path: PathPattern,
    /// Sorted and deduplicated, so that equal predicates compare equal.
    pub(super) predicates: Predicates,
    /// Whether these are all the predicates that were given: without those that are invalid or were
    /// left out, it matches more.
    pub(super) is_complete: bool,
}

/// Compiles the paths of the matches, which is cheap. Leaving out invalid ones is harmless: the
/// Route is rejected.
pub(super) fn paths<'s>(
    matches: &'s [crds::Match],
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Vec<MatchPath<'s>> {
    if matches.is_empty() || matches.len() > MAX_MATCHES {
        report.invalid(
            at,
            format!(
                "has {} matches: list 1 to {MAX_MATCHES}, or leave the field out to match '/*'",
                matches.len()
            ),
        );
    }
    let mut good = Vec::with_capacity(matches.len().min(MAX_MATCHES));
    for (index, given) in matches.iter().enumerate().take(MAX_MATCHES) {
        let at = at.index(index);
        let at = at.child("path");
        let path = path(&given.path, &at, report);
        // A path that did not decode must not become the default path.
        if let Some(path) = path.filter(|_| !report.failed_to_decode(&at)) {
            good.push(MatchPath { index, path, given });
        }
    }
    good
}

/// Compiles the predicates of matches, and leaves out duplicates.
pub(super) fn compile(
    paths: Vec<MatchPath<'_>>,
    all: &FieldPath<'_>,
    expressions: &mut Expressions<'_>,
    report: &mut Report,
) -> Vec<Matched> {
    let mut good: Vec<Matched> = Vec::with_capacity(paths.len());
    for MatchPath { index, path, given } in paths {
        let at = all.index(index);
        let (predicates, is_complete) = predicates(given, &at, expressions, report);
        // Matches may only seem to be the same without a predicate that is missing.
        let same = |m: &&Matched| {
            m.path.same_shape(&path)
                && m.predicates == predicates
                && is_complete
                && m.is_complete
                && !report.is_incomplete(&all.index(m.index))
        };
        match good.iter().find(same) {
            Some(first) => report.warn(
                &at,
                Reason::Conflicted,
                format!("duplicates match {}, and is ignored", first.index),
            ),
            None => good.push(Matched { index, path, predicates, is_complete }),
        }
    }
    good
}

/// Warns of predicates on request headers that are removed before Routes are matched.
pub(super) fn warn_of_removed_headers(
    matches: &[crds::Match],
    at: &FieldPath<'_>,
    underscores: Underscores,
    report: &mut Report,
) {
    match underscores {
        Underscores::Allow => return,
        Underscores::Remove => {}
    }
    for (index, item) in matches.iter().enumerate().take(MAX_MATCHES) {
        for (nth, predicate) in item.headers.iter().enumerate() {
            if predicate.name.contains('_') {
                report.warn(
                    &at.index(index).child("headers").index(nth).child("name"),
                    Reason::NoEffect,
                    format!(
                        "header '{}' is always absent: headers whose names have an underscore are removed; let clients send it with '-', or start Portico with --underscores allow",
                        predicate.name.escape_debug()
                    ),
                );
            }
        }
    }
}

/// Compiles a path pattern.
pub(super) fn path(text: &str, at: &FieldPath<'_>, report: &mut Report) -> Option<PathPattern> {
    match PathPattern::parse(text) {
        Ok(path) => {
            if let Some(odd) = literals::odd_pattern(text) {
                report.warn(at, Reason::LikelyMistake, format!("'{text}' {odd}"));
            }
            Some(path)
        }
        Err(error) => {
            let meant = literals::meant(text).map(|meant| format!("; did you mean {meant}?"));
            report.invalid(at, format!("'{text}' {error}{}", meant.unwrap_or_default()));
            None
        }
    }
}

/// The predicates that can be compiled, and whether those are all.
fn predicates(
    item: &crds::Match,
    at: &FieldPath<'_>,
    expressions: &mut Expressions<'_>,
    report: &mut Report,
) -> (Predicates, bool) {
    let methods = methods(&item.methods, &at.child("methods"), report);
    let mut is_complete = methods.len() == item.methods.len();
    let mut list = |given: &[crds::Predicate], name, check_name: CheckName| {
        let good = list(given, &at.child(name), check_name, expressions, report);
        is_complete &= good.len() == given.len();
        normalised(good, |a, b| sort_key(a).cmp(&sort_key(b)))
    };
    let headers = list(&item.headers, "headers", header_name);
    let cookies = list(&item.cookies, "cookies", any_name);
    let query = list(&item.query, "query", any_name);
    let methods = normalised(methods, |a, b| a.as_str().cmp(b.as_str()));
    (Predicates { methods, headers, cookies, query }, is_complete)
}

/// Sorted and deduplicated.
fn normalised<T: PartialEq>(mut list: Vec<T>, order: impl FnMut(&T, &T) -> Ordering) -> Vec<T> {
    list.sort_by(order);
    list.dedup();
    list
}

fn methods(methods: &[String], at: &FieldPath<'_>, report: &mut Report) -> Vec<Method> {
    let mut good = Vec::with_capacity(methods.len());
    for (index, text) in methods.iter().enumerate() {
        let at = at.index(index);
        match Method::from_bytes(text.as_bytes()) {
            Ok(method) if crds::FORBIDDEN_METHODS.contains(&text.to_ascii_uppercase().as_str()) => {
                report.invalid(&at, format!("{method} is never forwarded: remove it"));
            }
            Ok(method) if text.bytes().any(|b| b.is_ascii_lowercase()) => report.invalid(
                &at,
                format!("methods are case-sensitive: write {}", method.as_str().to_uppercase()),
            ),
            Ok(method) => good.push(method),
            Err(_) => report.invalid(&at, format!("'{text}' is not an HTTP method")),
        }
    }
    good
}

/// Validates a predicate's name and normalises it for comparison.
type CheckName = fn(&str) -> Result<String, &'static str>;

fn header_name(name: &str) -> Result<String, &'static str> {
    http::HeaderName::from_bytes(name.as_bytes())
        .map(|name| name.as_str().to_owned())
        .map_err(|_| "is not a header name")
}

fn any_name(name: &str) -> Result<String, &'static str> {
    if name.is_empty() {
        Err("is empty: name the cookie or query key")
    } else {
        Ok(name.to_owned())
    }
}

fn list(
    predicates: &[crds::Predicate],
    at: &FieldPath<'_>,
    check_name: CheckName,
    expressions: &mut Expressions<'_>,
    report: &mut Report,
) -> Vec<Predicate> {
    let mut good = Vec::with_capacity(predicates.len());
    for (index, predicate) in predicates.iter().enumerate() {
        let at = at.index(index);
        let name = check_name(&predicate.name).map_err(|error| {
            report.invalid(&at.child("name"), format!("'{}' {error}", predicate.name));
        });
        let comparison = match report.failed_to_decode(&at.child("type")) {
            // Without the type, it is unknown whether a value is expected.
            true => None,
            false => comparison(predicate, &at.child("value"), expressions, report),
        };
        if let (Ok(name), Some(comparison)) = (name, comparison) {
            good.push(Predicate { name, comparison });
        }
    }
    good
}

fn comparison(
    predicate: &crds::Predicate,
    at: &FieldPath<'_>,
    expressions: &mut Expressions<'_>,
    report: &mut Report,
) -> Option<Comparison> {
    use crds::MatchType as Type;
    match (predicate.r#type, &predicate.value) {
        (Type::Exact, Some(value)) => {
            warn_of_expression(value, at, report);
            Some(Comparison::Exact(value.clone()))
        }
        (Type::Prefix, Some(value)) => {
            warn_of_expression(value, at, report);
            Some(Comparison::Prefix(value.clone()))
        }
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
        (kind @ (Type::Exact | Type::Prefix | Type::Regex), None) => {
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

/// Everything about a predicate: name, type and value.
pub(super) type SortKey<'p> = (&'p str, u8, &'p str);

/// Sort key; regexes have no Ord, so their text is compared.
pub(super) fn sort_key(predicate: &Predicate) -> SortKey<'_> {
    let (kind, value) = match &predicate.comparison {
        Comparison::Exact(value) => (0, value.as_str()),
        Comparison::Prefix(value) => (1, value.as_str()),
        Comparison::Regex(regex) => (2, regex.as_str()),
        Comparison::Present => (3, ""),
        Comparison::Absent => (4, ""),
    };
    (&predicate.name, kind, value)
}
