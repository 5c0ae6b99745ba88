//! Rules 6 to 9, 11, 12 and 14: who answers a preflight, and how.

use super::{
    CARELESS, GRANTED, OTHER, PAGE, Site, assert_denied, assert_granted, cors, from, policy,
    preflight, request, stable,
};
use portico_tests::{
    backend::{Backend, front_door, route, service},
    edge::Edge,
    wire::{Wire, ask},
};

#[tokio::test]
async fn rule_06_a_preflight_never_reaches_the_backend() {
    let site = Site::careless(&policy("allowMethods: [PUT], allowHeaders: [x-a]")).await;
    for (origin, method, names) in [
        (PAGE, "PUT", "x-a"),
        (PAGE, "GET", ""),
        (PAGE, "DELETE", ""),
        (PAGE, "PUT", "x-b"),
        (PAGE, "PUT", "x b"),
        (PAGE, "A B", ""),
        (PAGE, "", ""),
        (OTHER, "PUT", "x-a"),
        ("null", "PUT", ""),
    ] {
        site.send_in_vain(preflight(origin, method, "/", &[names])).await;
    }
    assert_eq!(site.backend.connections(), 0);
}

#[tokio::test]
async fn rule_07_allowed_is_204_with_nothing_but_headers() {
    for origins in ["'https://app.example.com'", "'*'", "'https://*.example.com'"] {
        let site = Site::careless(&format!("cors: {{allowOrigins: [{origins}]}}")).await;
        let mut wire = Wire::connect(site.edge.address()).await.unwrap();
        // On one connection, so that a body would be taken for the next answer.
        for _ in 0..3 {
            wire.send(preflight(PAGE, "PUT", "/a", &["x-a"])).await.unwrap();
            let answer = wire.read_answer("OPTIONS").await.unwrap();
            assert_granted(
                &answer,
                &["allow-headers: x-a", "allow-methods: PUT", GRANTED[0], "max-age: 7200"],
                origins,
            );
            let mut names: Vec<_> =
                answer.lines().map(|(name, _)| name.to_ascii_lowercase()).collect();
            names.retain(|name| !name.starts_with("access-control-"));
            names.sort_unstable();
            assert_eq!(names, ["date", "vary", "x-request-id"]);
        }
        assert_eq!(site.backend.connections(), 0);
    }
}

#[tokio::test]
async fn rule_07_the_origin_is_echoed_never_a_star() {
    let site = Site::careless("cors: {allowOrigins: ['*']}").await;
    for origin in [PAGE, OTHER, "http://localhost:3000", "capacitor://localhost", "null"] {
        let answer = site.send_in_vain(preflight(origin, "PUT", "/", &[])).await;
        assert_eq!(answer.field("access-control-allow-origin"), origin);
    }
}

#[tokio::test]
async fn rule_08_denied_is_403_without_cors_headers() {
    let more = "allowMethods: [PUT], allowHeaders: [x-a], allowCredentials: true";
    let site = Site::careless(&policy(more)).await;
    for (origin, method, names, reason) in [
        (OTHER, "PUT", "x-a", "CorsOrigin"),
        ("null", "PUT", "", "CorsOrigin"),
        ("", "PUT", "", "CorsOrigin"),
        ("https://app.example.com.evil.example", "PUT", "", "CorsOrigin"),
        (PAGE, "DELETE", "", "CorsMethod"),
        (PAGE, "put", "", "CorsMethod"),
        (PAGE, "PUT", "x-b", "CorsHeader"),
        (PAGE, "PUT", "x-a,authorization", "CorsHeader"),
        (PAGE, "PUT", "x a", "CorsMalformed"),
        (PAGE, "A B", "", "CorsMalformed"),
        (PAGE, "", "", "CorsMalformed"),
    ] {
        let asked = preflight(origin, method, "/", &[names]);
        let answer = site.send_in_vain(&asked).await;
        assert_denied(&answer, reason, &asked);
        assert!(answer.fields("portico-cors").is_empty(), "{}", answer.head);
    }
}

