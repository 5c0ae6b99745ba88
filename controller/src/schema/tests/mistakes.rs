//! A table of mistakes, and their messages.

use super::{one, route, with};
use serde_json::{Value, json};

/// A mistake in a Route: the pointer to a value, the value, the field reported, and words of the
/// message.
type Mistake = (&'static str, Value, &'static str, &'static [&'static str]);

/// Unknown fields, at every depth.
fn unknown_fields() -> Vec<Mistake> {
    vec![
        ("/spce", json!({}), "spce", &["unknown field", "did you mean 'spec', a mapping with"]),
        ("/spec/match", json!([]), "spec.match", &["did you mean 'matches', a list?"]),
        (
            "/spec/matches/0/method",
            json!("GET"),
            "spec.matches[0].method",
            &["did you mean 'methods: [GET]'?"],
        ),
        (
            "/spec/matches/0/headers/0/Value",
            json!("x"),
            "spec.matches[0].headers[0].Value",
            &["did you mean 'value'?"],
        ),
        ("/spec/rewrite/regex", json!("x"), "spec.rewrite.regex", &["known here: host, path"]),
        ("/metadata/label", json!({}), "metadata.label", &["did you mean 'labels'?"]),
    ]
}

/// Wrong types.
fn wrong_types() -> Vec<Mistake> {
    vec![
        ("/spec", json!([]), "spec", &["must be a mapping, not a list", "frontDoorRef"]),
        (
            "/spec/matches/0/methods",
            json!("GET"),
            "spec.matches[0].methods",
            &["must be a list, not the string \"GET\"; write [GET]"],
        ),
        (
            "/spec/matches",
            json!({"path": "/*"}),
            "spec.matches",
            &["must be a list, not a mapping; write [{path: /*}]"],
        ),
        (
            "/spec/matches/0/query/0/value",
            json!(2),
            "spec.matches[0].query[0].value",
            &["must be a string, not the number 2", "in quotes"],
        ),
        (
            "/spec/matches/0/query/0/value",
            json!(true),
            "spec.matches[0].query[0].value",
            &["must be a string, not true; put the value in quotes"],
        ),
        ("/spec/matches", json!("/a"), "spec.matches", &["must be a list", "write [{path: /a}]"]),
        (
            "/spec/hosts",
            json!(5),
            "spec.hosts",
            &["must be a list, not the number 5; each item starts"],
        ),
        (
            "/spec/matches/0/methods/1",
            json!(null),
            "spec.matches[0].methods[1]",
            &["must be a string, not null"],
        ),
    ]
}

fn wrong_scalars() -> Vec<Mistake> {
    vec![
        (
            "/spec/backends/0/weight",
            json!("90"),
            "spec.backends[0].weight",
            &["whole number", "write 90, without quotes"],
        ),
        (
            "/spec/backends/0/weight",
            json!(1.5),
            "spec.backends[0].weight",
            &["whole number, not the number 1.5"],
        ),
        (
            "/spec/backends/0/service/port",
            json!([80]),
            "spec.backends[0].service.port",
            &["a whole number or a string"],
        ),
        ("/spec/cors", json!({"debug": "true"}), "spec.cors.debug", &["must be true or false"]),
        ("/metadata/labels", json!({"a/b": 1}), "metadata.labels[a/b]", &["must be a string"]),
        ("/metadata/labels", json!({"a b": ""}), "metadata.labels[a b]", &["is not a valid key"]),
        ("/metadata/labels", json!({"a": "b c"}), "metadata.labels[a]", &["\"b c\" is not valid"]),
        (
            "/metadata/annotations",
            json!({"/b": ""}),
            "metadata.annotations[/b]",
            &["is not a valid key"],
        ),
        (
            "/metadata/creationTimestamp",
            json!("yesterday"),
            "metadata.creationTimestamp",
            &["not a time"],
        ),
    ]
}

/// Missing or null, which is the same.
fn missing() -> Vec<Mistake> {
    vec![
        ("/spec/frontDoorRef", json!({}), "spec.frontDoorRef.name", &["required, but missing"]),
        ("/spec/frontDoorRef", json!(null), "spec.frontDoorRef", &["required, but missing"]),
        ("/metadata/name", json!(null), "metadata.name", &["required, but missing"]),
        ("/metadata/namespace", json!(null), "metadata.namespace", &["required, but missing"]),
        ("/spec/hosts", json!(null), "spec.hosts", &["is null", "Helm", "leave the field out"]),
    ]
}

