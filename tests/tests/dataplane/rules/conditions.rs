//! When a rule holds.

use super::*;
use portico_tests::tls::{Authority, Client};
use rustls::version::{TLS12, TLS13};

/// The names of the rules that have acted, which each adds to a header.
fn marks(when: &[&str]) -> String {
    let rules = when.iter().enumerate().map(|(index, when)| {
        format!(
            "- name: r{index}\n  when: {when}\n  do: {{requestHeaders: {{add: [{{name: x-held, value: r{index}}}]}}}}\n"
        )
    });
    format!("rules:\n{}", rules.collect::<String>())
}

fn held(request: &Message) -> Vec<&str> {
    request.fields("x-held")
}

#[tokio::test]
async fn each_condition_looks_at_the_request_as_it_was_sent() {
    let when = [
        "[]",
        "[{header: {name: x-a, value: '1'}}]",
        "[{header: {name: X-A, type: GreaterThan, value: '5'}}]",
        "[{header: {name: x-a, type: Absent}}]",
        "[{query: {name: q, type: Suffix, value: z}}]",
        "[{cookie: {name: beta, type: Contains, value: o}}]",
        "[{method: [PUT, GET]}]",
        "[{method: [PUT]}]",
        "[{host: ['*.ep.com']}]",
        "[{host: [ep.com]}]",
        "[{path: '/app/{id}/*'}]",
        "[{pathRegex: '/app/[0-9]+/.*'}]",
        "[{fileExtension: [PNG]}]",
        "[{clientAddress: [127.0.0.0/8]}]",
        "[{clientAddress: [203.0.113.7]}]",
        "[{scheme: Http}]",
        "[{scheme: Https}]",
        "[{httpVersion: ['1.1']}]",
        "[{httpVersion: ['1.0', '2']}]",
        "[{tlsVersion: VersionTLS13}]",
        "[{clientCertificate: Absent}]",
        "[{not: {path: /app/*}}]",
        "[{any: [{scheme: Https}, {not: {method: [PUT]}}]}]",
        "[{method: [GET]}, {scheme: Https}]",
    ];
    let holds = |held: &Message, numbers: &[usize], request: &str| {
        let expected: Vec<_> = numbers.iter().map(|number| format!("r{number}")).collect();
        assert_eq!(self::held(held), expected, "{request}");
    };
    let stage = Stage::open("trustedProxies: [127.0.0.0/8]", &marks(&when)).await;
    for (target, lines, numbers) in [
        ("/", "", &[0, 3, 6, 8, 13, 15, 17, 20, 21, 22][..]),
        ("/app/7/x.png", "X-A: 1\r\n", &[0, 1, 6, 8, 10, 11, 12, 13, 15, 17, 20, 22]),
        ("/a/../app/7/?q=%7A&q=b", "X-A: 9\r\n", &[0, 2, 4, 6, 8, 10, 11, 13, 15, 17, 20, 22]),
        (
            "/b",
            "Cookie: a=1; beta=f%6Fo\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n",
            &[0, 3, 5, 6, 8, 14, 16, 17, 20, 21, 22, 23],
        ),
    ] {
        holds(&stage.forwarded(target, lines).await, numbers, &format!("{target} {lines}"));
    }
    let old = "GET / HTTP/1.0\r\nHost: www.ep.com\r\n\r\n";
    ask(stage.edge.address(), old).await.unwrap();
    holds(&stage.app.last().unwrap(), &[0, 3, 6, 8, 13, 15, 18, 20, 21, 22], old);
}

#[tokio::test]
async fn a_rule_can_tell_the_versions_of_tls_and_http() {
    let when = [
        "[{scheme: Https}]",
        "[{tlsVersion: VersionTLS12}]",
        "[{tlsVersion: VersionTLS13}]",
        "[{httpVersion: ['2']}]",
        "[{clientCertificate: Present}]",
    ];
    let stage = Stage::open("", "").await;
    let manifests = [
        front_door(""),
        service("app", "http", &[stage.app.address()]),
        route(
            "app",
            &format!("backends: [{{service: {{name: app, port: 80}}}}]\n{}", marks(&when)),
        ),
    ];
    let pair = Authority::new("test").unwrap().issue(&["www.ep.com"]).unwrap();
    let tls = pair.host("one").unwrap();
    stage.edge.serve_tls(&manifests.concat(), &[("www.ep.com", tls)]).await.unwrap();
    for (version, expected) in [(&TLS12, ["r0", "r1"]), (&TLS13, ["r0", "r2"])] {
        let client = Client::of(version).unwrap();
        let mut connected = client.connect(&stage.edge, "www.ep.com").await.unwrap();
        connected.wire.send(get("/", "")).await.unwrap();
        assert_eq!(connected.wire.read_answer("GET").await.unwrap().status(), 200);
        assert_eq!(held(&stage.app.last().unwrap()), expected);
    }
}

#[tokio::test]
async fn fields_that_nobody_is_trusted_to_set_are_absent_to_rules() {
    let when = [
        "[{header: {name: x-forwarded-user, type: Present}}]",
        "[{header: {name: x-a_b, type: Present}}]",
    ];
    let stage = Stage::open(&marks(&when), "").await;
    let got = stage.forwarded("/", "X-Forwarded-User: root\r\nX-A_B: 1\r\n").await;
    assert_eq!(held(&got), [""; 0]);
}

#[tokio::test]
async fn conditions_inspect_no_more_than_is_allowed() {
    // Each looks for another cookie, in a head full of them.
    let cookie = |name: usize| format!("{{cookie: {{name: c{name}, value: x}}}}");
    let any = |from: usize| (from..from + 8).map(cookie).collect::<Vec<_>>().join(", ");
    let rules: Vec<_> = (0..8).map(|rule| format!("[{{any: [{}]}}]", any(rule * 8))).collect();
    let rules: Vec<_> = rules.iter().map(String::as_str).collect();
    let cookies = format!("Cookie: {}\r\n", "y=1;".repeat(15_000));
    for stage in [Stage::open(&marks(&rules), "").await, Stage::open("", &marks(&rules)).await] {
        assert_eq!(held(&stage.forwarded("/", "Cookie: c0=x; c63=x\r\n").await), ["r0", "r7"]);
        let refused = stage.get("/", &cookies).await;
        assert_eq!((refused.status(), &*refused.reason()), (431, "PredicatesTooCostly"));
    }
}
