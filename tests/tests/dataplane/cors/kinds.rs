//! Rules 1 to 5: what a request is, and which Route a preflight selects.

use super::{
    CARELESS, GRANTED, OTHER, PAGE, Site, assert_denied, assert_granted, cors, from, policy,
    preflight, request,
};
use portico_tests::{
    backend::{Backend, front_door, route, service},
    edge::Edge,
    wire::ask,
};
use std::net::SocketAddr;

/// Policies that do all that a policy can do to other origins' requests.
fn every_policy() -> Vec<String> {
    let mut all = vec!["cors: {allowOrigins: ['*']}".to_owned()];
    for preflight in ["Answer", "Forward"] {
        for disallowed in ["Forward", "Reject"] {
            all.push(policy(&format!(
                "allowCredentials: true, preflight: {preflight}, disallowedOrigin: {disallowed}"
            )));
        }
    }
    all
}

#[tokio::test]
async fn rule_01_a_request_without_origin_is_not_cross_origin() {
    for policy in every_policy() {
        let site = Site::careless(&policy).await;
        for text in [
            "GET /",
            "HEAD /",
            "POST /",
            "DELETE /",
            "OPTIONS /",
            "OPTIONS /|Access-Control-Request-Method: PUT|Access-Control-Request-Headers: x-a",
        ] {
            let answer = site.send_through(request(text)).await;
            assert_eq!(answer.status(), 200, "{policy} {text}");
            assert!(cors(&answer).is_empty(), "{policy} {text}: {}", answer.head);
            assert_eq!(answer.fields("vary"), ["Origin"], "{policy} {text}");
            assert_eq!(answer.field("x-own"), "kept");
        }
    }
}

#[tokio::test]
async fn rule_02_the_own_origin_is_never_refused() {
    for policy in every_policy() {
        let site = Site::careless(&policy).await;
        for (host, origin) in [
            ("www.ep.com", "http://www.ep.com"),
            ("WWW.Ep.Com", "http://www.ep.com"),
            ("www.ep.com:80", "http://www.ep.com"),
            ("www.ep.com:8080", "http://www.ep.com:8080"),
            ("www.ep.com:443", "http://www.ep.com:443"),
        ] {
            for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS"] {
                let asked = "Access-Control-Request-Method: PUT";
                let text = format!("{method} /|Host: {host}|Origin: {origin}|{asked}");
                let answer = site.send_through(request(&text)).await;
                assert_eq!(answer.status(), 200, "{policy} {text}");
                assert!(cors(&answer).is_empty(), "{policy} {text}: {}", answer.head);
                assert_eq!(answer.fields("vary"), ["Origin"], "{policy} {text}");
            }
        }
    }
}

#[tokio::test]
async fn rule_02_whatever_differs_from_it_is_another_origin() {
    let hosts = "hosts: [{name: www.ep.com}, {name: api.ep.com}, {name: '*.ep.com'}]\n";
    let rejecting = policy("disallowedOrigin: Reject");
    let manifests = |address: SocketAddr| {
        let app = format!("backends: [{{service: {{name: app, port: 80}}}}]\n{rejecting}");
        let door = front_door("").replace("hosts: [{name: www.ep.com}]\n", hosts);
        [door, service("app", "http", &[address]), route("app", &app)].concat()
    };
    let site = Site::over(Backend::answering(CARELESS).await.unwrap(), manifests).await;
    for (host, origin) in [
        ("www.ep.com", "http://api.ep.com"),
        ("api.ep.com", "http://www.ep.com"),
        ("www.ep.com", "http://ep.com"),
        ("www.ep.com", "https://www.ep.com"),
        ("www.ep.com", "http://www.ep.com:8080"),
        ("www.ep.com:8080", "http://www.ep.com"),
        ("www.ep.com:443", "http://www.ep.com"),
        // Not as a browser spells it.
        ("www.ep.com:80", "http://www.ep.com:80"),
        ("www.ep.com", "http://www.ep.com/"),
        ("WWW.ep.com", "http://WWW.ep.com"),
        ("www.ep.com", "HTTP://www.ep.com"),
    ] {
        let what = format!("{host} {origin}");
        let fields = format!("|Host: {host}|Origin: {origin}");
        let answer = site.send_in_vain(request(&format!("POST /{fields}"))).await;
        assert_eq!((answer.status(), answer.reason().as_str()), (403, "CorsOrigin"), "{what}");
        let asked = format!("OPTIONS /{fields}|Access-Control-Request-Method: PUT");
        assert_denied(&site.send_in_vain(request(&asked)).await, "CorsOrigin", &what);
    }
}