#[tokio::test]
async fn rule_08_a_denial_says_why_where_that_is_asked_for() {
    let site = Site::careless(&policy("allowMethods: [PUT], debug: true")).await;
    for (origin, method, why) in [
        (OTHER, "PUT", "origin 'https://other.example' is not allowed"),
        (PAGE, "DELETE", "method 'DELETE' is not allowed"),
    ] {
        let answer = site.send_in_vain(preflight(origin, method, "/", &[])).await;
        assert_eq!(answer.field("portico-cors"), why);
    }
    let answer = site.send_through(from(OTHER, "GET /")).await;
    assert_eq!(answer.field("portico-cors"), "origin 'https://other.example' is not allowed");
    for request in [preflight(PAGE, "PUT", "/", &[]), from(PAGE, "GET /"), request("GET /")] {
        let answer = site.send(request).await.answer;
        assert!(answer.fields("portico-cors").is_empty(), "{}", answer.head);
    }
}

#[tokio::test]
async fn rule_09_methods() {
    for (configured, asked, allowed) in [
        ("", "PUT", "PUT"),
        ("", "GET", "GET"),
        ("", "patch", "patch"),
        ("", "X-OWN", "X-OWN"),
        ("allowMethods: ['*']", "DELETE", "DELETE"),
        ("allowMethods: [PUT, DELETE]", "PUT", "PUT, DELETE"),
        ("allowMethods: [PUT, DELETE]", "GET", "PUT, DELETE"),
        ("allowMethods: [PUT, DELETE]", "HEAD", "PUT, DELETE"),
        ("allowMethods: [PUT, DELETE]", "POST", "PUT, DELETE"),
        ("allowMethods: [PUT, DELETE]", "PATCH", ""),
        ("allowMethods: [PUT, DELETE]", "OPTIONS", ""),
        ("allowMethods: [PUT, DELETE]", "Put", ""),
        ("allowMethods: [PUT, DELETE]", "get", ""),
        ("allowMethods: [PATCH]", "patch", ""),
    ] {
        let site = Site::careless(&policy(configured)).await;
        let answer = site.send_in_vain(preflight(PAGE, asked, "/", &[])).await;
        let what = format!("{configured}: {asked}");
        if allowed.is_empty() {
            assert_denied(&answer, "CorsMethod", &what);
        } else {
            assert_eq!(answer.status(), 204, "{what}");
            assert_eq!(answer.fields("access-control-allow-methods"), [allowed], "{what}");
        }
    }
}

#[tokio::test]
async fn rules_11_and_12_credentials_and_age() {
    for (configured, credentials, age) in [
        ("", &[][..], "7200"),
        ("allowCredentials: false", &[], "7200"),
        ("allowCredentials: true", &["true"], "7200"),
        ("maxAge: 0s", &[], "0"),
        ("maxAge: 90s", &[], "90"),
        ("maxAge: 10m", &[], "600"),
        ("maxAge: 1h30m, allowCredentials: true", &["true"], "5400"),
        ("maxAge: 24h", &[], "86400"),
    ] {
        let site = Site::careless(&policy(configured)).await;
        let answer = site.send_in_vain(preflight(PAGE, "PUT", "/", &[])).await;
        assert_eq!(answer.fields("access-control-allow-credentials"), credentials, "{configured}");
        assert_eq!(answer.fields("access-control-max-age"), [age], "{configured}");
    }
}

