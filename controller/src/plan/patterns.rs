//! Path patterns for the shapes of the paths that were called. A pattern matches no more than the
//! recording justifies: where a segment is open, it looked like an identifier, or several values of
//! it were recorded below a plural; where it ends in `*`, several paths were recorded below it, and
//! a Route would have too many matches without.

use super::shapes::OPEN;
use crate::compile::MAX_MATCHES;
use portico_dataplane::path::PathPattern;
use std::collections::{BTreeMap, BTreeSet};

/// How many values of a segment open it.
const MIN_VALUES: usize = 4;

/// How many patterns a host may have without a prefix.
const MAX_PATTERNS: usize = 128;

/// What became of the shapes of a host.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Patterns {
    /// The patterns, in order. Each parses, and there are no two of the same shape.
    pub(super) patterns: Vec<String>,
    /// Those that end in `*`, and how many recorded ones they stand for.
    pub(super) widened: Vec<(String, usize)>,
}

/// A pattern for each shape, however many there are.
pub(super) fn exact<'s>(shapes: impl IntoIterator<Item = &'s str>) -> Vec<String> {
    let opened = open(shapes.into_iter().map(split).collect());
    opened.iter().map(|shape| named(shape)).collect()
}

/// Makes patterns of shapes, at most as many as fit into one Route unless their first segments are
/// more.
pub(super) fn of<'s>(shapes: impl IntoIterator<Item = &'s str>) -> Patterns {
    let shapes: BTreeSet<_> = shapes.into_iter().map(split).collect();
    let opened = open(shapes);
    let depth = opened.iter().map(Vec::len).max().unwrap_or(0);
    let mut result =
        Patterns { patterns: opened.iter().map(|it| named(it)).collect(), widened: Vec::new() };
    for depth in (1..depth).rev() {
        if result.patterns.len() <= MAX_MATCHES {
            break;
        }
        result = cut(&opened, depth);
    }
    result.patterns.retain(|pattern| PathPattern::parse(pattern).is_ok());
    result
}

fn split(shape: &str) -> Vec<&str> {
    shape.split('/').skip(1).collect()
}

/// Opens the segments below a plural that have many values, with the same segments around them.
fn open(mut shapes: BTreeSet<Vec<&str>>) -> BTreeSet<Vec<&str>> {
    let depth = shapes.iter().map(Vec::len).max().unwrap_or(0);
    for at in 1..depth {
        let mut values: BTreeMap<Vec<&str>, BTreeSet<&str>> = BTreeMap::new();
        for shape in &shapes {
            let (Some(above), Some(value)) = (shape.get(at - 1), shape.get(at)) else { continue };
            if is_plural(above) && *value != OPEN && !value.is_empty() {
                let mut opened = shape.clone();
                opened[at] = OPEN;
                values.entry(opened).or_default().insert(value);
            }
        }
        for (opened, values) in values.into_iter().filter(|(_, values)| values.len() >= MIN_VALUES)
        {
            for value in values {
                let mut shape = opened.clone();
                shape[at] = value;
                shapes.remove(&shape);
            }
            shapes.insert(opened);
        }
    }
    shapes
}

fn is_plural(word: &str) -> bool {
    word.len() > 3
        && word.ends_with('s')
        && !["ss", "us", "is", "ics", "news"].iter().any(|end| word.ends_with(end))
}

/// Cuts what is below so many segments, where several shapes are below them.
fn cut(shapes: &BTreeSet<Vec<&str>>, depth: usize) -> Patterns {
    let mut groups: BTreeMap<&[&str], Vec<&Vec<&str>>> = BTreeMap::new();
    for shape in shapes {
        groups.entry(&shape[..depth.min(shape.len())]).or_default().push(shape);
    }
    let mut result = Patterns::default();
    for (prefix, group) in groups {
        match group.as_slice() {
            [alone] => result.patterns.push(named(alone)),
            [..] => {
                let pattern = format!("{}/*", named(prefix));
                result.widened.push((pattern.clone(), group.len()));
                result.patterns.push(pattern);
            }
        }
    }
    result
}

/// The pattern of a shape, with a name for each open segment.
fn named(segments: &[&str]) -> String {
    let mut pattern = String::new();
    let mut names = BTreeSet::new();
    let mut above = "";
    for segment in segments {
        pattern.push('/');
        if *segment == OPEN {
            let name = name(above);
            let free = (1..).map(|n| if n == 1 { name.clone() } else { format!("{name}{n}") });
            let name = free.into_iter().find(|name| names.insert(name.clone())).unwrap_or(name);
            pattern.extend(["{", &name, "}"]);
        } else {
            pattern.push_str(segment);
        }
        above = segment;
    }
    pattern
}

/// A name for a segment below this one: one of `users` is a `user`.
fn name(above: &str) -> String {
    let is_name =
        above.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte == b'_')
            && above.starts_with(|c: char| c.is_ascii_lowercase());
    let singular = match above.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => above.strip_suffix('s').unwrap_or(above).to_owned(),
    };
    if is_name && is_plural(above) { singular } else { "id".to_owned() }
}

/// Why a host can't share the page's paths, even if none that was recorded is the page's.
pub(super) fn why_prefix(patterns: &[String]) -> Option<String> {
    if patterns.len() > MAX_PATTERNS {
        Some(format!("it has more than {MAX_PATTERNS} paths"))
    } else if patterns.iter().any(|path| path == "/" || path.starts_with("//")) {
        Some("its root was called, where the page's own host has its start".to_owned())
    } else if patterns.iter().any(|path| path.starts_with("/{")) {
        Some(
            "its paths begin with a segment that varies, and would take those of the page"
                .to_owned(),
        )
    } else {
        None
    }
}

