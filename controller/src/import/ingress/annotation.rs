//! Annotations, and what tables of them say.

use super::{super::Node, settings::Settings};
use serde_json::Value;
use std::collections::BTreeMap;

/// What becomes of an annotation.
#[derive(Clone, Copy)]
pub(super) enum Becomes {
    /// What this function makes of it.
    Is(fn(&Annotation<'_, '_>, &mut Settings)),
    /// It is read together with the one of this name, without which it does nothing.
    PartOf(&'static str),
    /// It belongs to the one of this name, and goes as that one does.
    DroppedWith(&'static str),
    /// It is not needed: what it asks for is how Portico works.
    Needless,
    /// Nothing, for this reason.
    Dropped(&'static str),
    /// Nothing. The Ingress must not be served without it, for this reason.
    Closes(&'static str),
}

/// A table: names without their prefix, and what becomes of them.
pub(super) type Table = &'static [(&'static str, Becomes)];

/// An annotation of an Ingress.
pub(super) struct Annotation<'a, 's> {
    /// Where its verdict goes.
    pub(super) node: &'a Node<'s>,
    /// Its value.
    pub(super) text: &'a str,
    /// The namespace of its Ingress.
    pub(super) namespace: &'a str,
    /// The ConfigMaps of the input.
    config_maps: &'a ConfigMaps<'a>,
    /// All annotations of its prefix.
    all: &'a BTreeMap<String, (String, Node<'s>)>,
}

/// The data of ConfigMaps, by namespace and name.
pub(super) type ConfigMaps<'s> = BTreeMap<(&'s str, &'s str), &'s Value>;

impl<'a> Annotation<'a, '_> {
    /// The value of another annotation of the same prefix.
    pub(super) fn other(&self, name: &str) -> Option<&'a str> {
        self.all.get(name).map(|(text, _)| text.as_str())
    }

    /// The data of a ConfigMap of the input.
    pub(super) fn config_map(&self, namespace: &'a str, name: &'a str) -> Option<&'a Value> {
        self.config_maps.get(&(namespace, name)).copied()
    }

    /// Whether another annotation says yes.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.other(name).is_some_and(is_true)
    }

    /// Whether it says yes.
    pub(super) fn is_true(&self) -> bool {
        is_true(self.text)
    }

    /// Notes that it, and another one that is read with it, is kept.
    pub(super) fn kept(&self) {
        self.node.kept();
    }

    /// Notes a difference.
    pub(super) fn changed(&self, how: impl Into<String>) {
        self.node.changed(how);
    }

    /// Notes that it is not kept.
    pub(super) fn dropped(&self, why: impl Into<String>) {
        self.node.dropped(why);
    }

    /// Notes a difference on another annotation.
    pub(super) fn changed_at(&self, name: &str, how: impl Into<String>) {
        if let Some((_, node)) = self.all.get(name) {
            node.changed(how);
        }
    }

    /// Notes that another annotation is not kept.
    pub(super) fn dropped_at(&self, name: &str, why: impl Into<String>) {
        if let Some((_, node)) = self.all.get(name) {
            node.dropped(why);
        }
    }

    /// It is not kept, and its Ingress must not be served without it.
    pub(super) fn closes(&self, settings: &mut Settings, why: impl Into<String>) {
        let why = why.into();
        self.dropped(format!("{why}; until then its Routes answer 503"));
        settings.closed.push(why);
    }
}

/// As Go's `ParseBool`.
pub(super) fn is_true(text: &str) -> bool {
    matches!(text, "1" | "t" | "T" | "TRUE" | "true" | "True")
}

/// The items of a list with commas.
pub(super) fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// Why an annotation that no table has is not kept.
pub(super) const UNKNOWN: &str = "is not known to this importer: see whether it matters";

/// Reads the annotations of one prefix by its table; `others` are not kept for this reason.
pub(super) fn read(
    annotations: Option<&Node<'_>>,
    namespace: &str,
    config_maps: &ConfigMaps<'_>,
    (prefix, table, others): (&str, Table, &str),
    settings: &mut Settings,
) {
    let of_prefix = annotations.into_iter().flat_map(Node::fields).filter_map(|(name, node)| {
        let text = match node.value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some((name.strip_prefix(prefix)?.to_owned(), (text, node)))
    });
    let all: BTreeMap<_, _> = of_prefix.collect();
    // In the table's order, so that what is first there is first in the Route.
    for (name, becomes) in table {
        let Some((text, node)) = all.get(*name) else { continue };
        let annotation = Annotation { node, text, namespace, config_maps, all: &all };
        match becomes {
            Becomes::Is(make) => make(&annotation, settings),
            Becomes::PartOf(other) | Becomes::DroppedWith(other) if !all.contains_key(*other) => {
                annotation.dropped(format!("has no effect without {prefix}{other}"));
            }
            Becomes::PartOf(_) => annotation.kept(),
            Becomes::DroppedWith(other) => annotation.dropped(format!("belongs to {other}")),
            Becomes::Needless => annotation.kept(),
            Becomes::Dropped(why) => annotation.dropped(*why),
            Becomes::Closes(_) if text.is_empty() || text == "false" => annotation.kept(),
            Becomes::Closes(why) => annotation.closes(settings, *why),
        }
    }
    let known = |name: &str| table.iter().any(|(known, _)| *known == name);
    for (_, (_, node)) in all.iter().filter(|(name, _)| !known(name)) {
        node.dropped(others);
    }
}
