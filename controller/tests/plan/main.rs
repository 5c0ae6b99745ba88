//! `portico plan` as users run it.
#![allow(clippy::panic, clippy::unwrap_used)]

#[path = "../binary/mod.rs"]
mod binary;
mod broken;
mod manifests;
mod recorders;
mod secrets;

use binary::{Ran, portico_with};
use serde_json::{Value, json};
use std::{fs, path::Path};

fn portico(folder: &Path, args: &[&str]) -> Ran {
    portico_with(folder, args, b"")
}

/// The plan of a recording, as JSON.
fn plan(recording: &[u8]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let ran = portico_with(folder.path(), &["plan", "-", "-o", "json"], recording);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    serde_json::from_str(&ran.out).unwrap()
}

/// A recording with these entries.
fn log(entries: &[Value]) -> Value {
    json!({"log": {"version": "1.2", "creator": {"name": "WebInspector", "version": "1"}, "entries": entries}})
}

/// A request from a page at https://www.ep.com, which starts after so many milliseconds and takes
/// so many.
fn entry(method: &str, url: &str, start: u64, time: u64) -> Value {
    let (second, millisecond) = (start / 1000, start % 1000);
    json!({
        "startedDateTime": format!("2024-05-01T10:{:02}:{:02}.{millisecond:03}Z", second / 60, second % 60),
        "time": time,
        "_resourceType": "fetch",
        "request": {
            "method": method,
            "url": url,
            "headers": [{"name": "Origin", "value": "https://www.ep.com"}],
        },
        "response": {"status": 200, "headers": [], "content": {"mimeType": "application/json"}},
        "timings": {"wait": time},
    })
}

/// A preflight for such a request.
fn preflight(method: &str, headers: &str, url: &str, start: u64, time: u64) -> Value {
    let mut entry = entry("OPTIONS", url, start, time);
    entry["_resourceType"] = json!("preflight");
    let fields = entry["request"]["headers"].as_array_mut().unwrap();
    fields.push(json!({"name": "Access-Control-Request-Method", "value": method}));
    if !headers.is_empty() {
        fields.push(json!({"name": "Access-Control-Request-Headers", "value": headers}));
    }
    entry
}

fn bytes(recording: &Value) -> Vec<u8> {
    serde_json::to_vec(recording).unwrap()
}

#[test]
fn the_report_has_the_form_that_programs_read() {
    let recording = log(&[
        preflight("PUT", "x-key", "https://api.ep.com/users/7", 0, 60),
        entry("PUT", "https://api.ep.com/users/7", 61, 60),
        entry("GET", "https://www.ep.com/config", 122, 10),
    ]);
    let plan = plan(&bytes(&recording));
    assert_eq!(
        plan["pages"],
        json!([{
            "origin": "https://www.ep.com",
            "calls": 2,
            "crossOrigin": 1,
            "preflights": {"seen": 1, "inferred": 0},
            "milliseconds": 60.0,
            "why": {"method": 1, "header": 1, "contentType": 0},
        }])
    );
    assert_eq!(
        plan["hosts"],
        json!([{
            "origin": "https://api.ep.com",
            "calls": 1,
            "preflights": 1,
            "milliseconds": 60.0,
            "connections": 0,
            "paths": ["/users/{user}"],
            "thirdParty": false,
        }])
    );
    assert_eq!(plan["total"], json!({"preflights": 1, "milliseconds": 60.0, "connections": 0}));
    assert_eq!(plan["conflicts"], json!([]));
    assert_eq!(plan["skipped"], json!([]));
    for review in plan["review"].as_array().unwrap() {
        let keys: Vec<_> = review.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["host", "kind", "why"], "{review}");
    }
    let keys: Vec<_> = plan.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["conflicts", "hosts", "pages", "review", "skipped", "total"]);
}

#[test]
fn what_overlaps_counts_once() {
    let call = |at: u64, number: u64| {
        let url = format!("https://api.ep.com/items/{number}");
        [preflight("PUT", "", &url, at, 60), entry("PUT", &url, at + 60, 60)]
    };
    let beside = [call(0, 1), call(5, 2), call(10, 3)].concat();
    assert_eq!(plan(&bytes(&log(&beside)))["total"]["milliseconds"], 60.0);
    let after = [call(0, 1), call(121, 2), call(5000, 3)].concat();
    let plan = plan(&bytes(&log(&after)));
    assert_eq!(plan["total"]["milliseconds"], 180.0);
    assert_eq!(plan["total"]["preflights"], 3);
}

