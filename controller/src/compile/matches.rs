//! `spec.matches`: paths and predicates.

use super::{expressions, report::Report};
use crate::diagnostic::{FieldPath, Reason};
use http::Method;
use portico_crds as crds;
use portico_dataplane::{
    config::Underscores,
    path::PathPattern,
    router::{Comparison, Predicate, Predicates},
};

/// How many matches a Route may have.
const MAX_MATCHES: usize = 16;

/// A valid match.
#[derive(Debug)]
pub(super) struct Matched {
    /// Its index in `spec.matches`.
    pub(super) index: usize,
    pub(super) path: PathPattern,
    /// Sorted and deduplicated, so that equal predicates compare equal.
    pub(super) predicates: Predicates,
}

/// Compiles the valid matches, without duplicates. Leaving out invalid ones is harmless: the Route
/// is rejected.
pub(super) fn compile(
    matches: &[crds::Match],
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Vec<Matched> {
    if matches.is_empty() || matches.len() > MAX_MATCHES {
        report.invalid(
            at,
            format!(
                "has {} matches: give 1 to {MAX_MATCHES}, or leave the field out to match '/*'",
                matches.len()
            ),
        );
    }
    let mut good: Vec<Matched> = Vec::with_capacity(matches.len().min(MAX_MATCHES));
    let all = at;
    for (index, item) in matches.iter().enumerate().take(MAX_MATCHES) {
        let at = all.index(index);
        let path = path(&item.path, &at.child("path"), report);
        let predicates = predicates(item, &at, report);
        // A path that did not decode must not become the default path.
        let Some(path) = path.filter(|_| !report.failed_to_decode(&at.child("path"))) else {
            continue;
        };
        let same = |m: &&Matched| {
            m.path.same_shape(&path)
                && m.predicates == predicates
                && !report.is_incomplete(&all.index(m.index))
        };
        match good.iter().find(same) {
            Some(first) => report.warn(
                &at,
                Reason::Conflicted,
                format!("duplicates match {}, and is ignored", first.index),
            ),
            None => good.push(Matched { index, path, predicates }),
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
    PathPattern::parse(text).map_err(|error| report.invalid(at, format!("'{text}' {error}"))).ok()
}

fn predicates(item: &crds::Match, at: &FieldPath<'_>, report: &mut Report) -> Predicates {
    Predicates {
        methods: methods(&item.methods, &at.child("methods"), report),
        headers: list(&item.headers, &at.child("headers"), report, header_name),
        cookies: list(&item.cookies, &at.child("cookies"), report, any_name),
        query: list(&item.query, &at.child("query"), report, any_name),
    }
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
    good.sort_by(|a, b| a.as_str().cmp(b.as_str()));
    good.dedup();
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
    if name.is_empty() { Err("is empty: name what is compared") } else { Ok(name.to_owned()) }
}

fn list(
    predicates: &[crds::Predicate],
    at: &FieldPath<'_>,
    report: &mut Report,
    check_name: CheckName,
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
            false => comparison(predicate, &at.child("value"), report),
        };
        if let (Ok(name), Some(comparison)) = (name, comparison) {
            good.push(Predicate { name, comparison });
        }
    }
    good.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    good.dedup();
    good
}

fn comparison(
    predicate: &crds::Predicate,
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Option<Comparison> {
    use crds::MatchType as Type;
    match (predicate.r#type, &predicate.value) {
        (Type::Exact, Some(value)) => Some(Comparison::Exact(value.clone())),
        (Type::Prefix, Some(value)) => Some(Comparison::Prefix(value.clone())),
        (Type::Regex, Some(value)) => expressions::full_match(value)
            .map(Comparison::Regex)
            .map_err(|error| report.invalid(at, error))
            .ok(),
        (Type::Present, None) => Some(Comparison::Present),
        (Type::Absent, None) => Some(Comparison::Absent),
        (kind @ (Type::Exact | Type::Prefix | Type::Regex), None) => {
            report.invalid(
                at,
                format!("is missing: type {kind:?} compares with it; to check only that it is present, use type: Present"),
            );
            None
        }
        (kind @ (Type::Present | Type::Absent), Some(_)) => {
            report.invalid(at, format!("type {kind:?} takes no value: remove it"));
            None
        }
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
