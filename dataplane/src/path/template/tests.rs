//! Templates, filled and reversed.

use super::*;
use proptest::{prelude::*, sample::select};

fn pair(pattern: &str, template: &str) -> (PathPattern, PathTemplate) {
    (PathPattern::parse(pattern).unwrap(), PathTemplate::parse(template).unwrap())
}

#[test]
fn templates_are_filled() {
    for (pattern, template, path, filled) in [
        ("/api/user/*", "/users/*", "/api/user", "/users"),
        ("/api/user/*", "/users/*", "/api/user/", "/users/"),
        ("/api/user/*", "/users/*", "/api/user/5/a", "/users/5/a"),
        ("/api/user/*", "/users/*", "/api/user//", "/users//"),
        ("/strip/*", "/*", "/strip", "/"),
        ("/strip/*", "/*", "/strip/", "/"),
        ("/strip/*", "/*", "/strip/a", "/a"),
        ("/strip/*", "/*", "/strip//a", "//a"),
        ("/strip/*", "*", "/strip/a", "/a"),
        ("/*", "/app/*", "/", "/app/"),
        ("/*", "/app/*", "/a", "/app/a"),
        ("/old/*", "/new", "/old/a", "/new"),
        ("/old/*", "/", "/old/a", "/"),
        ("/{a}/x/{b}", "/{b}/{a}", "/1/x/2", "/2/1"),
        ("/{a}/x/{b}", "/{a}/{a}", "/1/x/2", "/1/1"),
        ("/{a}/*", "/t/{a}/*", "/%2F/b", "/t/%2F/b"),
        ("/a", "/é", "/a", "/%C3%A9"),
        ("/{a}/{b}", "/u-{a}.{b}.json/x", "/1/2", "/u-1.2.json/x"),
        ("/{a}/*", "/{a}{a}/.{a}/*", "/1/2", "/11/.1/2"),
    ] {
        let (pattern, template) = pair(pattern, template);
        let captures = pattern.matches(path).unwrap();
        let found = template.fill(&pattern, &captures);
        assert_eq!(found.as_deref(), Ok(filled), "{pattern} {template} {path}");
    }
}

#[test]
fn a_filled_template_hides_no_dot_segment() {
    for (pattern, template, path) in [
        ("/{a}", "/..{a}", "/;x"),
        ("/{a}", "/..{a}", "/%2Fx"),
        ("/{a}", "/.{a}", "/%3B"),
        ("/{a}", "/x{a}..", "/%5C"),
        ("/{a}", "/{a}..;{a}", "/%2F"),
        ("/{a}/{b}", "/{a}..{b}", "/%2F/%2F"),
    ] {
        let (pattern, template) = pair(pattern, template);
        let captures = pattern.matches(path).unwrap();
        let filled = template.fill(&pattern, &captures);
        assert_eq!(filled, Err(PathError::HiddenDots), "{template} {path}");
    }
}

