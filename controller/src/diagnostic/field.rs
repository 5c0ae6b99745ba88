//! Field paths, as Kubernetes writes them: `spec.matches[0].path`.

use std::fmt;

/// A place in an object: a linked list up the stack, which allocates only if something is wrong
/// there and the path is written out.
#[derive(Clone, Copy)]
pub(crate) enum FieldPath<'p> {
    /// The object itself.
    Root,
    /// A field of an object.
    Child(&'p FieldPath<'p>, &'p str),
    /// An item of a list.
    Index(&'p FieldPath<'p>, usize),
    /// The value at a key of a map.
    Key(&'p FieldPath<'p>, &'p str),
}

impl FieldPath<'_> {
    /// `spec`.
    pub(crate) const SPEC: FieldPath<'static> = FieldPath::Child(&FieldPath::Root, "spec");

    pub(crate) fn child<'a>(&'a self, name: &'a str) -> FieldPath<'a> {
        FieldPath::Child(self, name)
    }

    pub(crate) fn index(&self, index: usize) -> FieldPath<'_> {
        FieldPath::Index(self, index)
    }

    pub(crate) fn key<'a>(&'a self, key: &'a str) -> FieldPath<'a> {
        FieldPath::Key(self, key)
    }

    /// Whether `path` is this place or one below it.
    pub(crate) fn contains(&self, path: &str) -> bool {
        is_within(path, &self.to_string())
    }
}

impl fmt::Display for FieldPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Child(Self::Root, name) => f.write_str(name),
            Self::Child(parent, name) => write!(f, "{parent}.{name}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
            Self::Key(parent, key) => write!(f, "{parent}[{key}]"),
        }
    }
}

/// Whether a written path is `place` or one below it; the empty path is the object itself.
pub(crate) fn is_within(path: &str, place: &str) -> bool {
    let below = path.strip_prefix(place);
    below.is_some_and(|rest| rest.is_empty() || place.is_empty() || rest.starts_with(['.', '[']))
}

/// Whether a written path is a field of `parent` itself; the empty path is the object.
pub(crate) fn is_child(path: &str, parent: &str) -> bool {
    let below = path.strip_prefix(parent);
    let name = if parent.is_empty() { below } else { below.and_then(|it| it.strip_prefix('.')) };
    name.is_some_and(|name| !name.contains(['.', '[']))
}

/// Splits a written path into steps that sort names as text and indices as numbers.
pub(crate) fn sort_key(path: &str) -> impl Iterator<Item = (&str, Option<usize>)> {
    path.split(['.', '[']).map(|step| match step.strip_suffix(']') {
        Some(index) => ("", index.parse().ok()),
        None => (step, None),
    })
}

/// A written path without the indices of lists: `spec.matches.path`.
pub(crate) fn without_indices(path: &str) -> String {
    let mut kept = path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest));
    let first = kept.next().unwrap_or_default().to_owned();
    kept.fold(first, |path, part| path + part)
}
