//! `cookies: Confined` and `Separate`, `sharedCookies`.

use super::Origin;
use portico_tests::{
    backend::{Backend, front_door, route, service},
    edge::Edge,
    wire::{ask, get},
};

const SEPARATE: &str = "isolation: {cookies: Separate}\nsharedCookies: [sso, consent-*]";

/// The name and the value of the only cookie that is set.
async fn pair(origin: &Origin, target: &str, line: &str) -> String {
    let lines = origin.set(target, line).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_route_gets_its_own_cookies_and_no_others() {
    let origin = Origin::start(SEPARATE, "", "").await;
    let a = pair(&origin, "/a/x", "sid=1; Path=/; HttpOnly").await;
    let b = pair(&origin, "/b/x", "sid=2; Path=/").await;
    assert!(a.ends_with(".sid=1") && b.ends_with(".sid=2") && a[..19] != b[..19], "{a} {b}");
    let host = pair(&origin, "/a/x", "__Host-id=3; Secure; Path=/").await;
    assert_eq!(host, format!("__Host-{}id=3", &a[..19]));
    // Also a client that sends what it likes: another Route's, or none at all's.
    for (sent, got) in [
        (
            format!("{a}; {b}; {host}; sso=4; consent-all=5"),
            "sid=1; __Host-id=3; sso=4; consent-all=5",
        ),
        (format!("{b}; sid=6; {a}"), "sid=1"),
        (format!("sid=6; {b}"), ""),
    ] {
        assert_eq!(origin.got(&sent).await, got, "{sent}");
    }
    assert_eq!(origin.count("a", "cookie-renamed").await, 2);
    assert_eq!(origin.count("b", "cookie-renamed").await, 1);
    assert_eq!(origin.count("a", "cookie-withheld").await, 5);
    assert_eq!(origin.count("b", "cookie-withheld").await, 0);
}

#[tokio::test]
async fn names_are_the_same_in_every_process_and_after_every_change() {
    let origin = Origin::start(SEPARATE, "", "").await;
    let before = pair(&origin, "/a/x", "sid=1").await;
    let other = Origin::start("isolation: {cookies: Separate, originWide: Strip}", "", "").await;
    assert_eq!(pair(&other, "/a/x", "sid=1").await, before);
}

#[tokio::test]
async fn a_backend_does_not_set_what_is_anothers() {
    let origin = Origin::start(SEPARATE, "", "").await;
    let a = pair(&origin, "/a/x", "sid=1").await;
    for forged in [a.clone(), format!("={a}"), format!("__Host-{a}; Secure; Path=/")] {
        let set = pair(&origin, "/b/x", &forged).await;
        assert_eq!(origin.got(&set).await, "", "{forged}");
    }
    // Nor does a Route whose own cookies are shared.
    let origin = Origin::start("", "isolation: {cookies: Separate}", "").await;
    assert_eq!(pair(&origin, "/a/x", "sid=1").await, a);
    for forged in [a.clone(), format!("={a}")] {
        assert_eq!(origin.set("/b/x", &forged).await, Vec::<String>::new(), "{forged}");
    }
    assert_eq!(origin.set("/b/x", "sid=1").await, ["sid=1"]);
    assert_eq!(origin.count("b", "cookie-removed").await, 2);
    origin.ask("/b/x", &format!("{a}; x=1"), "").await;
    assert_eq!(origin.b.last().unwrap().field("cookie"), "x=1");
}

#[tokio::test]
async fn attributes_are_those_of_the_backend_mapped_back() {
    let origin = Origin::start(SEPARATE, "rewrite: {path: /*, host: Backend}", "").await;
    let lines = origin.set("/a/x", "sid=1; Domain=a.web.svc; Path=/app; Max-Age=0").await;
    assert!(lines[0].ends_with(".sid=1; Path=/a/app; Max-Age=0"), "{lines:?}");
}

#[tokio::test]
async fn what_a_route_sets_itself_is_kept_apart_too() {
    let line = "sid=1; Path=/";
    let edit = format!("responseHeaders: {{add: [{{name: set-cookie, value: {line}}}]}}");
    let origin = Origin::start(SEPARATE, &edit, "isolation: {cookies: Separate}").await;
    assert!(pair(&origin, "/a/x", "").await.ends_with(".sid=1"));
    let fixed = format!(
        "matches: [{{path: /c/*}}]\nrespond: {{headers: [{{name: set-cookie, value: {line}}}]}}"
    );
    let manifests = [front_door("isolation: {cookies: Confined}"), route("c", &fixed)].concat();
    let edge = Edge::start(&manifests).await.unwrap();
    let answer = ask(edge.address(), get("/c/x", "")).await.unwrap();
    assert_eq!(answer.fields("set-cookie"), ["sid=1; Path=/c"]);
}

#[tokio::test]
async fn confined_cookies_keep_to_the_routes_paths() {
    let origin =
        Origin::start("isolation: {cookies: Confined}\nsharedCookies: [sso]", "", "").await;
    for (line, set) in [
        ("sid=1; Path=/; Secure", &["sid=1; Secure; Path=/a"][..]),
        ("sid=1; Path=/a/x", &["sid=1; Path=/a/x"]),
        ("sid=1", &["sid=1"]),
        ("__Host-sid=1; Secure; Path=/", &[]),
        ("sso=1; Path=/", &["sso=1; Path=/"]),
    ] {
        assert_eq!(origin.set("/a/x", line).await, set, "{line}");
    }
    assert_eq!(origin.set("/a", "sid=1").await, ["sid=1; Path=/a"]);
    assert_eq!(origin.got("sid=1; other=2").await, "sid=1; other=2");
    assert_eq!(origin.count("a", "cookie-path").await, 2);
    assert_eq!(origin.count("a", "cookie-removed").await, 1);
}

#[tokio::test]
async fn matches_see_cookies_as_they_were_sent() {
    let origin = Origin::start(SEPARATE, "", "").await;
    let a = pair(&origin, "/a/x", "beta=1").await;
    let backend = Backend::saying("beta").await.unwrap();
    let (name, _) = a.split_once('=').unwrap();
    let beta = |name: &str| {
        let cookies = format!("cookies: [{{name: '{name}', type: Present}}]");
        let spec = format!(
            "matches: [{{path: /a/*, {cookies}}}]\nbackends: [{{service: {{name: a, port: 80}}}}]"
        );
        let fallback = "matches: [{path: /a/*}]\nrespond: {body: plain}";
        [
            front_door(SEPARATE),
            service("a", "http", &[backend.address()]),
            route("beta", &spec),
            route("a", fallback),
        ]
        .concat()
    };
    for (predicate, text) in [(name, "beta"), ("beta", "plain")] {
        origin.edge.serve(&beta(predicate)).await.unwrap();
        let answer = origin.ask("/a/x", &a, "").await;
        assert_eq!(answer.text(), text, "{predicate}");
    }
}

#[tokio::test]
async fn the_affinity_cookie_is_the_edges() {
    let origin = Origin::start(SEPARATE, "affinity: {cookie: home}", "").await;
    let lines = origin.set("/a/x", "home=theirs").await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("home=") && !lines[0].starts_with("home=theirs"), "{lines:?}");
    let home = lines[0].split(';').next().unwrap().to_owned();
    assert_eq!(origin.got(&home).await, "");
    assert!(origin.ask("/a/x", &home, "").await.fields("set-cookie").is_empty());
}

#[tokio::test]
async fn a_hash_is_about_the_cookie_as_the_backend_knows_it() {
    let (one, other) = (Backend::saying("1").await.unwrap(), Backend::saying("2").await.unwrap());
    let spec = "backends: [{service: {name: app, port: 80}}]
balance: {policy: Hash, hash: {'on': Cookie, name: user}}";
    let manifests = |spec: &str| {
        let door = front_door("isolation: {cookies: Separate}");
        [door, service("app", "http", &[one.address(), other.address()]), route("a", spec)].concat()
    };
    let edge = Edge::start(&manifests(spec)).await.unwrap();
    let tag = {
        let origin = Origin::start(SEPARATE, "", "").await;
        pair(&origin, "/a/x", "x=1").await[..19].to_owned()
    };
    for user in ["ada", "bob", "eve"] {
        let mut seen = Vec::new();
        for noise in 0..6 {
            let cookies = format!("Cookie: user={noise}; {tag}user={user}\r\n");
            seen.push(ask(edge.address(), get("/", &cookies)).await.unwrap().text());
        }
        seen.dedup();
        assert_eq!(seen.len(), 1, "{user}: {seen:?}");
    }
}
