//! Which Route wins, and why the others don't.

use crate::{FRONT_DOOR, explain, field, forward, told};
use serde_json::{Value, json};
use std::process::Command;

#[test]
fn the_example_in_the_readme_is_explained() {
    let output = Command::new(env!("CARGO_BIN_EXE_portico"))
        .args(["explain", "../examples/ep", "--url", "http://localhost:8080/api/user/ada"])
        .args(["-o", "json"])
        .output()
        .unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["winner"]["route"], "web/profiles");
    assert_eq!(told["winner"]["captures"], json!({"*": "ada"}));
    assert_eq!(told["request"]["target"], "/users/ada");
    assert_eq!(told["request"]["backends"][0]["endpoints"], json!(["127.0.0.1:9103"]));
    let key = field(&told["request"]["headers"], "x-api-key").unwrap();
    assert!(key.starts_with("secret:sha256:"), "{key}");
    assert!(!String::from_utf8(output.stdout).unwrap().contains("demo-key-that-protects-nothing"));
}

#[test]
fn every_key_is_there_and_null_where_there_is_nothing() {
    let manifests = [FRONT_DOOR, &forward("a", "{path: /a}", "")].concat();
    let keys = [
        "winner",
        "losers",
        "losersOmitted",
        "rules",
        "browser",
        "preflight",
        "request",
        "response",
        "notes",
    ];
    for url in ["http://www.ep.com/a", "http://www.ep.com/b", "http://nobody/"] {
        let told = told(&manifests, url, &[]);
        let mut found: Vec<_> = told.as_object().unwrap().keys().map(String::as_str).collect();
        found.sort_unstable();
        let mut keys = keys;
        keys.sort_unstable();
        assert_eq!(found, keys);
        assert_eq!(told["preflight"], Value::Null);
        let has_route = url.ends_with("/a");
        assert_eq!(told["winner"].is_null(), !has_route);
        assert_eq!(told["request"].is_null(), !has_route);
    }
}

#[test]
fn losers_say_why_and_the_closest_come_first() {
    let manifests = [
        FRONT_DOOR,
        &forward("winner", "{path: '/a/{x}', methods: [GET]}", ""),
        &forward("put", "{path: '/a/{x}', methods: [PUT]}", ""),
        &forward("tenant", "{path: '/a/{x}', headers: [{name: x-tenant, value: blue}]}", ""),
        &forward("asks-less", "{path: '/a/{y}'}", ""),
        &forward("general", "{path: /a/*}", ""),
        &forward("slash", "{path: '/a/{x}/'}", ""),
        &forward("near", "{path: /a/b/c}", ""),
        &forward("far", "{path: /z}", ""),
    ]
    .concat();
    let told = told(&manifests, "http://www.ep.com/a/b", &[]);
    assert_eq!(told["winner"]["route"], "web/winner");
    let losers: Vec<_> = told["losers"].as_array().unwrap().iter().collect();
    let why = |name: &str| {
        let route = format!("web/{name}");
        losers.iter().find(|loser| loser["route"] == *route).unwrap()["why"].as_str().unwrap()
    };
    assert_eq!(why("put"), "its path matches, but it requires method PUT");
    assert_eq!(why("tenant"), "its path matches, but it requires header x-tenant: blue");
    assert_eq!(why("asks-less"), "also matches, but has no predicate where the winner has 1");
    assert_eq!(why("general"), "also matches, but its path is less specific than /a/{x}");
    assert_eq!(why("slash"), "its path does not match: a trailing slash matters");
    assert_eq!(why("far"), "its path does not match");
    let names: Vec<_> = losers.iter().map(|loser| loser["route"].as_str().unwrap()).collect();
    assert_eq!(names[4..], ["web/slash", "web/near", "web/far"]);
}

