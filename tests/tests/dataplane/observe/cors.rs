//! What is counted and logged of CORS.

use super::*;

const ALLOWED: &str = "https://a.example";
const OTHER: &str = "https://b.example";

/// A Route `web/<name>` for `/<name>/*`, to the Service `web/app`, with a policy.
fn judging(name: &str, policy: &str) -> String {
    let backends = "backends: [{service: {name: app, port: 80}}]";
    let cors = format!("cors: {{allowOrigins: ['{ALLOWED}'], {policy}}}");
    route(name, &format!("matches: [{{path: '/{name}/*'}}]\n{backends}\n{cors}"))
}

/// A FrontDoor whose policy admits [`ALLOWED`], and one Route for each kind of policy.
async fn judges() -> (Edge, Backend) {
    let backend = Backend::saying("ok").await.unwrap();
    let manifests = [
        front_door(&format!("cors: {{allowOrigins: ['{ALLOWED}']}}")),
        service("app", "http", &[backend.address()]),
        judging("answer", "allowMethods: [PUT], allowHeaders: [x-a]"),
        judging("reject", "disallowedOrigin: Reject"),
        judging("forward", "preflight: Forward"),
        judging("report", "allowMethods: [PUT], disallowedOrigin: Reject, mode: Report"),
        judging("declined", "mode: Disabled"),
    ];
    (Edge::start(&manifests.concat()).await.unwrap(), backend)
}

fn from(target: &str, origin: &str) -> String {
    get(target, &format!("Origin: {origin}\r\n"))
}

fn preflight(target: &str, origin: &str, method: &str, headers: &str) -> String {
    let fields = format!(
        "Origin: {origin}\r\nAccess-Control-Request-Method: {method}\r\nAccess-Control-Request-Headers: {headers}\r\n"
    );
    get(target, &fields).replacen("GET", "OPTIONS", 1)
}

fn preflights(route: &str, result: &str, reason: &str, mode: &str) -> String {
    format!(
        "portico_cors_preflights_total{{route=\"{route}\",result=\"{result}\",reason=\"{reason}\",mode=\"{mode}\"}}"
    )
}

fn judged(route: &str, result: &str, mode: &str) -> String {
    format!("portico_cors_requests_total{{route=\"{route}\",result=\"{result}\",mode=\"{mode}\"}}")
}

/// Requests, the word for each in the access log, and the sample that counts it.
fn cases() -> Vec<(String, &'static str, String)> {
    let enforced = |route: &str, result: &str| judged(route, result, "enforce");
    let asked = |result: &str, reason: &str| preflights("web/answer", result, reason, "enforce");
    let long = "x-a,".repeat(2000);
    vec![
        (from("/answer/", ALLOWED), "allowed", enforced("web/answer", "allowed")),
        (from("/answer/", OTHER), "disallowed", enforced("web/answer", "disallowed")),
        (from("/reject/", OTHER), "rejected", enforced("web/reject", "rejected")),
        (from("/forward/", ALLOWED), "allowed", enforced("web/forward", "allowed")),
        (from("/nowhere", ALLOWED), "allowed", enforced("-", "allowed")),
        (from("/nowhere", OTHER), "disallowed", enforced("-", "disallowed")),
        (from("/report/", OTHER), "report:rejected", judged("web/report", "rejected", "report")),
        (preflight("/answer/", ALLOWED, "PUT", "x-a"), "preflight-allowed", asked("allowed", "")),
        (
            preflight("/answer/", OTHER, "PUT", ""),
            "preflight-denied:origin",
            asked("denied", "origin"),
        ),
        (
            preflight("/answer/", ALLOWED, "DELETE", ""),
            "preflight-denied:method",
            asked("denied", "method"),
        ),
        (
            preflight("/answer/", ALLOWED, "PUT", "x-b"),
            "preflight-denied:header",
            asked("denied", "header"),
        ),
        (
            preflight("/answer/", ALLOWED, "PUT", &long),
            "preflight-denied:malformed",
            asked("denied", "malformed"),
        ),
        (
            preflight("/forward/", OTHER, "PUT", ""),
            "preflight-forwarded",
            preflights("web/forward", "forwarded", "", "enforce"),
        ),
        (
            preflight("/report/", ALLOWED, "DELETE", ""),
            "report:preflight-denied:method",
            preflights("web/report", "denied", "method", "report"),
        ),
    ]
}

