//! Rules 16 to 18, 21 and 22: the request itself, and the answer that a backend gives to it.

use super::{CARELESS, GRANTED, OTHER, PAGE, Site, cors, from, policy, preflight, request, stable};
use portico_tests::{
    backend::{Backend, Reply, front_door, one_route},
    edge::Edge,
    wire::{Message, Wire, ask},
};

/// All that a policy can grant.
const FULL: &str = "allowCredentials: true, exposeHeaders: [x-total, X-Next]";
/// What such an answer says.
const FULLY_GRANTED: &[&str] = &[
    "allow-credentials: true",
    "allow-origin: https://app.example.com",
    "expose-headers: x-total, x-next",
];

#[tokio::test]
async fn rule_16_the_policys_headers_replace_the_backends() {
    let site = Site::careless(&policy(FULL)).await;
    for line in ["GET /", "HEAD /", "POST /", "PUT /a?b", "DELETE /", "OPTIONS /", "OWN /"] {
        let outcome = site.send(from(PAGE, &format!("{line}|Cookie: a=b"))).await;
        assert_eq!(cors(&outcome.answer), FULLY_GRANTED, "{line}");
        assert_eq!(outcome.answer.fields("vary"), ["Origin"], "{line}");
        assert_eq!(outcome.answer.field("x-own"), "kept", "{line}");
        let got = outcome.got.unwrap();
        assert_eq!(got.start_line(), format!("{line} HTTP/1.1"));
        assert_eq!((got.field("origin").as_str(), got.field("cookie").as_str()), (PAGE, "a=b"));
    }
}

#[tokio::test]
async fn rule_16_whatever_the_backend_answers() {
    for status in ["200 OK", "302 Found", "304 Not Modified", "401 No", "404 No", "500 No", "599 X"]
    {
        let answer = format!(
            "HTTP/1.1 {status}\r\nAccess-Control-Allow-Origin: *\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"
        );
        let site = Site::answering(&answer, &policy("")).await;
        let answer = site.send_through(from(PAGE, "GET /")).await;
        assert!(status.starts_with(&answer.status().to_string()), "{status}");
        assert_eq!(cors(&answer), GRANTED, "{status}");
    }
}

/// The policy goes by what the page said, whatever the backend is told.
#[tokio::test]
async fn rule_16_edits_of_the_request_change_no_verdict() {
    for (edits, told) in
        [("remove: [origin]", ""), ("set: [{name: origin, value: 'https://other.example'}]", OTHER)]
    {
        let spec = format!("requestHeaders: {{{edits}}}\n{}", policy("disallowedOrigin: Reject"));
        let site = Site::careless(&spec).await;
        let outcome = site.send(from(PAGE, "GET /")).await;
        assert_eq!(cors(&outcome.answer), GRANTED, "{edits}");
        assert_eq!(outcome.got.unwrap().field("origin"), told, "{edits}");
        assert_eq!(site.send_in_vain(from(OTHER, "GET /")).await.status(), 403, "{edits}");
    }
}

#[tokio::test]
async fn rule_17_a_disallowed_origin_gets_no_header_of_the_backends_either() {
    let site = Site::careless(&policy(FULL)).await;
    let twice = format!("GET /|Origin: {PAGE}|Origin: {PAGE}");
    for request in [
        from(OTHER, "GET /"),
        from(OTHER, "DELETE /"),
        from("null", "GET /"),
        from("", "GET /"),
        from("https://app.example.com:8443", "GET /"),
        from(&format!("{PAGE}, {OTHER}"), "GET /"),
        request(&twice),
    ] {
        let answer = site.send_through(&request).await;
        assert_eq!((answer.status(), answer.text().as_str()), (200, "ok"), "{request}");
        assert!(cors(&answer).is_empty(), "{request}: {}", answer.head);
        assert_eq!(answer.fields("vary"), ["Origin"], "{request}");
        assert_eq!(answer.field("x-own"), "kept", "{request}");
    }
}

#[tokio::test]
async fn rule_18_a_disallowed_origin_is_rejected_without_the_backend() {
    let site = Site::careless(&policy("disallowedOrigin: Reject, allowCredentials: true")).await;
    let twice = request(&format!("GET /|Origin: {PAGE}|Origin: {PAGE}"));
    let mut wire = Wire::connect(site.edge.address()).await.unwrap();
    for request in [from(OTHER, "GET /"), from("null", "DELETE /"), from("", "GET /"), twice] {
        wire.send(&request).await.unwrap();
        let answer = wire.read_answer("GET").await.unwrap();
        crate::assert_problem(&answer, 403, "CorsOrigin");
        assert!(cors(&answer).is_empty(), "{request}: {}", answer.head);
        assert_eq!(answer.fields("vary"), ["Origin"], "{request}");
    }
    assert_eq!(site.backend.connections(), 0);
    for allowed in [from(PAGE, "GET /"), from("http://www.ep.com", "POST /"), request("GET /")] {
        assert_eq!(site.send_through(allowed).await.status(), 200);
    }
}

