//! `spec.matches`: paths and predicates.

use super::{
    expressions::Expressions,
    literals,
    predicates::{self, CheckName, any_name, header_name, sort_key, warn_of_removed_header},
    report::Report,
};
use crate::diagnostic::{FieldPath, Reason};
use http::Method;
use portico_crds as crds;
use portico_dataplane::{config::Underscores, path::PathPattern, router::Predicates};
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
    for (index, item) in matches.iter().enumerate().take(MAX_MATCHES) {
        for (nth, predicate) in item.headers.iter().enumerate() {
            let at = at.index(index);
            let at = at.child("headers");
            let at = at.index(nth);
            warn_of_removed_header(&predicate.name, underscores, &at.child("name"), report);
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
        let at = at.child(name);
        let all = given.iter().enumerate();
        let good = all.filter_map(|(index, predicate)| {
            predicates::compile(predicate, check_name, &at.index(index), expressions, report)
        });
        let good: Vec<_> = good.collect();
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

/// Compiles methods. The result is shorter if some are invalid.
pub(super) fn methods(methods: &[String], at: &FieldPath<'_>, report: &mut Report) -> Vec<Method> {
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
