//! Which match wins on one path: what methods, headers, cookies and query ask of a request.

use crate::assert_problem;
use portico_tests::{
    backend::{front_door, route},
    edge::Edge,
    wire::ask,
};

/// An edge with a Route for each match; every Route answers with its name. `any` asks for nothing.
async fn edge(matches: &[(&str, &str)]) -> Edge {
    let one = |(name, asks): &(&str, &str)| {
        route(name, &format!("matches: [{{path: /a, {asks}}}]\nrespond: {{body: {name}}}"))
    };
    let routes: String = matches.iter().map(one).collect();
    let any = route("any", "matches: [{path: /a}]\nrespond: {body: any}");
    Edge::start(&(front_door("") + &routes + &any)).await.unwrap()
}

/// Who answers; `request` is `METHOD target` and header lines behind `|`.
async fn winner(edge: &Edge, request: &str) -> String {
    let (line, fields) = request.split_once('|').unwrap_or((request, ""));
    let fields: String =
        fields.split('|').filter(|f| !f.is_empty()).map(|f| format!("{f}\r\n")).collect();
    let request = format!("{line} HTTP/1.1\r\nHost: www.ep.com\r\n{fields}\r\n");
    let answer = ask(edge.address(), request).await.unwrap();
    assert_eq!(answer.status(), 200, "{line}");
    answer.text()
}

/// What a match asks for, and requests with whether it holds for them.
const PREDICATES: &[(&str, &[(&str, bool)])] = &[
    (
        "methods: [PUT, GET]",
        &[("GET /a", true), ("PUT /a", true), ("POST /a", false), ("get /a", false)],
    ),
    (
        "headers: [{name: X-Tenant, value: blue}]",
        &[
            ("GET /a|x-tenant: blue", true),
            ("GET /a|X-TENANT:   blue  ", true),
            ("GET /a|X-Tenant: red|X-Tenant: blue", true),
            ("GET /a|X-Tenant: Blue", false),
            ("GET /a|X-Tenant: blue, red", false),
            ("GET /a", false),
        ],
    ),
    (
        "headers: [{name: x, type: Prefix, value: v1.}]",
        &[("GET /a|x: v1.", true), ("GET /a|x: v1.2", true), ("GET /a|x: v12", false)],
    ),
    (
        "headers: [{name: x, type: Regex, value: 'a|bc'}]",
        &[
            ("GET /a|x: a", true),
            ("GET /a|x: bc", true),
            ("GET /a|x: abc", false),
            ("GET /a|x: ab", false),
        ],
    ),
    (
        "headers: [{name: x, type: Present}]",
        &[("GET /a|x: y", true), ("GET /a|x:", true), ("GET /a|y: x", false)],
    ),
    ("headers: [{name: x, type: Absent}]", &[("GET /a", true), ("GET /a|x:", false)]),
    (
        "query: [{name: v, value: '2 a'}]",
        &[
            ("GET /a?v=2%20a", true),
            ("GET /a?%76=2%20%61&w", true),
            ("GET /a?v=1&v=2%20a", true),
            ("GET /a?v=2", false),
            ("GET /a?V=2%20a", false),
            ("GET /a?v=2%20a%zz", false),
            ("GET /a", false),
        ],
    ),
    (
        "query: [{name: v, type: Present}]",
        &[("GET /a?v", true), ("GET /a?v=", true), ("GET /a?w=v", false), ("GET /a?", false)],
    ),
    (
        "cookies: [{name: beta, value: '1'}]",
        &[
            ("GET /a|Cookie: a=b; beta=1", true),
            ("GET /a|Cookie: a=b|Cookie: beta=1", true),
            ("GET /a|Cookie: b%65ta=%31", true),
            ("GET /a|Cookie: Beta=1", false),
            ("GET /a|Cookie: xbeta=1", false),
            ("GET /a|Cookie: x=beta=1", false),
        ],
    ),
    (
        "methods: [GET], headers: [{name: x, value: '1'}], query: [{name: v, value: '1'}], cookies: [{name: c, value: '1'}]",
        &[
            ("GET /a?v=1|x: 1|Cookie: c=1", true),
            ("PUT /a?v=1|x: 1|Cookie: c=1", false),
            ("GET /a|x: 1|Cookie: c=1", false),
            ("GET /a?v=1|Cookie: c=1", false),
            ("GET /a?v=1|x: 1", false),
        ],
    ),
];

#[tokio::test]
async fn each_kind_of_predicate_holds_where_it_should() {
    for (asks, cases) in PREDICATES {
        let edge = edge(&[("asks", asks)]).await;
        for (request, holds) in *cases {
            let expected = if *holds { "asks" } else { "any" };
            assert_eq!(winner(&edge, request).await, expected, "{asks}: {request}");
        }
    }
}

#[tokio::test]
async fn a_value_of_more_than_4_kib_fits_no_expression() {
    let edge = edge(&[("asks", "headers: [{name: x, type: Regex, value: '(a|b)*'}]")]).await;
    for (length, expected) in [(4096, "asks"), (4097, "any")] {
        let request = format!("GET /a|x: {}", "ab".repeat(4097).get(..length).unwrap());
        assert_eq!(winner(&edge, &request).await, expected, "{length}");
    }
}

