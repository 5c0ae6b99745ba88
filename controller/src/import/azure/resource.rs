//! Azure's resources: what they are called, and how they name each other.

use serde_json::Value;

/// A resource of a template, or an object that az prints.
#[derive(Debug)]
pub(super) struct Resource {
    /// Its kind and name, and those of what it is part of.
    pub(super) id: Id,
    /// What the report calls it.
    pub(super) label: String,
    /// Its fields, without the resources that are part of it.
    pub(super) value: Value,
    /// The fields whose expressions could not be worked out, and why.
    pub(super) missing: Vec<(String, String)>,
    /// Why nothing of it is imported, if that is known already.
    pub(super) refused: Option<String>,
}

impl Resource {
    /// With these fields.
    pub(super) fn new(id: Id, kind: &str, value: Value) -> Self {
        let label = format!("{kind} {}", id.names.join("/"));
        Self { id, label, value, missing: Vec::new(), refused: None }
    }

    /// What is not even a resource.
    pub(super) fn refused(label: String, value: Value, why: &str) -> Self {
        let id = Id { kind: String::new(), names: Vec::new() };
        Self { id, label, value, missing: Vec::new(), refused: Some(why.to_owned()) }
    }
}

/// The kind and name of a resource, and those of what it is part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Id {
    /// Its kind, in lower case: `microsoft.cdn/profiles/origingroups`.
    pub(super) kind: String,
    /// The names of what it is part of, and its own: `contoso`, `web`.
    pub(super) names: Vec<String>,
}

impl Id {
    /// Of a kind, with a name such as `contoso/web`.
    pub(super) fn new(kind: &str, name: &str) -> Self {
        let names = name.split('/').filter(|name| !name.is_empty()).map(str::to_owned);
        Self { kind: kind.to_ascii_lowercase(), names: names.collect() }
    }

    /// Reads `/subscriptions/…/providers/Microsoft.Cdn/profiles/contoso/originGroups/web`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let at = lower.rfind("/providers/")? + "/providers/".len();
        let mut parts = text.get(at..)?.split('/').filter(|part| !part.is_empty());
        let mut kind = parts.next()?.to_ascii_lowercase();
        let mut names = Vec::new();
        while let (Some(part), Some(name)) = (parts.next(), parts.next()) {
            kind.push('/');
            kind.push_str(&part.to_ascii_lowercase());
            names.push(name.to_owned());
        }
        (!names.is_empty()).then_some(Self { kind, names })
    }

    /// Its own name.
    pub(super) fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// Whether these are the same, for which case does not matter.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.kind == other.kind && same(&self.names, &other.names)
    }

    /// Whether it is part of another: `kind` is its kind without that of the other.
    pub(super) fn is_part_of(&self, other: &Self, kind: &str) -> bool {
        let own = self.kind.strip_prefix(other.kind.as_str());
        own.and_then(|own| own.strip_prefix('/')) == Some(kind)
            && self.names.len() == other.names.len() + kind.split('/').count()
            && same(&self.names[..other.names.len()], &other.names)
    }
}

fn same(one: &[String], other: &[String]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| a.eq_ignore_ascii_case(b))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_and_compared_without_case() {
        let id = Id::parse("/subscriptions/s/resourcegroups/g/Providers/Microsoft.Cdn/profiles/P/afdEndpoints/E/routes/R").unwrap();
        assert!(id.is(&Id::new("Microsoft.CDN/Profiles/afdendpoints/routes", "p/e/r")));
        let profile = Id::new("Microsoft.Cdn/profiles", "p");
        assert!(id.is_part_of(&profile, "afdendpoints/routes"));
        assert!(!id.is_part_of(&profile, "afdendpoints"));
        assert!(!id.is_part_of(&Id::new("Microsoft.Cdn/profiles", "q"), "afdendpoints/routes"));
        assert_eq!(id.name(), "R");
        for text in ["", "name", "/subscriptions/s", "/providers/Microsoft.Cdn", "/providers/"] {
            assert_eq!(Id::parse(text), None, "{text}");
        }
    }
}