#[test]
fn the_older_route_wins_a_tie_and_the_loser_says_so() {
    let tied = |name: &str, created: &str, header: &str| {
        forward(name, &format!("{{path: /a, headers: [{{name: {header}, type: Present}}]}}"), "")
            .replace(
                "namespace: web}",
                &format!("namespace: web, creationTimestamp: '{created}'}}"),
            )
    };
    let young = tied("a-young", "2026-02-01T00:00:00Z", "x-a");
    let old = tied("b-old", "2026-01-01T00:00:00Z", "x-b");
    let args = ["--header", "x-a: 1", "--header", "x-b: 1"];
    let told = told(&[FRONT_DOOR, &young, &old].concat(), "http://www.ep.com/a", &args);
    assert_eq!(told["winner"]["route"], "web/b-old");
    assert!(told["losers"][0]["why"].as_str().unwrap().contains("the winner is older"));
}

#[test]
fn many_losers_are_counted() {
    let routes: String =
        (0..130).map(|n| forward(&format!("r{n}"), &format!("{{path: /r{n}}}"), "")).collect();
    let manifests = [FRONT_DOOR, &routes].concat();
    let told = told(&manifests, "http://www.ep.com/r7", &[]);
    assert_eq!(told["losers"].as_array().unwrap().len(), 100);
    assert_eq!(told["losersOmitted"], 29);
    let text = explain(&manifests, &["--url", "http://www.ep.com/r7"]).out;
    assert!(text.contains("and 121 more that come less close\n"), "{text}");
}

#[test]
fn a_route_that_is_not_accepted_is_among_the_losers() {
    let manifests = [
        FRONT_DOOR,
        &forward("served", "{path: /*}", ""),
        &forward("typo", "{path: /a, method: [GET]}", ""),
        &forward("elsewhere", "{path: /z}", ", timeout: {connect: 1s}"),
        &forward("no-door", "{path: /a}", "").replace("{name: ep}", "{name: epp}"),
        &forward("unreadable", "{path: [1]}", ""),
    ]
    .concat();
    let told = told(&manifests, "http://www.ep.com/a", &[]);
    assert_eq!(told["winner"]["route"], "web/served");
    assert_eq!(told["response"]["by"], "backend");
    let losers = told["losers"].as_array().unwrap();
    let names: Vec<_> = losers.iter().map(|loser| loser["route"].as_str().unwrap()).collect();
    assert_eq!(names, ["web/no-door", "web/typo", "web/unreadable", "web/elsewhere"]);
    let why = losers[1]["why"].as_str().unwrap();
    assert!(why.starts_with("not accepted: spec.matches[0].method (Invalid): "), "{why}");
    assert!(losers[0]["why"].as_str().unwrap().contains("FrontDoor web/epp does not exist"));
}

#[test]
fn a_route_that_is_not_accepted_wins_at_its_place() {
    let manifests = [
        FRONT_DOOR,
        &forward("served", "{path: /*}", ""),
        &forward("typo", "{path: /a}", ", timeout: {connect: 1s}"),
    ]
    .concat();
    let told = told(&manifests, "http://www.ep.com/a", &[]);
    assert_eq!(told["winner"]["route"], "web/typo");
    assert_eq!(told["losers"].as_array().unwrap().len(), 1);
    let response = &told["response"];
    assert_eq!(
        (&response["status"], &response["reason"]),
        (&json!(503), &json!("RouteNotAccepted"))
    );
    let why = response["detail"].as_str().unwrap();
    assert!(why.starts_with("spec.timeout: unknown field"), "{why}");
    let text = explain(&manifests, &["--url", "http://www.ep.com/a"]).out;
    assert!(text.contains("503 RouteNotAccepted"), "{text}");
}

#[test]
fn a_front_door_that_is_not_accepted_is_named() {
    let front_door = FRONT_DOOR.replace("  cors:", "  trustedProxy: []\n  cors:");
    let told = told(&front_door, "http://www.ep.com/", &[]);
    assert_eq!(told["response"]["reason"], "FrontDoorNotAccepted");
    let why = told["response"]["detail"].as_str().unwrap();
    assert!(why.starts_with("spec.trustedProxy: unknown field"), "{why}");
    let notes: Vec<_> =
        told["notes"].as_array().unwrap().iter().map(|note| note.as_str().unwrap()).collect();
    assert!(notes[0].contains("FrontDoor web/ep, which is not accepted"), "{notes:?}");
    let note = notes[1];
    assert!(note.starts_with("FrontDoor web/ep has this host, but is not accepted: "), "{note}");
}