#[tokio::test]
async fn what_predicates_look_at_is_limited() {
    let cookies = |route: usize| {
        let cookie = |number| format!("{{name: c{route}-{number}, value: v{route}}}");
        format!("cookies: [{}]", (0..16).map(cookie).collect::<Vec<_>>().join(", "))
    };
    let names: Vec<_> = (0..40).map(|route| (format!("r{route}"), cookies(route))).collect();
    let matches: Vec<_> = names.iter().map(|(name, asks)| (&**name, &**asks)).collect();
    let edge = edge(&matches).await;
    // Each Route's first predicate looks at all of it.
    let cookie = |kib: usize| format!("GET /a|Cookie: d={}", "x".repeat(kib << 10));
    assert_eq!(winner(&edge, &cookie(20)).await, "any");
    let request = cookie(40).replacen('|', " HTTP/1.1\r\nHost: www.ep.com\r\n", 1) + "\r\n\r\n";
    let answer = ask(edge.address(), request).await.unwrap();
    assert_problem(&answer, 431, "PredicatesTooCostly");
    assert_eq!(winner(&edge, "GET /a").await, "any");
}

#[tokio::test]
async fn many_routes_may_look_at_the_same_cookie() {
    let names: Vec<_> = (0..300)
        .map(|route| (format!("r{route}"), format!("cookies: [{{name: to, value: v{route}}}]")))
        .collect();
    let matches: Vec<_> = names.iter().map(|(name, asks)| (&**name, &**asks)).collect();
    let edge = edge(&matches).await;
    let cookies = format!("d={}", "x".repeat(8 << 10));
    for (to, expected) in [("v0", "r0"), ("v299", "r299"), ("v300", "any")] {
        let request = format!("GET /a|Cookie: {cookies}; to={to}");
        assert_eq!(winner(&edge, &request).await, expected, "{to}");
    }
}

#[tokio::test]
async fn get_does_not_imply_head() {
    let only = route("only", "matches: [{path: /a, methods: [GET]}]\nrespond: {body: hi}");
    let edge = Edge::start(&(front_door("") + &only)).await.unwrap();
    for (method, status) in [("GET", 200), ("HEAD", 404), ("OPTIONS", 404)] {
        let request = format!("{method} /a HTTP/1.1\r\nHost: www.ep.com\r\n\r\n");
        assert_eq!(ask(edge.address(), request).await.unwrap().status(), status, "{method}");
    }
}

/// More predicates in total first, then of each kind: methods (one, however many), headers,
/// cookies, query.
#[tokio::test]
async fn the_match_that_asks_for_more_wins() {
    let edge = edge(&[
        ("method", "methods: [GET, PUT, POST]"),
        ("header", "headers: [{name: x, type: Present}]"),
        ("cookie", "cookies: [{name: c, type: Present}]"),
        ("query", "query: [{name: v, type: Present}]"),
        ("two-queries", "query: [{name: v, type: Present}, {name: w, type: Present}]"),
        ("header-query", "headers: [{name: x, type: Present}], query: [{name: v, type: Present}]"),
    ])
    .await;
    for (request, wins) in [
        ("DELETE /a", "any"),
        ("DELETE /a?v", "query"),
        ("DELETE /a?v|Cookie: c=1", "cookie"),
        ("DELETE /a|Cookie: c=1|x: 1", "header"),
        ("GET /a|Cookie: c=1|x: 1", "method"),
        ("GET /a?v&w|Cookie: c=1", "two-queries"),
        ("GET /a?v&w|x: 1", "header-query"),
        ("GET /a?v|x: 1", "header-query"),
    ] {
        assert_eq!(winner(&edge, request).await, wins, "{request}");
    }
}

#[tokio::test]
async fn a_match_that_does_not_hold_leaves_the_request_to_a_less_specific_path() {
    let manifests = [
        front_door(""),
        route("exact", "matches: [{path: /a/b, methods: [PUT]}]\nrespond: {body: exact}"),
        route(
            "name",
            "matches: [{path: '/a/{x}', headers: [{name: x, type: Present}]}]\nrespond: {body: name}",
        ),
        route("rest", "matches: [{path: /a/*}]\nrespond: {body: rest}"),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    for (request, wins) in [
        ("PUT /a/b|x: 1", "exact"),
        ("GET /a/b|x: 1", "name"),
        ("GET /a/b", "rest"),
        ("PUT /a/b/", "rest"),
    ] {
        assert_eq!(winner(&edge, request).await, wins, "{request}");
    }
}

#[tokio::test]
async fn the_older_route_wins_where_nothing_else_decides() {
    let aged = |name: &str, asks: &str, created: &str| {
        let spec = format!(
            "matches: [{{path: /a, headers: [{{name: {asks}, type: Present}}]}}]\nrespond: {{body: {name}}}"
        );
        let created = format!("name: {name}, {created}");
        route(name, &spec).replace(&format!("name: {name},"), &format!("{created},"))
    };
    let (old, young) =
        ("creationTimestamp: '2020-01-01T00:00:00Z'", "creationTimestamp: '2024-01-01T00:00:00Z'");
    let manifests = [
        front_door(""),
        aged("b", "x1", old),
        aged("a", "x2", young),
        aged("d", "x3", "labels: {}"),
        aged("c", "x4", "labels: {}"),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    for (request, wins) in [
        ("GET /a|x1: 1|x2: 1", "b"),
        ("GET /a|x2: 1|x3: 1|x4: 1", "a"),
        ("GET /a|x3: 1|x4: 1", "c"),
    ] {
        assert_eq!(winner(&edge, request).await, wins, "{request}");
    }
}

#[tokio::test]
async fn no_predicate_sees_what_an_untrusted_client_says_of_itself() {
    let asks = "headers: [{name: x-forwarded-proto, value: https}]";
    let request = "GET /a|X-Forwarded-Proto: https|X_Forwarded_Proto: https";
    assert_eq!(winner(&edge(&[("told", asks)]).await, request).await, "any");
    let told = format!("matches: [{{path: /a, {asks}}}]\nrespond: {{body: told}}");
    let trusting = front_door("trustedProxies: [127.0.0.0/8]") + &route("told", &told);
    assert_eq!(winner(&Edge::start(&trusting).await.unwrap(), request).await, "told");
}