#[tokio::test]
async fn rule_14_who_answers_by_preflight_and_disallowed_origin() {
    let asked = |origin: &str| preflight(origin, "PUT", "/", &["x-a"]);
    let alone = Site::careless("").await;
    let untouched = alone.send(asked(PAGE)).await;
    for (handling, disallowed, origin, outcome_is) in [
        ("Answer", "Forward", PAGE, "granted"),
        ("Answer", "Forward", OTHER, "denied"),
        ("Answer", "Reject", PAGE, "granted"),
        ("Answer", "Reject", OTHER, "denied"),
        ("Forward", "Forward", PAGE, "forwarded"),
        ("Forward", "Forward", OTHER, "forwarded"),
        ("Forward", "Reject", PAGE, "forwarded"),
        ("Forward", "Reject", OTHER, "denied"),
        ("Forward", "Reject", "null", "denied"),
    ] {
        let what = format!("{handling} {disallowed} {origin}");
        let more = format!(
            "preflight: {handling}, disallowedOrigin: {disallowed}, allowMethods: [PUT], allowHeaders: [x-a]"
        );
        let site = Site::careless(&policy(&more)).await;
        match outcome_is {
            "granted" => {
                let answer = site.send_in_vain(asked(origin)).await;
                let lines =
                    ["allow-headers: x-a", "allow-methods: PUT", GRANTED[0], "max-age: 7200"];
                assert_granted(&answer, &lines, &what);
            }
            "denied" => assert_denied(&site.send_in_vain(asked(origin)).await, "CorsOrigin", &what),
            _ => {
                let outcome = site.send(asked(origin)).await;
                assert_eq!(stable(&outcome.answer), stable(&untouched.answer), "{what}");
                let got = outcome.got.unwrap();
                assert_eq!(got.start_line(), "OPTIONS / HTTP/1.1", "{what}");
                assert_eq!(got.fields("origin"), [origin], "{what}");
                assert_eq!(cors(&got), ["request-headers: x-a", "request-method: PUT"], "{what}");
            }
        }
    }
}

#[tokio::test]
async fn rule_14_what_the_policy_would_deny_is_the_backends_to_judge() {
    let more = "preflight: Forward, allowMethods: [PUT], allowHeaders: [x-a]";
    let site = Site::careless(&policy(more)).await;
    for (method, names) in [("DELETE", "x-a"), ("PUT", "x-b"), ("PUT", "x b"), ("A B", "x-a")] {
        let answer = site.send_through(preflight(PAGE, method, "/", &[names])).await;
        assert_eq!(answer.status(), 200, "{method} {names}");
        assert_eq!(cors(&answer).len(), 6, "{}", answer.head);
    }
    // The request itself is the policy's as ever.
    let answer = site.send_through(from(PAGE, "DELETE /")).await;
    assert_eq!(cors(&answer), GRANTED);
}

#[tokio::test]
async fn rule_14_an_error_of_the_edges_own_on_it_has_no_cors_headers() {
    let dead = crate::upstreams::nobody().await;
    let app = |name: &str, path: &str| {
        let cors = policy("preflight: Forward, allowCredentials: true");
        route(
            name,
            &format!(
                "matches: [{{path: {path}}}]\nbackends: [{{service: {{name: {name}, port: 80}}}}]\n{cors}"
            ),
        )
    };
    let up = Backend::answering(CARELESS).await.unwrap();
    let manifests = [
        front_door(""),
        service("dead", "http", &[dead]),
        app("dead", "/dead"),
        service("none", "http", &[]),
        app("none", "/none"),
        service("up", "http", &[up.address()]),
        app("up", "/up"),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    for (target, fields, status) in [
        ("/dead", "", 502),
        ("/none", "", 503),
        ("/up", "|Via: 1.1 portico-test", 508),
        ("/up", "", 200),
    ] {
        let asked =
            format!("OPTIONS {target}|Origin: {PAGE}|Access-Control-Request-Method: PUT{fields}");
        let answer = ask(edge.address(), request(&asked)).await.unwrap();
        assert_eq!(answer.status(), status, "{target}");
        assert_eq!(cors(&answer).is_empty(), status != 200, "{target}: {}", answer.head);
        assert!(answer.fields("vary").is_empty(), "{target}: {}", answer.head);
    }
}
