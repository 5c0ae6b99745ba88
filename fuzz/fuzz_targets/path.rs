//! Normal paths are fixed points, patterns and templates are read as they are printed, and a
//! rewrite leads back to where it came from. The input is three lines or fewer: a path, a pattern, a
//! template.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portico_dataplane::path::{PathPattern, PathTemplate, Slashes, normalise};
use std::borrow::Cow;

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let path = line();
    check_merged(path);
    let Ok(normal) = normalise(path) else { return };
    check_normal(path, &normal);
    let (pattern, template) = (PathPattern::parse(line()), PathTemplate::parse(line()));
    if let Ok(pattern) = &pattern {
        let printed = pattern.to_string();
        assert!(is_long(&printed) || PathPattern::parse(&printed).as_ref() == Ok(pattern));
        assert!(pattern.contains(pattern) && pattern.same_shape(pattern));
        let all = PathPattern::parse("*").unwrap();
        assert!(all.contains(pattern) && all.matches(&normal).is_some());
    }
    if let Ok(template) = &template {
        let printed = template.to_string();
        assert!(is_long(&printed) || PathTemplate::parse(&printed).as_ref() == Ok(template));
    }
    if let (Ok(pattern), Ok(template)) = (&pattern, &template) {
        check_rewrite(&normal, pattern, template);
    }
});

/// Whether escapes may have made more than 1,024 characters of what was written with fewer.
fn is_long(printed: &str) -> bool {
    printed.len() > 1024
}

fn check_normal(path: &str, normal: &str) {
    assert!(matches!(normalise(normal), Ok(Cow::Borrowed(_))), "{normal}");
    assert_eq!(matches!(normalise(path), Ok(Cow::Borrowed(_))), path == normal);
    assert!(normal.starts_with('/') && normal.bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(normal.split('/').all(|segment| segment != "." && segment != ".."), "{normal}");
    assert!(!normal.contains('\\'));
    // As a server reads it that decodes slashes and drops parameters.
    let read = normal.replace("%2F", "/").replace("%5C", "/").replace("%3B", ";");
    let mut names = read.split('/').map(|segment| segment.split(';').next().unwrap_or_default());
    assert!(names.all(|name| name != "." && name != ".."), "{normal}");
}

fn check_merged(path: &str) {
    let merged = Slashes::Merge.apply(path);
    assert!(!merged.contains("//"), "{merged}");
    if let Ok(normal) = normalise(&merged) {
        assert!(!normal.contains("//"), "{normal}");
    }
}

fn check_rewrite(path: &str, pattern: &PathPattern, template: &PathTemplate) {
    let Some(captures) = pattern.matches(path) else { return };
    // As the compiler asks.
    if template.has_rest() && !pattern.has_rest()
        || template.names().any(|name| pattern.names().all(|other| other != name))
    {
        return;
    }
    let Ok(filled) = template.fill(pattern, &captures) else { return };
    assert!(matches!(normalise(&filled), Ok(Cow::Borrowed(_))), "{filled}");

    let back = template.reverse(pattern, &captures, &filled);
    if let Some(back) = &back {
        assert!(matches!(normalise(back), Ok(Cow::Borrowed(_))), "{back}");
        let captures = pattern.matches(back).unwrap();
        assert_eq!(template.fill(pattern, &captures).as_ref(), Ok(&filled));
        assert_eq!(template.reverse_scope(pattern, &captures, &filled).as_ref(), Some(back));
    }
    // Captures that stand in a part of a segment may be told apart in several ways.
    let text = template.to_string();
    if text
        .split('/')
        .all(|segment| !segment.contains('{') || PathPattern::parse(&format!("/{segment}")).is_ok())
    {
        let back = back.expect("every segment is the template's own");
        // `/strip` and `/strip/` both become `/`.
        assert!(back == path || text == "/*", "{back}");
    }
}
