//! Which origins patterns and expressions allow, by example.

use super::*;

fn origins(patterns: &[&str], regexes: &[&str]) -> Origins {
    Origins::new(
        patterns.iter().map(|pattern| pattern.parse().unwrap()).collect(),
        regexes.iter().map(|regex| FullMatch::new(regex).unwrap()).collect(),
    )
}

/// Checks which origins these patterns allow.
fn check(patterns: &[&str], allowed: &[&str], others: &[&str]) {
    let origins = origins(patterns, &[]);
    for origin in allowed {
        assert!(origins.admit(origin.as_bytes()), "{patterns:?} and {origin}");
    }
    for origin in others {
        assert!(!origins.admit(origin.as_bytes()), "{patterns:?} and {origin}");
    }
}

#[test]
fn rule_23_origins_are_compared_byte_by_byte() {
    check(
        &["https://example.com", "https://example.com:8443", "http://[::1]:81"],
        &["https://example.com", "https://example.com:8443", "http://[::1]:81"],
        &[
            "http://example.com",
            "https://example.com:443",
            "https://example.com:08443",
            "https://example.com:844",
            "https://example.com.",
            "https://example.com/",
            "https://example.comm",
            "https://example.co",
            "https://www.example.com",
            "https://Example.com",
            "HTTPS://example.com",
            "https://u@example.com",
            "https://example.com https://example.com",
            "http://[::1]",
            "http://[0:0::1]:81",
            "null",
            "",
        ],
    );
}

#[test]
fn rule_24_a_wildcard_is_one_or_more_labels_and_never_none() {
    check(
        &["https://*.example.com", "https://*.a.b.c.org:81", "http://*.example.com.:*"],
        &[
            "https://a.example.com",
            "https://b.a.example.com",
            "https://-.example.com",
            "https://x.a.b.c.org:81",
            "http://a.example.com.",
            "http://a.example.com.:81",
        ],
        &[
            "https://example.com",
            "https://.example.com",
            "https://a..example.com",
            "https://aexample.com",
            "https://a-example.com",
            "https://a.example.com.",
            "https://a.example.com:81",
            "https://a.example.com.evil.com",
            "https://a.example.comm",
            "https://*.example.com",
            "http://a.example.com",
            "http://example.com.",
            "https://a.b.c.org:81",
            "https://x.a.b.c.org",
            "https://x.a.b.c.org:8",
        ],
    );
}

#[test]
fn rule_24_any_port_is_the_unwritten_one_too() {
    check(
        &["http://localhost:*", "https://*.example.com:*", "x://host:*"],
        &[
            "http://localhost",
            "http://localhost:1",
            "http://localhost:65535",
            // Never sent, since browsers leave the default port out, but a valid port nevertheless.
            "http://localhost:80",
            "https://a.example.com",
            "https://a.example.com:443",
            "https://a.example.com:8443",
            "x://host",
            "x://host:443",
        ],
        &[
            "https://localhost",
            "http://localhost:",
            "http://localhost:0",
            "http://localhost:65536",
            "http://localhost1",
            "http://a.localhost",
            "https://example.com",
            "x://host:01",
        ],
    );
}

#[test]
fn rule_25_an_expression_matches_the_whole_origin_and_never_null() {
    let origins = origins(&[], &[r"https://pr-\d+\.example\.com", "null", "https://b"]);
    for origin in ["https://pr-12.example.com", "https://b"] {
        assert!(origins.admit(origin.as_bytes()), "{origin}");
    }
    for origin in [
        "https://pr-12.example.com:81",
        "https://pr-12.example.com.",
        "https://x.pr-12.example.com",
        "https://pr-x.example.com",
        "https://b/",
        "https://B",
        "null",
        "",
    ] {
        assert!(!origins.admit(origin.as_bytes()), "{origin}");
    }
}

#[test]
fn rule_27_any_admits_null_and_nothing_malformed() {
    check(
        &["*"],
        &[
            "null",
            "https://a.com",
            "https://a.com:443",
            "http://a:81",
            "capacitor://localhost",
            "http://[::1]",
        ],
        &["", "*", "NULL", "null ", "https://A.com", "https://a.com/", "a.com"],
    );
    assert!(!origins(&["*"], &[]).admit(b"https://a\xff.com"));
    check(&["https://null", "https://*.null"], &["https://null"], &["null"]);
}

#[test]
fn origins_print_sorted_and_compare_by_what_they_admit() {
    let entries = ["https://b.com:*", "https://a.com", "x://*.b:81", "x://*.b:*", "https://a.com"];
    let listed = origins(&entries, &["b", "a"]);
    assert_eq!(
        serde_json::to_value(&listed).unwrap(),
        serde_json::json!({
            "patterns": ["https://a.com", "https://b.com:*", "x://*.b:*", "x://*.b:81"],
            "regexes": ["a", "b"],
        })
    );
    let reversed: Vec<_> = entries.into_iter().rev().collect();
    assert_eq!(listed, origins(&reversed, &["a", "b", "a"]));
    assert_ne!(listed, origins(&entries[1..], &["a", "b"]));
    assert_ne!(listed, origins(&entries, &["a"]));
    assert_eq!(
        serde_json::to_value(origins(&["*"], &[])).unwrap(),
        serde_json::json!({ "patterns": ["*"] })
    );
}
