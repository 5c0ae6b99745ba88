//! `spec.attach` of a FrontDoor: which namespaces may attach Routes, and which paths they may
//! claim.

use crate::{
    compile::{matches, report::Report},
    diagnostic::FieldPath,
    objects::Snapshot,
    schema::labels,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use portico_crds as crds;
use portico_dataplane::path::PathPattern;
use std::collections::BTreeMap;

/// The label that every Namespace has: its own name.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

static UNLABELLED: BTreeMap<String, String> = BTreeMap::new();

/// A FrontDoor's rules. By default, its own namespace may attach at any path.
#[derive(Debug)]
pub(super) enum AttachRules<'s> {
    SameNamespace,
    Entries(Vec<AttachRule<'s>>),
}

/// One entry of `spec.attach`.
#[derive(Debug)]
pub(super) struct AttachRule<'s> {
    entry: &'s crds::Attach,
    /// Empty means any path.
    paths: Vec<PathPattern>,
}

/// What a namespace may claim.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Claims {
    /// It may not attach at all.
    Nothing,
    /// Any path.
    Everything,
    /// Paths within these patterns.
    Paths(Vec<PathPattern>),
}

impl Claims {
    /// Whether a match with this path may be attached.
    pub(super) fn allow(&self, path: &PathPattern) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Paths(claims) => claims.iter().any(|claim| claim.contains(path)),
        }
    }
}

impl<'s> AttachRules<'s> {
    pub(super) fn compile(
        attach: Option<&'s [crds::Attach]>,
        at: &FieldPath<'_>,
        report: &mut Report,
    ) -> Self {
        let Some(entries) = attach else { return Self::SameNamespace };
        let rule = |(index, entry): (usize, &'s crds::Attach)| {
            let at = at.index(index);
            check_namespaces(entry, &at, report);
            let at_paths = at.child("paths");
            let paths = entry.paths.iter().enumerate();
            let paths =
                paths.filter_map(|(i, text)| matches::path(text, &at_paths.index(i), report));
            AttachRule { entry, paths: paths.collect() }
        };
        Self::Entries(entries.iter().enumerate().map(rule).collect())
    }

    /// What `namespace` may claim of a FrontDoor in the namespace `own`: the union of all entries
    /// that apply to it.
    pub(super) fn claims(&self, own: &str, namespace: &str, snapshot: &Snapshot) -> Claims {
        let entries = match self {
            Self::SameNamespace if own == namespace => return Claims::Everything,
            Self::SameNamespace => return Claims::Nothing,
            Self::Entries(entries) => entries,
        };
        let labels = Labels {
            name: namespace,
            given: snapshot
                .namespace(namespace)
                .map(|it| it.metadata.labels.as_ref().unwrap_or(&UNLABELLED)),
        };
        let fitting: Vec<_> = entries.iter().filter(|rule| rule.fits(&labels)).collect();
        if fitting.is_empty() {
            Claims::Nothing
        } else if fitting.iter().any(|rule| rule.paths.is_empty()) {
            Claims::Everything
        } else {
            Claims::Paths(fitting.into_iter().flat_map(|rule| rule.paths.iter().cloned()).collect())
        }
    }
}

impl AttachRule<'_> {
    fn fits(&self, labels: &Labels<'_>) -> bool {
        self.entry.namespaces.iter().any(|name| name == labels.name)
            || self.entry.namespace_selector.as_ref().is_some_and(|s| selects(s, labels))
    }
}

/// A Namespace's labels. Of one that is not in the snapshot, only the name is known.
struct Labels<'n> {
    name: &'n str,
    /// `None` if they are unknown.
    given: Option<&'n BTreeMap<String, String>>,
}

impl Labels<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        if key == NAMESPACE_NAME {
            return Some(self.name);
        }
        self.given?.get(key).map(String::as_str)
    }

    fn is_known(&self, key: &str) -> bool {
        self.given.is_some() || key == NAMESPACE_NAME
    }
}

fn selects(selector: &LabelSelector, labels: &Labels<'_>) -> bool {
    let mut equalities = selector.match_labels.iter().flatten();
    let mut expressions = selector.match_expressions.iter().flatten();
    // A label that is unknown may be the one that `NotIn` and `DoesNotExist` exclude.
    equalities.all(|(key, value)| labels.get(key) == Some(value.as_str()))
        && expressions.all(|it| labels.is_known(&it.key) && holds(it, labels))
}