#[tokio::test]
async fn rule_02_a_trusted_proxy_says_what_the_client_talked_to() {
    let https = "X-Forwarded-Proto: https";
    let shop = "X-Forwarded-Host: Shop.ep.com";
    let port = "X-Forwarded-Host: www.ep.com:8443";
    let both = "X-Forwarded-Proto: https, http|X-Forwarded-For: 203.0.113.7, 127.0.0.9";
    let forwarded = "Forwarded: proto=https;host=shop.ep.com";
    for (trusted, told, origin, own) in [
        (true, https, "https://www.ep.com", true),
        (true, https, "http://www.ep.com", false),
        (true, "X-Forwarded-Proto: http", "http://www.ep.com", true),
        (true, "X-Forwarded-Proto: wss", "https://www.ep.com", true),
        (true, "X-Forwarded-Proto: ws", "http://www.ep.com", true),
        (true, shop, "http://shop.ep.com", true),
        (true, shop, "http://www.ep.com", false),
        (true, &format!("{https}|{port}"), "https://www.ep.com:8443", true),
        (true, both, "https://www.ep.com", true),
        (true, both, "http://www.ep.com", false),
        (true, forwarded, "https://shop.ep.com", false),
        (false, https, "https://www.ep.com", false),
        (false, https, "http://www.ep.com", true),
        (false, shop, "http://shop.ep.com", false),
        (false, forwarded, "https://shop.ep.com", false),
    ] {
        let door = front_door(if trusted { "trustedProxies: [127.0.0.0/8]" } else { "" })
            .replace("[{name: www.ep.com}]", "[{name: www.ep.com}, {name: shop.ep.com}]");
        let app = "backends: [{service: {name: app, port: 80}}]\n".to_owned()
            + &policy("disallowedOrigin: Reject");
        let manifests = |address: SocketAddr| {
            [door, service("app", "http", &[address]), route("app", &app)].concat()
        };
        let site = Site::over(Backend::saying("ok").await.unwrap(), manifests).await;
        let outcome = site.send(request(&format!("POST /|{told}|Origin: {origin}"))).await;
        assert_eq!(outcome.got.is_some(), own, "{trusted} {told} {origin}");
        assert_eq!(outcome.answer.status(), if own { 200 } else { 403 });
    }
}

/// Browsers send `Origin: null` with the forms of pages whose `Referrer-Policy` is `no-referrer`.
#[tokio::test]
async fn rule_02_a_browser_vouches_for_a_page_that_hides_its_origin() {
    let site = Site::careless(&policy("disallowedOrigin: Reject")).await;
    for (fields, own) in [
        ("Sec-Fetch-Site: same-origin", true),
        ("Sec-Fetch-Site: same-origin|Access-Control-Request-Method: PUT", true),
        ("Sec-Fetch-Site: same-site", false),
        ("Sec-Fetch-Site: cross-site", false),
        ("Sec-Fetch-Site: same-origin|Sec-Fetch-Site: cross-site", false),
        ("X-A: b", false),
    ] {
        for method in ["POST", "OPTIONS"] {
            let text = format!("{method} /|Origin: null|{fields}");
            let outcome = site.send(request(&text)).await;
            assert_eq!(outcome.answer.status(), if own { 200 } else { 403 }, "{text}");
            assert_eq!(outcome.got.is_some(), own, "{text}");
            if let Some(got) = &outcome.got {
                assert_eq!(got.field("origin"), "null", "{text}");
                assert_eq!(cors(&outcome.answer), [""; 0], "{text}");
                assert_eq!(outcome.answer.fields("vary"), ["Origin"], "{text}");
            }
        }
    }
}

