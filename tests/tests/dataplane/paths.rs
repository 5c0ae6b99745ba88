//! What a path and a query are, end to end.

use crate::{assert_problem, exchange, forwarding, sole};
use portico_tests::{
    backend::{Backend, front_door, route, service},
    edge::Edge,
};

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: www.ep.com\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn the_backend_gets_the_normalised_path() {
    let (edge, backend) = forwarding().await;
    for (sent, got) in [
        ("/", "/"),
        ("/a/./b/../c", "/a/c"),
        ("/../../a", "/a"),
        ("/a/..", "/"),
        ("/a/.", "/a/"),
        ("/%61%7e", "/a~"),
        ("/%2e%2e/a", "/a"),
        ("/a%2fb", "/a%2Fb"),
        ("/a%5cb", "/a%5Cb"),
        ("/a%2F...%2Fb", "/a%2F...%2Fb"),
        ("/%2561", "/%2561"),
        ("//a//b//", "//a//b//"),
        ("//www.evil.com/a", "//www.evil.com/a"),
        ("/a/..//b", "//b"),
        ("/\u{e9}", "/%C3%A9"),
        ("/%c3%a9", "/%C3%A9"),
        ("/Case", "/Case"),
        ("/a;v=1/b,c=d:e@f!$&'()*+", "/a;v=1/b,c=d:e@f!$&'()*+"),
        ("/;a/b;..", "/;a/b;.."),
        ("/{a}|\"", "/{a}|\""),
    ] {
        assert_eq!(sole(&edge, get(sent)).await.0, 200, "{sent}");
        assert_eq!(backend.last().unwrap().target(), got, "{sent}");
    }
}

#[tokio::test]
async fn a_path_that_can_be_read_in_two_ways_is_refused() {
    let (edge, backend) = forwarding().await;
    for path in [
        "/%",
        "/%4",
        "/%zz",
        "/a%/b",
        "/%u0041",
        "/a\\b",
        "/..\\a",
        "/%00",
        "/a%0d%0ab",
        "/%7F",
        "/%1f",
        "/a/%09",
        "/api/user/..;/..;/admin/x",
        "/api/..%2F..%2Fadmin",
        "/api/..%5cadmin",
        "/api/%2e%2E%3b/admin",
        "/api/..;x%2F../admin",
        "/api/a%2F../admin",
        "/api/.;/admin",
        "/..;/../a",
    ] {
        let answers = exchange(&edge, get(path)).await;
        assert_eq!(answers.len(), 1, "{path}");
        assert_problem(&answers[0], 400, "InvalidPath");
    }
    // The parser itself refuses these.
    for path in ["/a\x00b", "/a\x01", "/a\x7f", "/a\tb", "/<a", "/a>", "/`"] {
        assert_eq!(sole(&edge, get(path)).await.0, 400, "{path:?}");
    }
    assert_eq!(backend.connections(), 0);
}

#[tokio::test]
async fn a_refused_path_costs_the_connection_nothing() {
    let (edge, backend) = forwarding().await;
    let bad = "GET /%zz HTTP/1.1\r\nHost: www.ep.com\r\n\r\n";
    let answers = exchange(&edge, format!("{bad}{}", get("/a"))).await;
    assert_eq!(answers.len(), 2);
    assert_eq!((answers[0].status(), answers[1].status()), (400, 200));
    assert_eq!(backend.request().unwrap().target(), "/a");
}

#[tokio::test]
async fn a_query_is_passed_on_byte_for_byte() {
    let (edge, backend) = forwarding().await;
    for query in [
        "",
        "a=b&c",
        "%",
        "%zz%4",
        "a=%2e%2E/../&b=%c3",
        "??&=&&",
        "a\\b",
        "{'a':[1]}",
        "|^`~!$'()*+,;:@/",
        "\u{e9}\u{1F600}",
        "%00%0d%0a",
    ] {
        let target = format!("/a?{query}");
        assert_eq!(sole(&edge, get(&target)).await.0, 200, "{target}");
        assert_eq!(backend.last().unwrap().target(), target);
    }
    // What can't be passed on as it is, is escaped as a browser would have done it.
    assert_eq!(sole(&edge, get("/a?q=\"<b>\"&c=%zz")).await.0, 200);
    assert_eq!(backend.last().unwrap().target(), "/a?q=%22%3Cb%3E%22&c=%zz");
    // A path that changes leaves it alone too.
    assert_eq!(sole(&edge, get("/b/../a?x=%zz&../")).await.0, 200);
    assert_eq!(backend.last().unwrap().target(), "/a?x=%zz&../");
}

/// www.ep.com with a Route for each of these patterns, which says the pattern.
async fn patterns(patterns: &[&str]) -> Edge {
    let routes: String = patterns
        .iter()
        .enumerate()
        .map(|(n, pattern)| {
            route(
                &format!("r{n}"),
                &format!("matches: [{{path: '{pattern}'}}]\nrespond: {{body: '{pattern}'}}"),
            )
        })
        .collect();
    Edge::start(&format!("{}{routes}", front_door(""))).await.unwrap()
}