fn holds(expression: &LabelSelectorRequirement, labels: &Labels<'_>) -> bool {
    let value = labels.get(&expression.key);
    let listed = || {
        let mut values = expression.values.iter().flatten();
        value.is_some_and(|value| values.any(|listed| listed == value))
    };
    match expression.operator.as_str() {
        "In" => listed(),
        "NotIn" => !listed(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        // Rejected when the entry is validated.
        _ => false,
    }
}

fn check_namespaces(entry: &crds::Attach, at: &FieldPath<'_>, report: &mut Report) {
    match (entry.namespaces.is_empty(), &entry.namespace_selector) {
        (true, None) => {
            report.invalid_members(
                at,
                &["namespaces", "namespaceSelector"],
                "names no namespace: set namespaces or namespaceSelector",
            );
        }
        (false, Some(_)) => report.invalid_members(
            at,
            &["namespaces", "namespaceSelector"],
            "has both namespaces and namespaceSelector: keep one, or make two entries",
        ),
        (true, Some(selector)) => {
            check_selector(selector, &at.child("namespaceSelector"), report);
        }
        (false, None) => {}
    }
}

fn check_selector(selector: &LabelSelector, at: &FieldPath<'_>, report: &mut Report) {
    let empty = [
        ("matchLabels", selector.match_labels.as_ref().is_some_and(BTreeMap::is_empty)),
        ("matchExpressions", selector.match_expressions.as_ref().is_some_and(Vec::is_empty)),
    ];
    for (name, _) in empty.into_iter().filter(|(_, is_empty)| *is_empty) {
        report.invalid(
            &at.child(name),
            "is empty, and would select every namespace: leave it out, or write namespaceSelector: {} if that is what you mean",
        );
    }
    let at_labels = at.child("matchLabels");
    for (key, value) in selector.match_labels.iter().flatten() {
        let at = at_labels.key(key);
        if let Err(message) = labels::check_key(key).and_then(|()| labels::check_value(value)) {
            report.invalid(&at, format!("'{key}: {value}' is not a valid label: {message}"));
        }
    }
    let at = at.child("matchExpressions");
    for (index, expression) in selector.match_expressions.iter().flatten().enumerate() {
        let at = at.index(index);
        if let Err(message) = labels::check_key(&expression.key) {
            report.invalid(
                &at.child("key"),
                format!("'{}' is not a valid label key: {message}", expression.key),
            );
        }
        for (nth, value) in expression.values.iter().flatten().enumerate() {
            if let Err(message) = labels::check_value(value) {
                let at = at.child("values");
                report.invalid(
                    &at.index(nth),
                    format!("'{value}' is not a valid label value: {message}"),
                );
            }
        }
        if report.failed_to_decode(&at.child("operator")) {
            continue; // Whether it takes values can't be told.
        }
        let has_values = expression.values.as_ref().is_some_and(|values| !values.is_empty());
        match (expression.operator.as_str(), has_values) {
            ("In" | "NotIn", true) | ("Exists" | "DoesNotExist", false) => {}
            (operator @ ("In" | "NotIn"), false) => {
                report.invalid(&at.child("values"), format!("is empty: {operator} needs values"));
            }
            (operator @ ("Exists" | "DoesNotExist"), true) => {
                report.invalid(
                    &at.child("values"),
                    format!("is set, but {operator} takes no values: remove it"),
                );
            }
            (other, _) => report.invalid(
                &at.child("operator"),
                format!("is '{other}': use In, NotIn, Exists or DoesNotExist"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(key: &str, operator: &str, values: &[&str]) -> LabelSelector {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        LabelSelector {
            match_expressions: Some(vec![LabelSelectorRequirement {
                key: key.to_owned(),
                operator: operator.to_owned(),
                values: Some(values),
            }]),
            match_labels: None,
        }
    }

    #[test]
    fn selectors_follow_kubernetes() {
        let given = BTreeMap::from([("team".to_owned(), "sales".to_owned())]);
        let labels = Labels { name: "shop", given: Some(&given) };
        for (key, operator, values, fits) in [
            ("team", "In", &["web", "sales"][..], true),
            ("team", "In", &["web"], false),
            ("none", "In", &[""], false),
            ("team", "NotIn", &["web"], true),
            ("team", "NotIn", &["sales"], false),
            ("none", "NotIn", &["sales"], true),
            ("team", "Exists", &[], true),
            ("none", "Exists", &[], false),
            ("team", "DoesNotExist", &[], false),
            ("none", "DoesNotExist", &[], true),
            (NAMESPACE_NAME, "In", &["shop"], true),
            ("team", "Bogus", &["sales"], false),
        ] {
            let selector = requirement(key, operator, values);
            assert_eq!(selects(&selector, &labels), fits, "{key} {operator} {values:?}");
        }
        assert!(selects(&LabelSelector::default(), &labels), "an empty selector selects all");
    }

    #[test]
    fn nothing_that_a_selector_asks_is_true_of_unknown_labels() {
        let unknown = Labels { name: "shop", given: None };
        let unlabelled = Labels { name: "shop", given: Some(&UNLABELLED) };
        for (operator, values) in [("NotIn", &["web"][..]), ("DoesNotExist", &[])] {
            let selector = requirement("team", operator, values);
            assert!(!selects(&selector, &unknown), "{operator}");
            assert!(selects(&selector, &unlabelled), "{operator}");
        }
        assert!(selects(&requirement(NAMESPACE_NAME, "NotIn", &["web"]), &unknown));
    }
}
