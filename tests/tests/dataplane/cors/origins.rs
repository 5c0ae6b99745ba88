//! Rules 23 to 27: which origins a policy allows.

use super::{PAGE, Site, assert_denied, cors, from, preflight};

/// Checks which of these origins the policy allows, by the request and by its preflight.
async fn check(policy: &str, cases: &[(&str, bool)]) {
    let site = Site::careless(policy).await;
    for (origin, allowed) in cases {
        let answer = site.send_through(from(origin, "GET /")).await;
        let echoed = format!("allow-origin: {origin}");
        let lines: &[&str] = if *allowed { &[&echoed] } else { &[] };
        assert_eq!(cors(&answer), lines, "{policy} {origin}");
        assert_eq!(answer.fields("vary"), ["Origin"]);
        let answer = site.send_in_vain(preflight(origin, "PUT", "/", &[])).await;
        if *allowed {
            assert_eq!(answer.status(), 204, "{policy} {origin}");
            assert_eq!(answer.fields("access-control-allow-origin"), [*origin], "{policy}");
        } else {
            assert_denied(&answer, "CorsOrigin", origin);
        }
    }
}

#[tokio::test]
async fn rule_23_origins_compare_byte_by_byte() {
    let cases = [
        ("https://app.example.com", true),
        ("http://app.example.com", false),
        ("https://app.example.com:443", false),
        ("https://app.example.com:8443", false),
        ("https://app.example.com/", false),
        ("https://app.example.com/x", false),
        ("https://app.example.com.", false),
        ("https://u@app.example.com", false),
        ("https://APP.example.com", false),
        ("HTTPS://app.example.com", false),
        ("https:app.example.com", false),
        ("app.example.com", false),
        ("https://app.example.co", false),
        ("https://app.example.com.evil.example", false),
        ("https://xapp.example.com", false),
        ("https://app-example.com", false),
        ("https://app.example.com https://app.example.com", false),
        ("https://app.example.com, https://app.example.com", false),
        ("null", false),
        ("*", false),
    ];
    check("cors: {allowOrigins: ['https://app.example.com']}", &cases).await;
    // A policy's host is folded.
    check("cors: {allowOrigins: ['https://APP.Example.com']}", &cases).await;
}

#[tokio::test]
async fn rule_23_what_is_no_origin_matches_nothing_at_all() {
    let long = |bytes: usize| format!("https://{}", "a".repeat(bytes - 8));
    let any = "cors: {allowOrigins: ['*']}";
    let open = "cors: {allowOriginRegex: ['.*']}";
    for policy in [any, open] {
        let cases = [
            ("https://a.example", true),
            ("https://a.example:1", true),
            ("https://a.example:65535", true),
            (&long(512), true),
            (&long(513), false),
            ("https://a.example:0", false),
            ("https://a.example:080", false),
            ("https://a.example:65536", false),
            ("https://a.example:443", true),
            ("https://a..example", false),
            ("https://.example", false),
            ("https://A.example", false),
            ("https://a.example/", false),
            ("https://u:p@a.example", false),
            ("https://", false),
            ("a.example", false),
            ("NULL", false),
            ("", false),
        ];
        check(policy, &cases).await;
    }
}

#[tokio::test]
async fn rule_24_wildcards_ports_and_schemes() {
    let subdomains = [
        ("https://a.example.com", true),
        ("https://b.a.example.com", true),
        ("https://example.com", false),
        ("https://.example.com", false),
        ("https://xexample.com", false),
        ("https://a.example.com.evil.example", false),
        ("https://a.example.com:8443", false),
        ("http://a.example.com", false),
    ];
    check("cors: {allowOrigins: ['https://*.example.com']}", &subdomains).await;
    let ports = [
        ("https://localhost", true),
        ("https://localhost:1", true),
        ("https://localhost:65535", true),
        ("https://localhost:443", true),
        ("http://localhost:3000", false),
        ("https://a.localhost", false),
    ];
    check("cors: {allowOrigins: ['https://localhost:*']}", &ports).await;
    let both = [
        ("https://a.example.com", true),
        ("https://a.example.com:8443", true),
        ("https://example.com:8443", false),
    ];
    check("cors: {allowOrigins: ['https://*.example.com:*']}", &both).await;
    let several = [
        ("capacitor://localhost", true),
        ("capacitor://localhost:1", false),
        ("ionic://localhost", false),
        ("http://[::1]:3000", true),
        ("http://[::1]", false),
        ("http://127.0.0.1:8080", true),
        ("http://127.0.0.2:8080", false),
    ];
    let policy = "cors: {allowOrigins: ['capacitor://localhost', 'http://[::1]:3000', 'http://127.0.0.1:8080']}";
    check(policy, &several).await;
}

#[tokio::test]
async fn rule_25_expressions_match_the_whole_origin() {
    let cases = [
        ("https://pr-1.example.com", true),
        ("https://pr-123.example.com", true),
        ("https://pr-1.example.com.evil.example", false),
        ("https://pr-1.example.com:8443", false),
        ("https://pr-x.example.com", false),
        ("xhttps://pr-1.example.com", false),
        ("null", false),
    ];
    check(r"cors: {allowOriginRegex: ['https://pr-[0-9]+\.example\.com']}", &cases).await;
    let both = [(PAGE, true), ("https://a.test", true), ("https://b.test", false)];
    let policy = r"cors: {allowOrigins: ['https://app.example.com'], allowOriginRegex: ['null|.*a\.test', 'x']}";
    check(policy, &both).await;
    check(policy, &[("null", false), ("x", false)]).await;
}

/// How long it takes is a benchmark's matter; that none is lost among many is shown here.
#[tokio::test]
async fn rule_26_ten_thousand_origins() {
    let names: Vec<_> = (0..10_000).map(|n| format!("'https://t{n}.example.com'")).collect();
    let cases = [
        ("https://t0.example.com", true),
        ("https://t1234.example.com", true),
        ("https://t9999.example.com", true),
        ("https://t10000.example.com", false),
        ("https://t.example.com", false),
        ("https://t1.example.com:1", false),
    ];
    check(&format!("cors: {{allowOrigins: [{}]}}", names.join(", ")), &cases).await;
}

#[tokio::test]
async fn rule_27_null_is_one_of_any_and_of_no_others() {
    check("cors: {allowOrigins: ['*']}", &[("null", true)]).await;
    for policy in [
        "cors: {allowOrigins: ['https://app.example.com']}",
        "cors: {allowOrigins: ['https://*.example.com:*']}",
        "cors: {allowOriginRegex: ['.*', 'null']}",
    ] {
        check(policy, &[("null", false)]).await;
    }
}