/// Whether a pattern matches a path of this shape. What is open in the shape looked like an
/// identifier, which no literal of a pattern does.
pub(super) fn takes(pattern: &str, shape: &str) -> bool {
    let mut segments = shape.split('/').skip(1);
    for ours in pattern.split('/').skip(1) {
        match (ours, segments.next()) {
            ("*", _) => return true,
            (ours, Some(theirs)) if ours.starts_with('{') && !theirs.is_empty() => {}
            (ours, Some(theirs)) if ours == theirs => {}
            (_, Some(_) | None) => return false,
        }
    }
    segments.next().is_none()
}

/// Whether a path can match both patterns.
pub(super) fn overlap(a: &str, b: &str) -> bool {
    let (mut ours, mut theirs) = (a.split('/').skip(1), b.split('/').skip(1));
    let is_open = |segment: &str| segment.starts_with('{');
    loop {
        return match (ours.next(), theirs.next()) {
            (Some("*"), _) | (_, Some("*")) | (None, None) => true,
            (None, Some(_)) | (Some(_), None) => false,
            (Some(our), Some(their)) if our == their => continue,
            (Some(our), Some(their)) if is_open(our) && !their.is_empty() => continue,
            (Some(our), Some(their)) if is_open(their) && !our.is_empty() => continue,
            (Some(_), Some(_)) => false,
        };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::plan::shapes;
    use portico_dataplane::path::normalise;
    use proptest::prelude::*;

    fn patterns(paths: &[&str]) -> Vec<String> {
        let shapes: Vec<_> = paths.iter().map(|path| shapes::of(path)).collect();
        of(shapes.iter().map(String::as_str)).patterns
    }

    #[test]
    fn paths_that_differ_in_an_identifier_become_one_pattern() {
        assert_eq!(
            patterns(&["/users/7", "/users/8", "/users/7/orders/1", "/users/me", "/v1/x/7/8", "/"]),
            ["/", "/users/me", "/users/{user}", "/users/{user}/orders/{order}", "/v1/x/{id}/{id2}"]
        );
    }

    #[test]
    fn names_below_a_plural_become_one_pattern_if_there_are_many() {
        assert_eq!(patterns(&["/users/ada", "/users/bob"]), ["/users/ada", "/users/bob"]);
        let users = ["/users/ada", "/users/bob", "/users/eve", "/users/joe", "/users/ada/pets"];
        assert_eq!(patterns(&users), ["/users/ada/pets", "/users/{user}"]);
        let verbs = ["/api/login", "/api/logout", "/api/me", "/api/config", "/api/search"];
        assert_eq!(patterns(&verbs).len(), 5);
    }

    #[test]
    fn only_what_does_not_fit_into_a_route_is_cut() {
        let many: Vec<_> = (b'a'..=b't').map(|c| format!("/api/{0}{0}", char::from(c))).collect();
        let few = ["/login", "/x/y/z"];
        let paths: Vec<_> = many.iter().map(String::as_str).chain(few).collect();
        let shapes: Vec<_> = paths.iter().map(|path| shapes::of(path)).collect();
        let made = of(shapes.iter().map(String::as_str));
        assert_eq!(made.patterns, ["/api/*", "/login", "/x/y/z"]);
        assert_eq!(made.widened, [("/api/*".to_owned(), 20)]);
    }

    #[test]
    fn a_pattern_takes_paths_by_their_shape() {
        for (pattern, shape, expected) in [
            ("/orders", "/orders", true),
            ("/orders", "/{}", false),
            ("/{id}", "/{}", true),
            ("/{id}", "/orders", true),
            ("/{id}", "/", false),
            ("/users/{user}", "/users/me", true),
            ("/users/{user}", "/users/me/x", false),
            ("/users/*", "/users", true),
            ("/users/*", "/users/{}/x", true),
        ] {
            assert_eq!(takes(pattern, shape), expected, "{pattern} {shape}");
        }
    }

    #[test]
    fn patterns_that_can_match_one_path_overlap() {
        for (a, b, expected) in [
            ("/a", "/a", true),
            ("/a", "/b", false),
            ("/a/{x}", "/a/b", true),
            ("/a/{x}", "/a/", false),
            ("/a/{x}/c", "/a/b/{y}", true),
            ("/a/*", "/a", true),
            ("/a/*", "/b/*", false),
            ("/a", "/a/b", false),
        ] {
            assert_eq!((overlap(a, b), overlap(b, a)), (expected, expected), "{a} {b}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Every recorded path is routed, and every pattern parses.
        #[test]
        fn every_path_has_its_pattern(
            paths in proptest::collection::vec("(/([a-c]{1,3}s?|[0-9]{1,4}|%C3%A9|))+/?", 1..60)
        ) {
            let paths: Vec<_> = paths.iter().filter_map(|path| normalise(path).ok()).collect();
            let shapes: Vec<_> = paths.iter().map(|path| shapes::of(path)).collect();
            let made = of(shapes.iter().map(String::as_str));
            let parsed: Vec<_> = made.patterns.iter().map(|it| PathPattern::parse(it).unwrap()).collect();
            for path in &paths {
                prop_assert!(parsed.iter().any(|pattern| pattern.matches(path).is_some()), "{path}");
            }
            for (at, pattern) in parsed.iter().enumerate() {
                prop_assert!(parsed[..at].iter().all(|other| !other.same_shape(pattern)));
                // None is for nothing.
                prop_assert!(paths.iter().any(|path| pattern.matches(path).is_some()), "{pattern}");
            }
            for (pattern, count) in &made.widened {
                prop_assert!(*count >= 2 && pattern.ends_with("/*"));
            }
        }
    }
}
