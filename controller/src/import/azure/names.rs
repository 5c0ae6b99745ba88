//! Names of objects and rules.

use std::collections::HashSet;

/// How long a name may be, so that there is room for a number.
const MAX_LENGTH: usize = 56;

/// A name (RFC 1123 label) that is like this text.
pub(super) fn label(text: &str) -> String {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let joined = parts.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    let label: String = joined.chars().take(MAX_LENGTH).collect();
    let label = label.trim_matches('-');
    if label.is_empty() { "unnamed".to_owned() } else { label.to_owned() }
}

/// Names that are taken.
#[derive(Debug, Default)]
pub(super) struct Taken(HashSet<String>);

impl Taken {
    /// This name or, with a number, the first that is free; then it is taken.
    pub(super) fn unique(&mut self, name: &str) -> String {
        let numbered = (2..).map(|number: usize| format!("{name}-{number}"));
        let mut all = std::iter::once(name.to_owned()).chain(numbered);
        let free = all.find(|name| !self.0.contains(name)).unwrap_or_default();
        self.0.insert(free.clone());
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_labels_and_differ() {
        assert_eq!(label("My_Route.1"), "my-route-1");
        assert_eq!(label("–"), "unnamed");
        assert!(label(&"a".repeat(99)).len() < 60);
        let mut taken = Taken::default();
        assert_eq!(["a", "a", "b", "a"].map(|name| taken.unique(name)), ["a", "a-2", "b", "a-3"]);
    }
}