#[tokio::test]
async fn every_verdict_is_counted_and_logged() {
    log();
    let (edge, _backend) = judges().await;
    let documented = include_str!("../../../../docs/observe.md");
    let mut counted = BTreeMap::new();
    for (request, word, sample) in cases() {
        for _ in 0..2 {
            let line = line(&edge, &request).await;
            assert_eq!(line["cors"], word, "{line}");
            *counted.entry(sample.clone()).or_insert(0.0) += 1.0;
        }
        let word = word.trim_start_matches("report:");
        assert!(documented.contains(&format!("\n| `{word}` |")), "docs/observe.md lacks {word}");
    }
    let last = preflights("web/report", "denied", "method", "report");
    let mut seen = counts(&edge, &last, 2.0).await;
    seen.retain(|sample, _| sample.starts_with("portico_cors_"));
    assert_eq!(seen, counted);
}

#[tokio::test]
async fn what_no_policy_judges_is_not_named() {
    log();
    let (edge, _backend) = judges().await;
    for request in [
        get("/answer/", ""),
        from("/answer/", "http://www.ep.com"),
        from("/declined/", OTHER),
        preflight("/declined/", OTHER, "PUT", ""),
    ] {
        let line = line(&edge, &request).await;
        assert_eq!(line.get("cors"), None, "{line}");
    }
    let seen = counts(&edge, &requests("web/declined", 200, ""), 2.0).await;
    assert!(seen.keys().all(|sample| !sample.starts_with("portico_cors_")), "{seen:?}");
}

#[tokio::test]
async fn preflights_that_one_origin_avoids_are_counted_where_a_route_forwards() {
    const OWN: &str = "Origin: http://www.ep.com\r\n";
    const JSON: &str = "Content-Type: application/json\r\n";
    const FETCHED: &str = "Sec-Fetch-Mode: cors\r\nx-api-key: 1\r\n";
    let (edge, backend) = judges().await;
    let own = |more: &str| format!("{OWN}{more}");
    let manifests = [
        front_door(""),
        service("app", "http", &[backend.address()]),
        route("app", "matches: [{path: /app}]\nbackends: [{service: {name: app, port: 80}}]"),
        route("simple", "matches: [{path: /simple}]\nbackends: [{service: {name: app, port: 80}}]"),
        route("fixed", "matches: [{path: /fixed}]\nrespond: {status: 200}"),
    ];
    edge.serve(&manifests.concat()).await.unwrap();
    for request in [
        post("/app", &own(JSON), "{}"),
        get("/app", FETCHED),
        get("/app", &own("")).replacen("GET", "DELETE", 1),
        // Nothing of these is avoided.
        post("/simple", &own(""), "a=b"),
        get("/simple", "x-api-key: 1\r\n"),
        get("/simple", "Sec-Fetch-Mode: cors\r\nUser-Agent: x\r\n"),
        post("/simple", &format!("Origin: {OTHER}\r\n{JSON}"), "{}"),
        post("/fixed", &own(JSON), "{}"),
        get("/nowhere", FETCHED),
    ] {
        ask(edge.address(), request).await.unwrap();
    }
    let avoided = "portico_cors_preflights_avoided_total{route=\"web/app\"}";
    let saved = "portico_cors_saved_round_trip_seconds_total{route=\"web/app\"}";
    counts(&edge, &requests("web/fixed", 200, ""), 1.0).await;
    let mut seen = counts(&edge, &requests("-", 404, "NoRoute"), 1.0).await;
    seen.retain(|sample, _| sample.starts_with("portico_cors_"));
    assert_eq!(seen.keys().collect::<Vec<_>>(), [avoided, saved]);
    assert_eq!(seen[avoided], 3.0);
    if cfg!(target_os = "linux") {
        assert!(seen[saved] > 0.0 && seen[saved] < 3.0, "{seen:?}");
    }
}

#[tokio::test]
async fn an_answer_that_never_leaves_saves_no_time() {
    let stage = Stage::open().await.unwrap();
    let edge = Edge::start(&one_route(stage.address().unwrap(), "")).await.unwrap();
    let mut client = Wire::connect(edge.address()).await.unwrap();
    client.send(get("/", "Sec-Fetch-Mode: cors\r\nx-api-key: 1\r\n")).await.unwrap();
    let mut backend = stage.accept().await.unwrap();
    backend.read_request().await.unwrap().unwrap();
    drop(client);
    let seen = counts(&edge, &requests("web/app", 499, "ClientClosed"), 1.0).await;
    assert_eq!(seen["portico_cors_preflights_avoided_total{route=\"web/app\"}"], 1.0);
    assert_eq!(seen["portico_cors_saved_round_trip_seconds_total{route=\"web/app\"}"], 0.0);
}