#[tokio::test]
async fn rule_03_a_preflight_has_one_origin_and_one_method() {
    let site = Site::careless(&policy("")).await;
    let origin = format!("Origin: {PAGE}");
    let asks = "Access-Control-Request-Method: PUT";
    for (text, granted) in [
        (format!("OPTIONS /|{origin}"), GRANTED),
        (format!("OPTIONS /|{origin}|Access-Control-Request-Headers: x-a"), GRANTED),
        (format!("OPTIONS /|{origin}|{asks}|{asks}"), GRANTED),
        (format!("OPTIONS /|{origin}|{origin}|{asks}"), &[]),
        (format!("OPTIONS /|{asks}"), &[]),
        (format!("GET /|{origin}|{asks}"), GRANTED),
        (format!("POST /|{origin}|{asks}|Access-Control-Request-Headers: x-a"), GRANTED),
        (format!("options /|{origin}|{asks}"), GRANTED),
    ] {
        let answer = site.send_through(request(&text)).await;
        assert_eq!((answer.status(), answer.text().as_str()), (200, "ok"), "{text}");
        assert_eq!(cors(&answer), granted, "{text}");
        assert_eq!(answer.fields("vary"), ["Origin"], "{text}");
    }
    let answer = site.send_in_vain(request(&format!("OPTIONS /|{origin}|{asks}"))).await;
    assert_eq!(answer.status(), 204);
}

#[tokio::test]
async fn rule_04_without_a_policy_nothing_is_touched() {
    let untouched = [
        "allow-credentials: true",
        "allow-methods: *",
        "allow-origin: *",
        "allow-origin: https://other.example",
        "allow-private-network: true",
        "expose-headers: x-secret",
    ];
    let door = policy("disallowedOrigin: Reject");
    let disabled = "cors: {mode: Disabled}";
    for (door, own) in [("", ""), (disabled, ""), (door.as_str(), disabled)] {
        let app = format!("backends: [{{service: {{name: app, port: 80}}}}]\n{own}");
        let manifests = |address: SocketAddr| {
            [front_door(door), service("app", "http", &[address]), route("app", &app)].concat()
        };
        let site = Site::over(Backend::answering(CARELESS).await.unwrap(), manifests).await;
        for request in [
            request("GET /"),
            from("http://www.ep.com", "POST /"),
            from(PAGE, "GET /"),
            from(OTHER, "GET /"),
            from("null", "DELETE /"),
            from(OTHER, "OPTIONS /"),
            preflight(PAGE, "PUT", "/", &["x-a"]),
            preflight(OTHER, "PUT", "/", &["x-a, x-b"]),
        ] {
            let outcome = site.send(&request).await;
            assert_eq!(cors(&outcome.answer), untouched, "{own} {request}");
            assert!(outcome.answer.fields("vary").is_empty(), "{own} {request}");
            assert_eq!(outcome.answer.text(), "ok");
            let got = outcome.got.unwrap();
            let sent = request.split("\r\n").filter(|line| line.contains(':'));
            for (name, value) in sent.filter_map(|line| line.split_once(": ")) {
                assert_eq!(got.field(name), value, "{own} {request}");
            }
        }
    }
}

