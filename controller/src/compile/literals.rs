//! Values that are taken literally, but look as if something else was meant: the syntax of other
//! routers, or a regular expression where there are none.

use portico_dataplane::path::PathPattern;
use regex::Regex;
use std::sync::LazyLock;

/// What only regular expressions are likely to contain: a class, a group that is repeated or has
/// alternatives, `.*`, an anchor. A single bracket or parenthesis is not enough.
static EXPRESSION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\[[^\]]+\]|\.[*+]|\)[*+?{]|\([^)]*\||\(\?|^\^|[^/]\$$|[*+?]\$").ok()
});

/// Whether a text is probably meant as a regular expression.
pub(super) fn looks_like_expression(text: &str) -> bool {
    EXPRESSION.as_ref().is_some_and(|expression| expression.is_match(text))
}

/// Why a path pattern is probably not what was meant: a sentence without its start, `'/u/:id' …`.
pub(super) fn odd_pattern(text: &str) -> Option<String> {
    let odd: Vec<&str> = text.split('/').filter(|segment| is_odd(segment)).collect();
    let first = odd.first()?;
    let instead = rewritten(text, &odd).unwrap_or_else(|| "/{name}".to_owned());
    Some(format!(
        "matches '{first}' literally: {{name}} stands for one segment, and a final * for the rest; write {instead}"
    ))
}

/// The pattern that was probably meant by one in the syntax of another router.
pub(super) fn meant(text: &str) -> Option<String> {
    let odd: Vec<&str> = text.split('/').filter(|segment| is_odd(segment)).collect();
    rewritten(text, &odd).filter(|_| !odd.is_empty())
}

fn is_odd(segment: &str) -> bool {
    parameter(segment).is_some() || looks_like_expression(segment)
}

/// The name of a parameter as other routers write it: `:id`, `<id>`, `<int:id>`. Not `$id`: OData
/// has paths such as `/$metadata`.
fn parameter(segment: &str) -> Option<&str> {
    let name =
        segment.strip_prefix(':').or_else(|| segment.strip_prefix('<')?.strip_suffix('>'))?;
    let name = name.rsplit(':').next().unwrap_or(name);
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
    };
    is_name(name).then_some(name)
}

/// The pattern with a capture for each odd segment; `/*` for a last one that takes anything.
fn rewritten(text: &str, odd: &[&str]) -> Option<String> {
    let segments: Vec<&str> =
        text.trim_start_matches('^').trim_end_matches('$').split('/').collect();
    let last = segments.len().saturating_sub(1);
    let mut count = 0;
    let segments = segments.iter().enumerate().map(|(index, segment)| {
        if !odd.iter().any(|odd| odd.trim_end_matches('$') == *segment) {
            return (*segment).to_owned();
        }
        if index == last && [".*", ".+", "(.*)", "(.+)"].contains(segment) {
            return "*".to_owned();
        }
        count += 1;
        match parameter(segment) {
            Some(name) => format!("{{{name}}}"),
            None if count == 1 => "{name}".to_owned(),
            None => format!("{{name{count}}}"),
        }
    });
    let written = segments.collect::<Vec<_>>().join("/");
    PathPattern::parse(&written).is_ok().then_some(written)
}

/// Why a path template is probably not what was meant: a sentence without its start.
pub(super) fn odd_template(text: &str) -> Option<String> {
    let odd = |segment: &&str| {
        let group = segment.strip_prefix('$').or_else(|| segment.strip_prefix('\\'));
        let group = group
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
        group || parameter(segment).is_some()
    };
    let odd = text.split('/').find(odd)?;
    Some(format!(
        "sends '{odd}' literally: write {{name}} or a final * for what the match's path captured"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_syntax_of_other_routers_is_recognised_and_rewritten() {
        for (text, instead) in [
            ("/num/[0-9]+", "/num/{name}"),
            ("/u/:id", "/u/{id}"),
            ("/u/:id/posts/:post", "/u/{id}/posts/{post}"),
            ("/u/<int:id>", "/u/{id}"),
            ("/u/<id>/x", "/u/{id}/x"),
            ("/api/.*", "/api/*"),
            ("/api/(.*)", "/api/*"),
            ("/a/[0-9]+/[a-z]+", "/a/{name}/{name2}"),
            ("/v(1|2)/x", "/{name}/x"),
            ("/a/b.*$", "/a/{name}"),
        ] {
            let said = odd_pattern(text).unwrap_or_default();
            assert!(said.ends_with(&format!("write {instead}")), "{text}: {said}");
            assert!(PathPattern::parse(instead).is_ok(), "{instead}");
            assert_eq!(odd_pattern(instead), None);
        }
    }

    #[test]
    fn paths_that_have_such_characters_are_not_odd() {
        for text in [
            "*",
            "/*",
            "/sales/*",
            "/{id}/x",
            "/v1/documents:batch",
            "/Products(1)",
            "/@me/c++",
            "/a.b/c-d",
            "/odata/$metadata",
            "/a;b=1",
            "/price/$5",
        ] {
            assert_eq!(odd_pattern(text), None, "{text}");
        }
        for text in ["/", "/*", "/a/{id}/*", "/a$b"] {
            assert_eq!(odd_template(text), None, "{text}");
        }
    }

    #[test]
    fn groups_in_templates_are_recognised() {
        for text in ["/$1", "/users/$2/x", "/u/:id"] {
            assert!(odd_template(text).is_some(), "{text}");
        }
    }
}