/// A Route for `/admin;x/*` would be another one: parameters are part of their segment.
#[tokio::test]
async fn parameters_are_part_of_their_segment() {
    let edge = patterns(&["/admin/*", "/a;b/*"]).await;
    for (target, route) in [
        ("/admin/y", "/admin/*"),
        ("/admin;x/y", "NoRoute"),
        ("/admin%3Bx/y", "NoRoute"),
        ("/admin/y;x", "/admin/*"),
        ("/a;b/c", "/a;b/*"),
    ] {
        assert_eq!(winner(&edge, target).await, route, "{target}");
    }
}

#[tokio::test]
async fn slashes_are_merged_before_anything_else_where_the_front_door_says_so() {
    let backend = Backend::saying("ok").await.unwrap();
    let routes = [
        service("app", "http", &[backend.address()]),
        route("admin", "matches: [{path: '/admin/*'}]\nrespond: {body: admin}"),
        route(
            "app",
            "matches: [{path: '/app/{id}/*'}]\nbackends: [{service: {name: app, port: 80}}]\nrewrite: {path: '/v1/{id}/*'}",
        ),
    ]
    .concat();
    let edge = Edge::start(&(front_door("slashes: Merge") + &routes)).await.unwrap();
    for target in ["/admin/x", "//admin/x", "///admin//x", "/admin//", "//x//../admin/x"] {
        assert_eq!(winner(&edge, target).await, "admin", "{target}");
    }
    for (target, got) in [
        ("//app//7///a//b//?c=//d", "/v1/7/a/b/?c=//d"),
        ("/app/7//../a", "/v1/a"),
        ("/app/7/%2F//a", "/v1/7/%2F/a"),
    ] {
        assert_eq!(winner(&edge, target).await, "ok", "{target}");
        assert_eq!(backend.last().unwrap().target(), got, "{target}");
    }
    for target in ["//..;//admin/x", "/;/admin/x", "/;a/admin/x", "/%3B/admin/x"] {
        assert_eq!(winner(&edge, target).await, "InvalidPath", "{target}");
    }
    // By default they are kept.
    let edge = Edge::start(&(front_door("") + &routes)).await.unwrap();
    for target in ["//admin/x", "/app//7/a"] {
        assert_eq!(winner(&edge, target).await, "NoRoute", "{target}");
    }
    assert_eq!(winner(&edge, "/app/7//a//").await, "ok");
    assert_eq!(backend.last().unwrap().target(), "/v1/7//a//");
}

/// What a capture and the template around it make is a path like any other.
#[tokio::test]
async fn a_rewrite_that_would_hide_a_dot_segment_is_refused() {
    let backend = Backend::saying("ok").await.unwrap();
    let manifests = [
        front_door(""),
        service("app", "http", &[backend.address()]),
        route(
            "app",
            "matches: [{path: '/a/{x}'}]\nbackends: [{service: {name: app, port: 80}}]\nrewrite: {path: '/..{x}'}",
        ),
        route("to", "matches: [{path: '/b/{x}'}]\nredirect: {path: '/..{x}'}"),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    for target in ["/a/;x", "/a/%2Fx", "/b/;x", "/b/%3B"] {
        assert_eq!(winner(&edge, target).await, "InvalidPath", "{target}");
    }
    assert_eq!(winner(&edge, "/a/x").await, "ok");
    assert_eq!(backend.request().unwrap().target(), "/..x");
}

async fn winner(edge: &Edge, target: &str) -> String {
    let answers = exchange(edge, get(target)).await;
    assert_eq!(answers.len(), 1, "{target}");
    if answers[0].status() == 200 { answers[0].text() } else { answers[0].reason() }
}

#[tokio::test]
async fn a_last_star_takes_the_rest_and_the_bare_prefix() {
    let edge = patterns(&["/sales/*", "/a", "/b/"]).await;
    for (target, route) in [
        ("/sales", "/sales/*"),
        ("/sales/", "/sales/*"),
        ("/sales/2021/report", "/sales/*"),
        ("/sales?x", "/sales/*"),
        ("/sales/../sales/x", "/sales/*"),
        ("/s%61les/x", "/sales/*"),
        ("/salesforce", "NoRoute"),
        ("/sales%2Fx", "NoRoute"),
        ("/Sales", "NoRoute"),
        ("//sales/x", "NoRoute"),
        ("/sales/../other", "NoRoute"),
        ("/a", "/a"),
        ("/a/", "NoRoute"),
        ("/a/b", "NoRoute"),
        ("/b/", "/b/"),
        ("/b", "NoRoute"),
    ] {
        assert_eq!(winner(&edge, target).await, route, "{target}");
    }
}

#[tokio::test]
async fn the_most_specific_path_wins() {
    let edge = patterns(&[
        "*",
        "/api/*",
        "/api/{id}",
        "/api/me",
        "/api/me/*",
        "/{x}/me",
        "/api/{id}/edit",
    ])
    .await;
    for (target, route) in [
        ("/", "*"),
        ("/other", "*"),
        ("/other/me", "/{x}/me"),
        ("/api", "/api/*"),
        ("/api/", "/api/*"),
        ("/api/7", "/api/{id}"),
        ("/api/me", "/api/me"),
        ("/api/me/", "/api/me/*"),
        ("/api/me/edit", "/api/me/*"),
        ("/api/7/edit", "/api/{id}/edit"),
        ("/api/7/view", "/api/*"),
        ("/api//edit", "/api/*"),
    ] {
        assert_eq!(winner(&edge, target).await, route, "{target}");
    }
}
