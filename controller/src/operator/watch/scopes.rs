//! Which namespaces are watched, and in which of them Secrets and ConfigMaps are.

use std::collections::BTreeSet;

/// One watch per entry. `None` stands for all namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scopes {
    /// For all kinds except Secrets and ConfigMaps.
    pub(crate) objects: Vec<Option<String>>,
    /// For Secrets; may be empty.
    pub(crate) secrets: Vec<Option<String>>,
    /// For ConfigMaps; may be empty.
    pub(crate) config_maps: Vec<Option<String>>,
}

impl Scopes {
    /// All namespaces if none are named, and the same for Secrets and ConfigMaps if nothing else is
    /// said.
    pub(crate) fn of(
        namespaces: &BTreeSet<String>,
        secrets: Option<&BTreeSet<String>>,
        no_config_maps: bool,
    ) -> Self {
        let each = |named: &BTreeSet<String>| named.iter().cloned().map(Some).collect();
        let objects = if namespaces.is_empty() { vec![None] } else { each(namespaces) };
        let secrets = secrets.map_or_else(|| objects.clone(), each);
        let config_maps = if no_config_maps { Vec::new() } else { objects.clone() };
        Self { objects, secrets, config_maps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_watched_where_it_was_said_or_else_everywhere() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let (none, web, both) = (names(&[]), names(&["web"]), names(&["sales", "web"]));
        let some = |name: &str| Some(name.to_owned());
        for (namespaces, secrets, expected) in [
            (&none, None, (vec![None], vec![None])),
            (&none, Some(&web), (vec![None], vec![some("web")])),
            (&none, Some(&none), (vec![None], vec![])),
            (&web, None, (vec![some("web")], vec![some("web")])),
            (&both, Some(&web), (vec![some("sales"), some("web")], vec![some("web")])),
        ] {
            let Scopes { objects, secrets, config_maps } = Scopes::of(namespaces, secrets, false);
            assert_eq!(config_maps, objects);
            assert_eq!((objects, secrets), expected);
        }
        assert_eq!(Scopes::of(&web, None, true).config_maps, []);
    }
}