fn unfit() -> Vec<Mistake> {
    vec![
        // Enums.
        (
            "/spec/matches/0/cookies/0/type",
            json!("present"),
            "spec.matches[0].cookies[0].type",
            &["Exact, Prefix, Regex, Present, Absent", "did you mean 'Present'?"],
        ),
        // Patterns, explained by descriptions.
        (
            "/spec/matches/0/path",
            json!("api/*"),
            "spec.matches[0].path",
            &["\"api/*\" is not valid: write /api/*. A path pattern that starts with `/`", "`/*`."],
        ),
        (
            "/spec/matches/0/methods",
            json!(["GET", "put"]),
            "spec.matches[0].methods[1]",
            &["upper case"],
        ),
        (
            "/spec/requestHeaders/remove",
            json!(["a b"]),
            "spec.requestHeaders.remove[0]",
            &["tokens"],
        ),
        ("/spec/timeouts/connect", json!("2 s"), "spec.timeouts.connect", &["is not valid"]),
        ("/spec/hosts", json!(["a\nb"]), "spec.hosts[0]", &[r#""a\nb" is not valid"#]),
        // What may be a password is not shown.
        (
            "/spec/backends/1/external/url",
            json!("https://me:secret@a.example.com"),
            "spec.backends[1].external.url",
            &["\"…@a.example.com\" is not valid"],
        ),
    ]
}

fn out_of_bounds() -> Vec<Mistake> {
    vec![
        // Bounds.
        ("/spec/matches", json!([]), "spec.matches", &["at least 1 item"]),
        (
            "/spec/matches/0/methods",
            json!(vec!["GET"; 17]),
            "spec.matches[0].methods",
            &["17 items, but at most 16"],
        ),
        ("/spec/backends/0/weight", json!(1_000_001), "spec.backends[0].weight", &["0 to 1000000"]),
        ("/spec/backends/0/weight", json!(-1), "spec.backends[0].weight", &["-1", "0 to 1000000"]),
        ("/spec/backends/0/weight", json!(u64::MAX), "spec.backends[0].weight", &["whole number"]),
        ("/spec/frontDoorRef/name", json!(""), "spec.frontDoorRef.name", &["must not be empty"]),
        (
            "/spec/rewrite/host",
            json!("é".repeat(260)),
            "spec.rewrite.host",
            &["260 characters", "at most 259"],
        ),
        (
            "/spec/matches/0/query/0/value",
            json!("é".repeat(4097)),
            "spec.matches[0].query[0].value",
            &["4096"],
        ),
    ]
}

fn ports_and_names() -> Vec<Mistake> {
    vec![
        // A number or a name.
        (
            "/spec/backends/0/service/port",
            json!(0),
            "spec.backends[0].service.port",
            &["1 to 65535"],
        ),
        (
            "/spec/backends/0/service/port",
            json!(65_536),
            "spec.backends[0].service.port",
            &["1 to 65535"],
        ),
        (
            "/spec/backends/0/service/port",
            json!("80"),
            "spec.backends[0].service.port",
            &["without quotes"],
        ),
        (
            "/spec/backends/0/service/port",
            json!("x".repeat(16)),
            "spec.backends[0].service.port",
            &["at most 15"],
        ),
        // Numbers that are an enum.
        (
            "/spec/redirect",
            json!({"status": 300}),
            "spec.redirect.status",
            &["300 is not one of 301, 302, 303"],
        ),
        // Names.
        (
            "/metadata/name",
            json!("Profiles"),
            "metadata.name",
            &["\"Profiles\" is not valid", "lower-case"],
        ),
        (
            "/metadata/name",
            json!("a".repeat(254)),
            "metadata.name",
            &["254 characters", "at most 253"],
        ),
        ("/metadata/namespace", json!("a.b"), "metadata.namespace", &["is not valid"]),
    ]
}

#[test]
fn every_mistake_names_its_field_and_the_way_out() {
    let cases = [
        unknown_fields(),
        wrong_types(),
        wrong_scalars(),
        missing(),
        unfit(),
        out_of_bounds(),
        ports_and_names(),
    ];
    for (pointer, value, field, words) in cases.into_iter().flatten() {
        one(&with(route(), pointer, value), field, words);
    }
}