#[test]
fn a_scope_above_the_template_becomes_the_patterns_own() {
    for (pattern, template, request, path, reversed) in [
        ("/orders/*", "/v1/orders/*", "/orders/1", "/v1", Some("/orders")),
        ("/orders/*", "/v1/orders/*", "/orders/1", "/v1/", Some("/orders")),
        ("/orders/*", "/v1/orders/*", "/orders/1", "/v1/orders", Some("/orders")),
        ("/orders/*", "/v1/orders/*", "/orders/1", "/v1/orders/", Some("/orders/")),
        ("/orders/*", "/v1/orders/*", "/orders/1", "/v1/orders/2", Some("/orders/2")),
        ("/orders/*", "/v1/orders/*", "/orders/1", "/v1/users", None),
        ("/orders/*", "/v1/orders/*", "/orders/1", "/v1//", None),
        ("/orders/*", "/v1/orders/*", "/orders/1", "/v", None),
        ("/orders/*", "/v1/orders/*", "/orders/1", "/v1/orders;a", None),
        ("/api/orders/*", "/v1/orders/*", "/api/orders", "/v1", Some("/api/orders")),
        ("/*", "/v1/app/*", "/x", "/v1", Some("/")),
        ("/shop/{id}", "/v1/orders/{id}", "/shop/5", "/v1/orders", Some("/shop")),
        ("/shop/{id}", "/v1/{id}/orders", "/shop/5", "/v1/7", Some("/shop/7")),
        ("/{t}/{id}/x/*", "/v1/{id}/*", "/a/5/x", "/v1", Some("/a")),
        ("/{t}/api/*", "/v1/api/*", "/a/api/5", "/v1", Some("/a/api")),
        ("/{x}/{y}", "/{x}/{x}/{y}", "/1/2", "/3/4", None),
        ("/{x}/{y}", "/{x}/{x}/{y}", "/1/2", "/3/3", Some("/3")),
        ("/old", "/v1/new", "/old", "/v1", Some("/old")),
        ("/old", "/v1/new", "/old", "/", Some("/old")),
    ] {
        let (pattern, template) = pair(pattern, template);
        let captures = pattern.matches(request).unwrap();
        let found = template.reverse_scope(&pattern, &captures, path);
        assert_eq!(found.as_deref(), reversed, "{pattern} {template} {request} {path}");
    }
}

#[test]
fn templates_that_the_compiler_rejects_are_harmless() {
    let (pattern, template) = pair("/a/{b}", "/{c}/x/*");
    let captures = pattern.matches("/a/1").unwrap();
    assert_eq!(template.fill(&pattern, &captures).as_deref(), Ok("//x"));
    assert_eq!(template.reverse(&pattern, &captures, "/2/x"), Some("/a/1".to_owned()));
    assert_eq!(template.reverse(&pattern, &captures, "/2/x/y"), None);
}

#[test]
fn templates_are_reversed() {
    for (pattern, template, request, path, reversed) in [
        ("/api/user/*", "/users/*", "/api/user/1", "/users/5", Some("/api/user/5")),
        ("/api/user/*", "/users/*", "/api/user/1", "/users", Some("/api/user")),
        ("/api/user/*", "/users/*", "/api/user/1", "/users/", Some("/api/user/")),
        ("/api/user/*", "/users/*", "/api/user/1", "/usersx", None),
        ("/api/user/*", "/users/*", "/api/user/1", "/login", None),
        ("/api/user/*", "/users/*", "/api/user/1", "/users/../login", None),
        ("/api/user/*", "/users/*", "/api/user/1", "/x/../users/%61", Some("/api/user/a")),
        ("/api/user/*", "/users/*", "/api/user/1", "users/5", None),
        ("/api/user/*", "/users/*", "/api/user/1", "/users/%", None),
        ("/strip/*", "/*", "/strip/1", "/", Some("/strip/")),
        ("/strip/*", "/*", "/strip", "/", Some("/strip/")),
        ("/strip/*", "/*", "/strip/1", "/a/b", Some("/strip/a/b")),
        ("/strip/*", "/*", "/strip/1", "//a", Some("/strip//a")),
        ("/*", "/app/*", "/1", "/app/x", Some("/x")),
        ("/*", "/app/*", "/1", "/app/", Some("/")),
        ("/*", "/app/*", "/1", "/app", Some("/")),
        ("/*", "/app/*", "/1", "/x", None),
        // The template uses less than the pattern captured: this request's values fill the
        // gaps.
        ("/{t}/api/*", "/api/*", "/acme/api/1", "/api/2", Some("/acme/api/2")),
        ("/old/*", "/new", "/old/a/b", "/new", Some("/old/a/b")),
        ("/old/*", "/new", "/old", "/new", Some("/old")),
        ("/old/*", "/new", "/old/a", "/new/x", None),
        ("/a/{id}", "/b/{id}", "/a/1", "/b/2", Some("/a/2")),
        ("/a/{id}", "/b/{id}", "/a/1", "/b/", None),
        ("/a/{x}/{y}", "/{y}/{x}", "/a/1/2", "/3/4", Some("/a/4/3")),
        ("/a/{x}", "/{x}/{x}", "/a/1", "/2/2", Some("/a/2")),
        ("/a/{x}", "/{x}/{x}", "/a/1", "/2/3", None),
        ("/a", "/b", "/a", "/b", Some("/a")),
        // Captures between literals.
        ("/u/{x}", "/{x}.json", "/u/1", "/2.json", Some("/u/2")),
        ("/u/{x}", "/{x}.json", "/u/1", "/2.json.json", Some("/u/2.json")),
        ("/u/{x}", "/{x}.json", "/u/1", "/.json", None),
        ("/u/{x}", "/{x}.json", "/u/1", "/2.jsonx", None),
        ("/u/{x}", "/{x}.json", "/u/1", "/2.json/", None),
        ("/u/{x}/*", "/{x}.json/*", "/u/1", "/2.json/a", Some("/u/2/a")),
        ("/u/{x}/{y}", "/v{x}-{y}", "/u/1/2", "/v3-4", Some("/u/3/4")),
        ("/u/{x}/{y}", "/v{x}-{y}", "/u/1/2", "/v3-4-5", Some("/u/3/4-5")),
        ("/u/{x}/{y}", "/v{x}-{y}", "/u/1/2", "/v--4", Some("/u/-/4")),
        ("/u/{x}/{y}", "/v{x}-{y}", "/u/1/2", "/v-4", None),
        ("/u/{x}/{y}", "/v{x}-{y}", "/u/1/2", "/v3-", None),
        ("/u/{x}/{y}", "/{x}{y}", "/u/1/2", "/345", Some("/u/3/45")),
        ("/u/{x}/{y}", "/{x}{y}", "/u/1/2", "/%2F4", None),
        ("/u/{x}/{y}", "/{x}2{y}", "/u/1/2", "/3%2F", None),
    ] {
        let (pattern, template) = pair(pattern, template);
        let captures = pattern.matches(request).unwrap();
        let found = template.reverse(&pattern, &captures, path);
        assert_eq!(found.as_deref(), reversed, "{pattern} {template} {request} {path}");
    }
}

