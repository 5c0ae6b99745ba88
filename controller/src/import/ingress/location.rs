//! Hosts and their paths.

use super::{place::PathType, settings::Canary};
use portico_crds::MAX_ALTERNATIVES;
use serde_json::{Value, json};

/// A host.
#[derive(Clone, Debug, Default)]
pub(super) struct Site {
    /// Its name, as a FrontDoor has it.
    pub(super) host: String,
    /// The Ingresses that have it; the first decides what there is one of for a host.
    pub(super) ingresses: Vec<usize>,
    /// Its paths.
    pub(super) locations: Vec<Location>,
    /// Expressions for paths that are not imported.
    pub(super) guards: Vec<String>,
    /// Conditions for requests that a path with restrictions matches in the source, and not here.
    pub(super) fences: Vec<Value>,
    /// The Secret with its certificate, and that Secret's namespace.
    pub(super) secret: Option<(String, String)>,
}

/// A path of a host.
#[derive(Clone, Debug)]
pub(super) struct Location {
    /// Its Ingress.
    pub(super) ingress: usize,
    /// The path and its type, as they are written.
    pub(super) source: (String, PathType),
    /// The pattern.
    pub(super) pattern: String,
    /// `rewrite.path`.
    pub(super) rewrite: Option<String>,
    /// Rules of its own.
    pub(super) rules: Vec<Value>,
    /// Paths that the pattern matches and the source does not.
    pub(super) absent: Vec<String>,
    /// An expression for what it matches in the source, if that is more, and is restricted.
    pub(super) reach: Option<String>,
    /// Where its requests go.
    pub(super) outcome: Outcome,
    /// The backend that takes some of them, and which.
    pub(super) canary: Option<(Value, Canary)>,
}

impl Location {
    /// A path that no Ingress has written, but that follows of one.
    pub(super) fn implied(ingress: usize, pattern: &str, outcome: Outcome) -> Self {
        Self {
            ingress,
            source: (String::new(), PathType::Exact),
            pattern: pattern.to_owned(),
            rewrite: None,
            rules: Vec::new(),
            absent: Vec::new(),
            reach: None,
            outcome,
            canary: None,
        }
    }
}

/// Where requests go.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// To this backend, or wherever the annotations of the Ingress lead.
    Backend(Value),
    /// They are redirected.
    Redirect(Value),
    /// They are answered with 503, for this reason.
    Closed(String),
}

/// What restricts a path in the source restricts all that it matches there: conditions for those of
/// its requests that would get to other paths here.
pub(super) fn fences(locations: &[Location]) -> Vec<Value> {
    let fence = |location: &Location| {
        let reach = location.reach.as_ref()?;
        let (own, _) = &location.source;
        let own = own.to_lowercase();
        let is_longer = |other: &Location| {
            let text = other.source.0.to_lowercase();
            other.pattern == location.pattern || text.len() > own.len() && text.starts_with(&own)
        };
        let pattern = location.pattern.to_lowercase();
        let is_above = |other: &Location| is_below(&pattern, &other.pattern.to_lowercase());
        if !locations.iter().any(|other| !is_longer(other) && is_above(other)) {
            return None;
        }
        let longer = locations.iter().filter(|other| is_longer(other));
        let except = longer.map(|it| json!({"path": it.pattern})).take(MAX_ALTERNATIVES);
        let except: Vec<_> = except.collect();
        Some(json!([{"pathRegex": reach}, {"not": {"any": except}}]))
    };
    locations.iter().filter_map(fence).collect()
}

/// Whether all paths of a pattern are paths of one that ends in `/*`.
pub(super) fn is_below(pattern: &str, above: &str) -> bool {
    let Some(above) = above.strip_suffix("/*") else { return false };
    let mut segments = pattern.split('/');
    above.split('/').all(|above| {
        segments
            .next()
            .is_some_and(|it| it == above || above.starts_with('{') && it != "*" && !it.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_below_others() {
        for (pattern, above) in [
            ("/a/b/*", "/a/*"),
            ("/a", "/a/*"),
            ("/a/b", "/*"),
            ("/x/b", "/{g1}/*"),
            ("/a/", "/a/*"),
        ] {
            assert!(is_below(pattern, above), "{pattern} {above}");
        }
        for (pattern, above) in
            [("/a/*", "/a/b/*"), ("/ab/*", "/a/*"), ("/a", "/a"), ("/*", "/{g1}/*")]
        {
            assert!(!is_below(pattern, above), "{pattern} {above}");
        }
    }
}
