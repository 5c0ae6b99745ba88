//! `originWide`, and what is always removed.

use super::Origin;
use portico_tests::{
    backend::{Stage, front_door, route, service},
    edge::Edge,
    wire::{Wire, get},
};

/// What affects a whole origin, beside `Service-Worker-Allowed`.
const ORIGIN_WIDE: [&str; 14] = [
    "Clear-Site-Data",
    "Strict-Transport-Security",
    "Origin-Agent-Cluster",
    "NEL",
    "Report-To",
    "Reporting-Endpoints",
    "Expect-CT",
    "Accept-CH",
    "Critical-CH",
    "Set-Login",
    "Speculation-Rules",
    "Use-As-Dictionary",
    "X-Accel-Redirect",
    "X-Sendfile",
];

/// What is about one response, or what no backend speaks for.
const OF_ONE: [&str; 5] = [
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Embedder-Policy",
    "Cross-Origin-Resource-Policy",
    "Content-Security-Policy",
    "Permissions-Policy",
];
const NOBODYS: [&str; 2] = ["Alt-Svc", "Public-Key-Pins"];

fn lines(separator: &str) -> String {
    let all = ORIGIN_WIDE.iter().chain(&OF_ONE).chain(&NOBODYS);
    all.map(|name| format!("{name}: x")).collect::<Vec<_>>().join(separator)
}

#[tokio::test]
async fn what_affects_the_whole_origin_is_stripped() {
    for (spec, is_stripped) in [("", false), ("isolation: {originWide: Strip}", true)] {
        let origin = Origin::start(spec, "", "").await;
        let answer = origin.ask("/a/x", "", &lines("|")).await;
        for name in ORIGIN_WIDE {
            // HSTS never comes over plain HTTP.
            let is_gone = is_stripped || name == "Strict-Transport-Security";
            assert_eq!(answer.fields(name).is_empty(), is_gone, "{name}: {}", answer.head);
        }
        for name in OF_ONE {
            assert_eq!(answer.field(name), "x", "{}", answer.head);
        }
        for name in NOBODYS {
            assert!(answer.fields(name).is_empty(), "{}", answer.head);
        }
        let removed = NOBODYS.len() + if is_stripped { ORIGIN_WIDE.len() } else { 0 };
        assert_eq!(origin.count("a", "header-removed").await, removed as u64);
        assert_eq!(origin.count("b", "header-removed").await, 0);
    }
}

#[tokio::test]
async fn what_a_route_adds_itself_is_stripped_too() {
    let edit = "responseHeaders: {set: [{name: clear-site-data, value: '\"*\"'}, {name: alt-svc, value: h3}]}";
    for (spec, fields) in [("", 1), ("isolation: {originWide: Strip}", 0)] {
        let origin = Origin::start(spec, edit, "").await;
        let answer = origin.ask("/a/x", "", "").await;
        for name in ["clear-site-data", "alt-svc"] {
            assert_eq!(answer.fields(name).len(), fields, "{}", answer.head);
        }
    }
}

#[tokio::test]
async fn a_service_worker_is_allowed_within_the_routes_paths() {
    // The backend's paths are mapped back before.
    let rewrite = "rewrite: {path: /app/*}";
    let origin = Origin::start("isolation: {originWide: Strip}", rewrite, "").await;
    for (target, line, allowed) in [
        ("/a/sw.js", "/app/", Some("/a/")),
        ("/a/sw.js", "/app/x/", Some("/a/x/")),
        ("/a/sw.js", "/", None),
        ("/b/sw.js", "/b/x/", Some("/b/x/")),
        ("/b/sw.js", "/b", None),
        ("/b/sw.js", "/a/", None),
        ("/b/sw.js", "/b/../", None),
    ] {
        let lines = format!("Service-Worker-Allowed: {line}");
        let answer = origin.ask(target, "", &lines).await;
        let got = answer.fields("service-worker-allowed");
        assert_eq!(got, allowed.into_iter().collect::<Vec<_>>(), "{target} {line}");
    }
    let origin = Origin::start("", rewrite, "").await;
    for (line, allowed) in [("/app/", "/a/"), ("/", "/")] {
        let answer = origin.ask("/a/sw.js", "", &format!("Service-Worker-Allowed: {line}")).await;
        assert_eq!(answer.field("service-worker-allowed"), allowed);
    }
}

#[tokio::test]
async fn hints_and_trailers_do_not_come_past_the_filters() {
    let stage = Stage::open().await.unwrap();
    let manifests = |spec: &str| {
        let backends = "matches: [{path: /app/*}]\nbackends: [{service: {name: app, port: 80}}]";
        let address = stage.address().unwrap();
        [front_door(spec), service("app", "http", &[address]), route("app", backends)].concat()
    };
    for (spec, passed) in [("", true), ("isolation: {cookies: Separate, originWide: Strip}", false)]
    {
        let edge = Edge::start(&manifests(spec)).await.unwrap();
        let mut client = Wire::connect(edge.address()).await.unwrap();
        let request =
            get("/app", "TE: trailers\r\nConnection: TE\r\n").replace("Connection: close\r\n", "");
        client.send(request).await.unwrap();
        let mut backend = stage.accept().await.unwrap();
        backend.read_request().await.unwrap().unwrap();
        let fields =
            format!("{}\r\nSet-Cookie: a=1\r\nService-Worker-Allowed: /\r\n", lines("\r\n"));
        let trailers = fields.replace("x\r\n", "t\r\n");
        let announced: Vec<_> = ORIGIN_WIDE.iter().chain(&NOBODYS).copied().collect();
        let reply = format!(
            "HTTP/1.1 103 Early Hints\r\n{fields}\r\n\
             HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: {}, X-Sum\r\n\r\n\
             2\r\nok\r\n0\r\n{trailers}X-Sum: 7\r\n\r\n",
            announced.join(", ")
        );
        backend.send(reply).await.unwrap();
        let hint = client.read_answer("GET").await.unwrap();
        assert_eq!(hint.status(), 103);
        for name in ORIGIN_WIDE.iter().chain(&["service-worker-allowed"]) {
            let is_hint = passed && *name != "Strict-Transport-Security";
            assert_eq!(!hint.fields(name).is_empty(), is_hint, "{name}: {}", hint.head);
        }
        for name in NOBODYS.iter().chain(&["set-cookie"]) {
            assert!(hint.fields(name).is_empty(), "{}", hint.head);
        }
        let answer = client.read_answer("GET").await.unwrap();
        assert_eq!(answer.field("trailer"), "x-sum");
        assert_eq!(answer.trailers.join("").to_ascii_lowercase(), "x-sum: 7");
    }
}