#[test]
fn templates_are_parsed_as_patterns_are() {
    assert_eq!(PathTemplate::parse("a"), Err(PathPatternError::NotAbsolute));
    assert_eq!(PathTemplate::parse("/a?b"), Err(PathPatternError::Query));
    for (template, error) in [
        ("/{a}*", PathPatternError::Wildcard),
        ("/x{a", PathPatternError::StrayBrace("x{a".to_owned())),
        ("/{a}}", PathPatternError::StrayBrace("{a}}".to_owned())),
        ("/x{}", PathPatternError::Name(String::new())),
        ("/%4{a}", PathPatternError::BrokenEscape("%4".to_owned())),
    ] {
        assert_eq!(PathTemplate::parse(template), Err(error), "{template}");
    }
    let partial = PathTemplate::parse("/.{a}.{b-c}%2e/..{d}").unwrap();
    assert_eq!(partial.to_string(), "/.{a}.{b-c}./..{d}");
    assert_eq!(partial.names().collect::<Vec<_>>(), ["a", "b-c", "d"]);
    let template = PathTemplate::parse("/%61/{x}/{x}/*").unwrap();
    assert_eq!(template.to_string(), "/a/{x}/{x}/*");
    assert_eq!(serde_json::to_value(&template).unwrap(), "/a/{x}/{x}/*");
    assert_eq!(template.names().collect::<Vec<_>>(), ["x", "x"]);
    assert!(template.has_rest());
    assert!(!PathTemplate::parse("/%2A").unwrap().has_rest());
}