#[test]
fn third_parties_are_left_alone() {
    let mut font = entry("GET", "https://fonts.gstatic.com/inter.woff2", 0, 50);
    font["_resourceType"] = json!("font");
    let analytics = preflight("POST", "content-type", "https://api.segment.io/v1/t", 0, 50);
    let own = entry("GET", "https://api.ep.com/x", 60, 5);
    let plan = plan(&bytes(&log(&[font, analytics, own])));
    let mut third: Vec<_> = plan["hosts"].as_array().unwrap().iter().collect();
    third.retain(|host| host["thirdParty"] == true);
    assert_eq!(third.len(), 2, "{plan}");
    assert!(third.iter().all(|host| host["paths"] == json!([]) && host["milliseconds"] == 0.0));
    assert_eq!(plan["total"], json!({"preflights": 0, "milliseconds": 0.0, "connections": 0}));
    let kinds: Vec<_> = plan["review"].as_array().unwrap().iter().map(|it| &it["kind"]).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "third-party").count(), 2, "{plan}");
}

#[test]
fn several_recordings_make_one_plan() {
    let folder = tempfile::tempdir().unwrap();
    let one = log(&[preflight("PUT", "", "https://api.ep.com/a", 0, 60), json!(7)]);
    fs::write(folder.path().join("one.har"), bytes(&one)).unwrap();
    let two = log(&[preflight("PUT", "", "https://api.ep.com/b", 0, 60)]);
    fs::write(folder.path().join("two.har"), bytes(&two)).unwrap();
    let ran = portico(folder.path(), &["plan", "one.har", "two.har", "-o", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let plan: Value = serde_json::from_str(&ran.out).unwrap();
    // They are visits of their own, though they happened at the same time.
    assert_eq!(plan["total"]["milliseconds"], 120.0);
    assert_eq!(plan["skipped"][0]["entry"], 2);
    let why = plan["skipped"][0]["why"].as_str().unwrap();
    assert!(why.starts_with("one.har: left out: not an object"), "{why}");
}

#[test]
fn the_text_is_for_people() {
    let folder = tempfile::tempdir().unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/plan/recorders/chromium.har");
    let ran = portico(folder.path(), &["plan", file]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for part in [
        "One origin would have saved 2 preflights, 1 connection and ",
        "100% is measured, 0% estimated.",
        "https://www.ep.com: 6 requests, 4 to other origins, 2 preflights, ",
        "because of the content type: 1; headers (authorization): 2; the method (DELETE): 1",
        "Third parties, which the plan leaves alone\n  https://fonts.gstatic.com: 1 call, 0 preflights",
        "DELETE https://api.ep.com/users/…  because of DELETE, authorization",
        "Route page  /*  to https://www.ep.com",
        "Route api  /orders /users/{user}  to https://api.ep.com",
        "--out DIR writes the manifests",
    ] {
        assert!(ran.out.contains(part), "{part}\n{}", ran.out);
    }
    assert!(!ran.out.contains('\x1b') && !ran.out.contains('█'), "only on a terminal");
}

#[test]
fn the_page_needs_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/plan/recorders/chromium.har");
    let ran = portico(folder.path(), &["plan", file, "--html", "site.html"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let page = fs::read_to_string(folder.path().join("site.html")).unwrap();
    for part in [
        "<title>2 fewer preflights – Portico plan</title>",
        "<dt>Preflights</dt><dd><span>2</span>",
        "<dt>Time</dt><dd><span>126 ms</span>",
        "408 ms before, about 282 ms after",
        "<b>DELETE /users/…</b>",
        "<summary>api.yaml</summary>",
    ] {
        assert!(page.contains(part), "{part}\n{page}");
    }
    assert_eq!(page.matches("<div class=\"call\">").count(), 6);
    assert_eq!(page.matches("class=\"bar direct\"").count(), 2);
    for part in ["<script", "<link", "src=", "url(", "@import"] {
        assert!(!page.contains(part), "{part}");
    }
    let ran = portico(folder.path(), &["plan", file, "--html", "no/such/folder.html"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.starts_with("portico: writing no/such/folder.html: "), "{}", ran.err);
}