#[tokio::test]
async fn rule_04_a_routes_own_policy_replaces_the_default_as_a_whole() {
    let door = policy("allowCredentials: true, exposeHeaders: [x-total], maxAge: 9s");
    let own =
        "matches: [{path: /own}]\nrespond: {}\ncors: {allowOrigins: ['https://other.example']}";
    let manifests = [
        front_door(&door),
        route("own", own),
        route("inherits", "matches: [{path: /inherits}]\nrespond: {}"),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    let theirs = ["allow-credentials: true", GRANTED[0], "expose-headers: x-total"];
    for (target, origin, lines) in [
        ("/own", PAGE, &[][..]),
        ("/own", OTHER, &["allow-origin: https://other.example"]),
        ("/inherits", PAGE, &theirs),
        ("/inherits", OTHER, &[]),
    ] {
        let request = from(origin, &format!("GET {target}"));
        let answer = ask(edge.address(), request).await.unwrap();
        assert_eq!(cors(&answer), lines, "{target} {origin}");
    }
    let answer = ask(edge.address(), preflight(OTHER, "PUT", "/own", &[])).await.unwrap();
    let own = ["allow-methods: PUT", "allow-origin: https://other.example", "max-age: 7200"];
    assert_granted(&answer, &own, "own");
}

/// An edge of which each Route shows itself by the age in its answer to a preflight: 1 s where
/// `asks` holds, 2 s where nothing is asked; 9 s is the FrontDoor's.
async fn aged(asks: &str, anything: bool) -> Edge {
    let aged = |name: &str, matches: &str, age: &str| {
        let cors = policy(&format!("maxAge: {age}"));
        route(name, &format!("matches: [{{path: /a{matches}}}]\nrespond: {{body: hi}}\n{cors}"))
    };
    let any = if anything { aged("any", "", "2s") } else { String::new() };
    let manifests = [front_door(&policy("maxAge: 9s")), aged("asks", asks, "1s"), any].concat();
    Edge::start(&manifests).await.unwrap()
}

#[tokio::test]
async fn rule_05_a_preflight_selects_the_route_of_its_request() {
    let tenant = ", headers: [{name: X-Tenant, value: blue}]";
    let untold = ", headers: [{name: x-beta, type: Absent}]";
    let query = ", query: [{name: v, value: '2'}]";
    let cookie = ", cookies: [{name: beta, value: 'on'}]";
    let all = ", methods: [PUT], headers: [{name: x-tenant, type: Regex, value: 'b.*'}], \
        query: [{name: v, type: Present}], cookies: [{name: beta, type: Present}]";
    for (asks, method, target, names, age) in [
        (", methods: [PUT]", "PUT", "/a", "", 1),
        (", methods: [PUT]", "GET", "/a", "", 2),
        (", methods: [PUT]", "put", "/a", "", 2),
        // The question's own method is nobody's.
        (", methods: [OPTIONS]", "PUT", "/a", "", 2),
        (", methods: [OPTIONS]", "OPTIONS", "/a", "", 1),
        (tenant, "PUT", "/a", "x-tenant", 1),
        (tenant, "PUT", "/a", "content-type, X-TENANT", 1),
        (tenant, "PUT", "/a", "x-tenants", 2),
        (tenant, "PUT", "/a", "", 2),
        (untold, "PUT", "/a", "", 1),
        (untold, "PUT", "/a", "x-other", 1),
        (untold, "PUT", "/a", "x-Beta", 2),
        (query, "PUT", "/a?v=2", "", 1),
        (query, "PUT", "/a?v=3", "", 2),
        (query, "PUT", "/a", "", 2),
        (cookie, "PUT", "/a", "", 1),
        (", cookies: [{name: beta, type: Absent}]", "PUT", "/a", "", 1),
        (all, "PUT", "/a?v", "x-tenant", 1),
        (all, "PUT", "/a?v", "", 2),
        (all, "GET", "/a?v", "x-tenant", 2),
        (all, "PUT", "/a", "x-tenant", 2),
        ("", "PUT", "/b", "", 9),
    ] {
        let edge = aged(asks, !asks.is_empty()).await;
        let what = format!("{asks}: {method} {target} {names}");
        let answer = ask(edge.address(), preflight(PAGE, method, target, &[names])).await.unwrap();
        assert_eq!(answer.status(), 204, "{what}");
        assert_eq!(answer.field("access-control-max-age"), age.to_string(), "{what}");
    }
}

#[tokio::test]
async fn rule_05_a_route_of_one_method_answers_for_that_alone() {
    let edge = aged(", methods: [PUT]", false).await;
    for (method, age) in [("PUT", "1"), ("DELETE", "9")] {
        let answer = ask(edge.address(), preflight(PAGE, method, "/a", &[])).await.unwrap();
        let methods = format!("allow-methods: {method}");
        let age = format!("max-age: {age}");
        assert_granted(&answer, &[&methods, GRANTED[0], &age], method);
    }
}

#[tokio::test]
async fn rule_05_the_host_selects_too() {
    let at = |name: &str, age: &str| {
        let cors = policy(&format!("maxAge: {age}"));
        route(name, &format!("hosts: [{name}.ep.com]\nrespond: {{body: hi}}\n{cors}"))
    };
    let hosts = "hosts: [{name: www.ep.com}, {name: api.ep.com}]";
    let door = front_door("").replace("hosts: [{name: www.ep.com}]", hosts);
    let edge = Edge::start(&[door, at("www", "1s"), at("api", "2s")].concat()).await.unwrap();
    for (host, age) in [("www.ep.com", "1"), ("API.ep.com:80", "2")] {
        let asks = format!("|Origin: {PAGE}|Access-Control-Request-Method: PUT");
        let text = format!("OPTIONS /|Host: {host}{asks}");
        let answer = ask(edge.address(), request(&text)).await.unwrap();
        assert_eq!(answer.field("access-control-max-age"), age, "{host}");
    }
}