#[tokio::test]
async fn rule_18_a_rejected_body_is_not_the_backends_either() {
    let site = Site::careless(&policy("disallowedOrigin: Reject")).await;
    for fields in ["Content-Length: 5|Expect: 100-continue", "Content-Length: 5"] {
        let answer = site.send_in_vain(from(OTHER, &format!("POST /|{fields}"))).await;
        assert_eq!(answer.status(), 403, "{fields}");
    }
    assert_eq!(site.backend.connections(), 0);
}

/// A WebSocket's answer is readable without any CORS header, so that only this keeps other
/// sites' pages out.
#[tokio::test]
async fn rule_18_a_websocket_from_elsewhere_is_rejected() {
    let site = Site::careless(&policy("disallowedOrigin: Reject")).await;
    let fields = "Connection: Upgrade|Upgrade: websocket|Sec-WebSocket-Version: 13";
    let answer = site.send_in_vain(from(OTHER, &format!("GET /|{fields}"))).await;
    assert_eq!(answer.status(), 403);
}

#[tokio::test]
async fn rule_21_exposed_headers() {
    for (configured, exposed) in [
        ("", &[][..]),
        ("exposeHeaders: [x-total]", &["x-total"]),
        ("exposeHeaders: [x-total, x-next]", &["x-total, x-next"]),
        ("exposeHeaders: ['*']", &["*"]),
        ("exposeHeaders: [x-total], allowCredentials: true", &["x-total"]),
    ] {
        let site = Site::careless(&policy(configured)).await;
        let answer = site.send_through(from(PAGE, "GET /")).await;
        assert_eq!(answer.fields("access-control-expose-headers"), exposed, "{configured}");
        let answer = site.send_through(from(OTHER, "GET /")).await;
        assert!(answer.fields("access-control-expose-headers").is_empty(), "{configured}");
    }
}

#[tokio::test]
async fn rule_22_report_changes_nothing() {
    let script = || {
        Backend::scripted(|request| match request.target() {
            "/vary" => Reply::raw(
                "HTTP/1.1 200 OK\r\nVary: Accept\r\nvary: Origin\r\nContent-Length: 2\r\n\r\nok",
            ),
            "/chunks" => Reply::raw(
                "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\nAccess-Control-Allow-Origin: x\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            ),
            "/broken" => Reply::raw("no HTTP\r\n\r\n").then_close(),
            _ => Reply::raw(CARELESS),
        })
    };
    let spec = "matches: [{path: /*}]\ntimeouts: {request: 20s}\n";
    let alone = Site::over(script().await.unwrap(), |address| one_route(address, spec)).await;
    for more in [
        "",
        "debug: true, disallowedOrigin: Reject",
        "preflight: Forward, allowCredentials: true, exposeHeaders: [x-own]",
        "allowMethods: [PUT], allowHeaders: [x-a], preflight: Forward, disallowedOrigin: Reject",
    ] {
        let reporting = spec.to_owned() + &policy(&format!("mode: Report, {more}"));
        let backend = script().await.unwrap();
        let site = Site::over(backend, |address| one_route(address, &reporting)).await;
        for request in [
            request("GET /"),
            from("http://www.ep.com", "POST /"),
            from(PAGE, "GET /vary"),
            from(PAGE, "GET /chunks"),
            from(PAGE, "GET /broken"),
            from(OTHER, "GET /"),
            from(OTHER, "GET /vary"),
            from(OTHER, "GET /broken"),
            from(OTHER, "GET /%zz"),
            from("null", "HEAD /"),
            request(&format!("GET /|Origin: {PAGE}|Origin: {PAGE}")),
            preflight(PAGE, "PUT", "/", &["x-a"]),
            preflight(PAGE, "DELETE", "/chunks", &["x b"]),
            preflight(OTHER, "PUT", "/vary", &[]),
        ] {
            let (with, without) = (site.send(&request).await, alone.send(&request).await);
            assert_eq!(stable(&with.answer), stable(&without.answer), "{more} {request}");
            let got = |got: Option<Message>| got.as_ref().map(stable);
            assert_eq!(got(with.got), got(without.got), "{more} {request}");
        }
    }
}

#[tokio::test]
async fn rule_22_report_by_a_front_door_changes_no_404() {
    let doors = ["", "cors: {allowOrigins: ['https://app.example.com'], mode: Report}"];
    let mut answers = Vec::new();
    for door in doors {
        let manifests = front_door(door);
        let edge = Edge::start(&manifests).await.unwrap();
        let mut given = Vec::new();
        for request in [from(PAGE, "GET /"), from(OTHER, "GET /"), preflight(PAGE, "PUT", "/", &[])]
        {
            let answer = ask(edge.address(), request).await.unwrap();
            assert_eq!(answer.status(), 404);
            given.push(stable(&answer).0);
        }
        answers.push(given);
    }
    assert_eq!(answers[0], answers[1]);
}