/// A pattern, a template with some of its captures, and a path that the pattern matches.
fn related() -> impl Strategy<Value = (String, String, String)> {
    let segment = || select(vec!["a", "b", "", "%2F", "{x}", "{y}"]);
    let value = || select(vec!["a", "b", "c", "%2F", ".x"]);
    let rest = select(vec!["", "/", "//", "/a", "/a/", "/a/b"]);
    let segments = || prop::collection::vec(segment(), 0..4);
    let of_template = prop_oneof![4 => segment(), 1 => select(vec!["v{x}", "{x}-{y}", "{x}."])];
    let template = prop::collection::vec(of_template, 0..4);
    let sources = (segments(), template, any::<bool>(), any::<bool>());
    (sources, value(), value(), rest).prop_map(|(sources, x, y, rest)| {
        let (pattern, mut template, pattern_rest, template_rest) = sources;
        template.retain(|segment| {
            ["{x}", "{y}"].iter().all(|name| !segment.contains(name) || pattern.contains(name))
        });
        let join = |segments: &[&str], rest: &str| {
            let path: String = segments.iter().flat_map(|segment| ["/", segment]).collect();
            if path.is_empty() && rest.is_empty() { "/".to_owned() } else { path + rest }
        };
        let fill = |segment: &&'static str| match *segment {
            "{x}" => x,
            "{y}" => y,
            literal => literal,
        };
        let values: Vec<_> = pattern.iter().map(fill).collect();
        let star = |with| if with { "/*" } else { "" };
        (
            join(&pattern, star(pattern_rest)),
            join(&template, star(pattern_rest && template_rest)),
            join(&values, if pattern_rest { rest } else { "" }),
        )
    })
}

proptest! {
    #[test]
    fn reverse_inverts_fill((pattern, template, path) in related()) {
        let Ok(pattern) = PathPattern::parse(&pattern) else { return Ok(()) };
        let template = PathTemplate::parse(&template).unwrap();
        let captures = pattern.matches(&path).unwrap();
        let Ok(filled) = template.fill(&pattern, &captures) else { return Ok(()) };
        prop_assert_eq!(normalise(&filled), Ok(Cow::Borrowed(&*filled)));

        let reversed_path = template.reverse(&pattern, &captures, &filled).unwrap();
        let again = template.fill(&pattern, &pattern.matches(&reversed_path).unwrap());
        prop_assert_eq!(again.as_ref(), Ok(&filled));
        if template.to_string() != "/*" {
            prop_assert_eq!(&reversed_path, &path);
        }
        let scope = template.reverse_scope(&pattern, &captures, &filled);
        prop_assert_eq!(scope, Some(reversed_path));
    }

    /// A cookie for a path above the backend's comes back with the request that set it.
    #[test]
    fn a_reversed_scope_covers_the_request((pattern, template, path) in related()) {
        let Ok(pattern) = PathPattern::parse(&pattern) else { return Ok(()) };
        let template = PathTemplate::parse(&template).unwrap();
        let captures = pattern.matches(&path).unwrap();
        let Ok(filled) = template.fill(&pattern, &captures) else { return Ok(()) };
        for (end, _) in filled.match_indices('/').skip(1) {
            for scope in [&filled[..end], &filled[..=end]] {
                // `*` may take any of these; what it took decides.
                let Some(reversed) = template.reverse_scope(&pattern, &captures, scope) else {
                    continue;
                };
                prop_assert!(reversed.starts_with('/'));
                if template.reverse(&pattern, &captures, scope).is_none() {
                    let bare = reversed.strip_suffix('/').unwrap_or(&reversed);
                    let rest = path.strip_prefix(bare);
                    prop_assert!(
                        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
                        "{} covers no {}", reversed, path
                    );
                }
            }
        }
    }

    #[test]
    fn reversed_paths_match_the_pattern(
        (pattern, template, path) in related(),
        other in "(/[ab]{0,1}|/%2F){1,4}",
    ) {
        let Ok(pattern) = PathPattern::parse(&pattern) else { return Ok(()) };
        let template = PathTemplate::parse(&template).unwrap();
        let captures = pattern.matches(&path).unwrap();
        if let Some(reversed) = template.reverse(&pattern, &captures, &other) {
            prop_assert!(pattern.matches(&reversed).is_some(), "{reversed}");
        }
    }
}
