//! Whose word about the client and its request is taken: proxies in front that the FrontDoor
//! trusts, in the fields that it trusts them with, and nobody else.

use portico_dataplane::config::{Limits, Underscores};
use portico_tests::{
    backend::{Backend, front_door, one_route, route, service},
    edge::{Edge, Setup},
    wire::{ask, get},
};

/// A FrontDoor for www.ep.com and shop.example that trusts its peers on loopback.
fn behind_a_proxy(backend: &Backend, spec: &str) -> String {
    let door = front_door(&format!("trustedProxies: [127.0.0.0/8]\n{spec}"))
        .replace("[{name: www.ep.com}]", "[{name: www.ep.com}, {name: shop.example}]");
    let app = route("app", "backends: [{service: {name: app, port: 80}}]");
    [door, service("app", "http", &[backend.address()]), app].concat()
}

/// The same for proxies that report the client in `Forwarded`.
fn behind_a_forwarded_proxy(backend: &Backend) -> String {
    behind_a_proxy(backend, "trustedHeaders: Forwarded")
}

#[tokio::test]
async fn the_word_of_an_untrusted_client_is_replaced() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let fields = "X-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2\r\nX-Forwarded-Proto: https\r\n\
        X-Forwarded-Host: evil.example\r\nX-Forwarded-Port: 1\r\nForwarded: for=1.1.1.1;host=evil.example\r\n\
        X-Real-IP: 1.1.1.1\r\nX-Request-Id: mine\r\n";
    ask(edge.address(), get("/", fields)).await.unwrap();
    let got = backend.request().unwrap();
    for (name, value) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "www.ep.com"),
        ("x-forwarded-port", "80"),
        ("forwarded", "for=127.0.0.1;host=\"www.ep.com\";proto=http"),
        ("x-real-ip", "127.0.0.1"),
    ] {
        assert_eq!(got.field(name), value, "{name}");
    }
    assert_eq!(got.field("x-request-id").len(), 32);
}

#[tokio::test]
async fn the_port_that_the_client_named_is_forwarded() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    ask(edge.address(), "GET / HTTP/1.1\r\nHost: WWW.ep.com:8080\r\n\r\n").await.unwrap();
    let got = backend.request().unwrap();
    assert_eq!(got.field("x-forwarded-port"), "8080");
    assert_eq!(got.field("x-forwarded-host"), "WWW.ep.com:8080");
    assert_eq!(got.field("host"), "WWW.ep.com:8080");
}

/// Names by which backends take a client's word for its address, for what it requested, or for how
/// to treat it.
const CLAIMS: [&str; 39] = [
    "Proxy",
    "X-Original-URL",
    "X-Original-URI",
    "X-Original-Host",
    "X-Original-Method",
    "X-Rewrite-URL",
    "X-HTTP-Method-Override",
    "X-HTTP-Method",
    "X-Method-Override",
    "X-Forwarded",
    "X-Forwarded-Prefix",
    "X-Forwarded-Scheme",
    "X-Forwarded-Ssl",
    "X-Forwarded-Server",
    "X-Forwarded-User",
    "X-Forwarded-Client-Cert",
    "X-Forwarded-Anything",
    "X-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "CF-Connecting-IPv6",
    "Fastly-Client-IP",
    "X-Cluster-Client-IP",
    "X-Azure-ClientIP",
    "X-Azure-SocketIP",
    "X-ProxyUser-Ip",
    "Client-IP",
    "WL-Proxy-Client-IP",
    "Proxy-Client-IP",
    "X-Remote-Addr",
    "X-Remote-IP",
    "X-Originating-IP",
    "X-Host",
    "X-Scheme",
    "Front-End-Https",
    "SSL-Client-Verify",
    "X-SSL-Client-Cert",
    "X-Sendfile-Type",
    "X-Envoy-External-Address",
];

#[tokio::test]
async fn what_clients_say_about_themselves_is_passed_on_from_trusted_proxies_only() {
    let backend = Backend::saying("ok").await.unwrap();
    let fields: String = CLAIMS.iter().map(|name| format!("{name}: 6.6.6.6\r\n")).collect();
    let fields = format!(
        "{fields}Client-Cert: :AQ==:\r\nClient-Cert-Chain: :AQ==:\r\nX-Requested-With: page\r\nTraceparent: 00-1-1-00\r\n"
    );
    for (manifests, passes) in
        [(one_route(backend.address(), ""), false), (behind_a_proxy(&backend, ""), true)]
    {
        let edge = Edge::start(&manifests).await.unwrap();
        ask(edge.address(), get("/", &fields)).await.unwrap();
        let got = backend.last().unwrap();
        // No proxy knows of the connection to Portico.
        assert_eq!(got.field("client-cert") + &got.field("client-cert-chain"), "");
        for name in CLAIMS {
            assert_eq!(got.fields(name).len(), usize::from(passes), "{name}: {}", got.head);
        }
        assert_eq!(got.field("x-requested-with"), "page");
        assert_eq!(got.field("traceparent"), "00-1-1-00");
    }
}

#[tokio::test]
async fn a_claim_in_other_punctuation_is_removed_whoever_sends_it() {
    let backend = Backend::saying("ok").await.unwrap();
    let fields = "X.Forwarded.For: 6.6.6.6\r\nX.Real.IP: 6.6.6.6\r\nX-Forwarded~Proto: 6.6.6.6\r\n\
        Content.Length: 6.6.6.6\r\nRemote!User: 6.6.6.6\r\nx.own: stays\r\n";
    for underscores in [Underscores::Remove, Underscores::Allow] {
        for manifests in [one_route(backend.address(), ""), behind_a_proxy(&backend, "")] {
            let limits = Limits { underscores, ..Limits::default() };
            let edge = Edge::start_with(Setup { limits, ..Setup::default() }, &manifests);
            let edge = edge.await.unwrap();
            assert_eq!(ask(edge.address(), get("/", fields)).await.unwrap().status(), 200);
            let got = backend.last().unwrap();
            assert!(!got.head.contains("6.6.6.6"), "{}", got.head);
            assert_eq!(got.field("x.own"), "stays");
        }
    }
}

#[tokio::test]
async fn names_with_underscores_are_removed_whoever_sends_them() {
    let backend = Backend::saying("ok").await.unwrap();
    let names = [
        "X_Forwarded_For",
        "x_forwarded_proto",
        "X_FORWARDED_HOST",
        "x_forwarded_port",
        "x_real_ip",
        "x_request_id",
        "x-forwarded_for",
        "x_forwarded-for",
        "x-real_ip",
    ];
    let fields: String = names.iter().map(|name| format!("{name}: 6.6.6.6\r\n")).collect();
    for manifests in [one_route(backend.address(), ""), behind_a_proxy(&backend, "")] {
        let edge = Edge::start(&manifests).await.unwrap();
        let fields = format!("{fields}x_own: 6.6.6.6\r\nx-own: stays\r\n");
        ask(edge.address(), get("/", &fields)).await.unwrap();
        let got = backend.last().unwrap();
        assert!(!got.head.contains("6.6.6.6"), "{}", got.head);
        assert_eq!(got.field("x-own"), "stays");
    }
}

const KEY: &str =
    "requestHeaders: {set: [{name: x-api-key, value: edge}, {name: x_mixed-name, value: edge}]}";

/// Backends that turn names into variables (CGI, WSGI) can't tell `-` from `_`.
#[tokio::test]
async fn nothing_stands_beside_an_edited_name_that_a_backend_may_take_for_it() {
    let backend = Backend::saying("ok").await.unwrap();
    let fields = "x_api_key: mine\r\nX-API_Key: mine\r\nX_API-KEY: mine\r\nX-Api-Key: mine\r\n\
        X-Mixed-Name: mine\r\nX_Mixed_Name: mine\r\nX_Mixed-Name: mine\r\n\
        Transfer_Encoding: mine\r\nX_Forwarded_Prefix: mine\r\nx_own: stays\r\n";
    for (underscores, own) in [(Underscores::Remove, ""), (Underscores::Allow, "stays")] {
        let limits = Limits { underscores, ..Limits::default() };
        let manifests = one_route(backend.address(), KEY);
        let edge =
            Edge::start_with(Setup { limits, ..Setup::default() }, &manifests).await.unwrap();
        assert_eq!(ask(edge.address(), get("/", fields)).await.unwrap().status(), 200);
        let got = backend.last().unwrap();
        assert!(!got.head.contains("mine"), "{}", got.head);
        assert_eq!(got.field("x-api-key"), "edge");
        assert_eq!(got.field("x_mixed-name"), "edge");
        assert_eq!(got.field("x_own"), own, "{underscores:?}");
    }
}

#[tokio::test]
async fn the_word_of_a_trusted_proxy_is_taken() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&behind_a_proxy(&backend, "")).await.unwrap();
    let fields = "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n\
        X-Forwarded-Port: 8443\r\nForwarded: for=6.6.6.6;proto=http;host=evil.example\r\nX-Request-Id: abc-123\r\n";
    let answer = ask(edge.address(), get("/", fields)).await.unwrap();
    assert_eq!(answer.field("x-request-id"), "abc-123");
    let got = backend.request().unwrap();
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.7, 127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "shop.example"),
        ("x-forwarded-port", "8443"),
        ("forwarded", "for=203.0.113.7, for=127.0.0.1;host=\"shop.example\";proto=https"),
        ("x-real-ip", "203.0.113.7"),
        ("x-request-id", "abc-123"),
        ("host", "www.ep.com"),
    ] {
        assert_eq!(got.field(name), value, "{name}");
    }
}

#[tokio::test]
async fn the_client_is_the_nearest_that_is_no_trusted_proxy() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&behind_a_proxy(&backend, "")).await.unwrap();
    for (fields, client) in [
        ("", "127.0.0.1"),
        ("X-Forwarded-For: 6.6.6.6, 203.0.113.7, 127.0.0.9\r\n", "203.0.113.7"),
        ("X-Forwarded-For: 6.6.6.6, 203.0.113.7\r\nX-Forwarded-For: 127.0.0.9\r\n", "203.0.113.7"),
        ("X-Forwarded-For: 203.0.113.7, unknown, 127.0.0.9\r\n", "127.0.0.9"),
        ("X-Forwarded-For: [2001:db8::1]:4711\r\n", "2001:db8::1"),
        ("X-Forwarded-For: nonsense\r\n", "127.0.0.1"),
        ("X-Real-IP: 203.0.113.8\r\n", "203.0.113.8"),
        ("X-Real-IP: 203.0.113.8\r\nForwarded: for=6.6.6.6\r\n", "203.0.113.8"),
    ] {
        ask(edge.address(), get("/", fields)).await.unwrap();
        assert_eq!(backend.last().unwrap().field("x-real-ip"), client, "{fields}");
    }
    let edge = Edge::start(&behind_a_forwarded_proxy(&backend)).await.unwrap();
    for (fields, client) in [
        ("X-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n", "127.0.0.1"),
        ("Forwarded: for=203.0.113.9\r\n", "203.0.113.9"),
        ("Forwarded: for=6.6.6.6, For=\"[2001:db8::2]:80\"\r\n", "2001:db8::2"),
        ("Forwarded: for=203.0.113.9, for=127.0.0.9;by=x\r\n", "203.0.113.9"),
        ("Forwarded: for=203.0.113.9, for=_hidden\r\n", "127.0.0.1"),
    ] {
        ask(edge.address(), get("/", fields)).await.unwrap();
        assert_eq!(backend.last().unwrap().field("x-real-ip"), client, "{fields}");
    }
}

/// The scheme, host and port that the backend is told of a request with these fields.
async fn told(edge: &Edge, backend: &Backend, fields: &str) -> [String; 3] {
    ask(edge.address(), get("/", fields)).await.unwrap();
    let got = backend.last().unwrap();
    ["x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"].map(|name| got.field(name))
}

#[tokio::test]
async fn forwarded_tells_scheme_and_host_to_those_who_trust_it() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&behind_a_forwarded_proxy(&backend)).await.unwrap();
    for (fields, proto, host, port) in [
        ("Forwarded: proto=https;host=shop.example\r\n", "https", "shop.example", "443"),
        (
            "Forwarded: PROTO=HTTPS ; Host=\"shop.example:8443\"\r\n",
            "https",
            "shop.example:8443",
            "8443",
        ),
        ("Forwarded: proto=https, proto=http\r\n", "http", "www.ep.com", "80"),
        ("Forwarded: proto=\"https\r\n", "http", "www.ep.com", "80"),
        (
            "Forwarded: proto=http\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n",
            "http",
            "www.ep.com",
            "80",
        ),
        (
            "Forwarded: for=203.0.113.9;proto=https;host=shop.example, for=127.0.0.9;proto=http;host=in.example\r\n",
            "https",
            "shop.example",
            "443",
        ),
    ] {
        let told = told(&edge, &backend, fields).await;
        assert_eq!(told, [proto, host, port], "{fields}");
    }
}

#[tokio::test]
async fn both_families_tell_backends_the_same() {
    let backend = Backend::saying("ok").await.unwrap();
    for (manifests, fields, forwarded) in [
        (
            behind_a_proxy(&backend, ""),
            "X-Forwarded-For: 2001:db8::1\r\nX-Forwarded-Proto: https\r\nForwarded: for=6.6.6.6\r\n",
            "for=\"[2001:db8::1]\", for=127.0.0.1;host=\"www.ep.com\";proto=https",
        ),
        (
            behind_a_forwarded_proxy(&backend),
            "Forwarded: for=\"[2001:db8::1]\";proto=https\r\nX-Forwarded-For: 6.6.6.6\r\n\
             X-Forwarded-Prefix: /evil\r\n",
            "for=\"[2001:db8::1]\";proto=https, for=127.0.0.1;host=\"www.ep.com\";proto=https",
        ),
    ] {
        let edge = Edge::start(&manifests).await.unwrap();
        ask(edge.address(), get("/", fields)).await.unwrap();
        let got = backend.last().unwrap();
        assert_eq!(got.field("forwarded"), forwarded, "{fields}");
        assert_eq!(got.field("x-forwarded-for"), "2001:db8::1, 127.0.0.1", "{fields}");
        assert_eq!(got.field("x-real-ip"), "2001:db8::1", "{fields}");
        assert_eq!(got.field("x-forwarded-proto"), "https", "{fields}");
        assert!(!got.head.contains("6.6.6.6") && !got.head.contains("evil"), "{}", got.head);
    }
}

/// `https` from the browser to the outer proxy, `http` to the inner one.
#[tokio::test]
async fn behind_two_proxies_the_outer_one_tells_what_the_browser_used() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&behind_a_proxy(&backend, "")).await.unwrap();
    for (fields, proto, host, port) in [
        (
            "X-Forwarded-For: 203.0.113.7, 127.0.0.9\r\nX-Forwarded-Proto: https, http\r\n\
             X-Forwarded-Host: shop.example, www.ep.com\r\nX-Forwarded-Port: 443, 8080\r\n",
            "https",
            "shop.example",
            "443",
        ),
        // There is only one proxy: what comes before its elements is the client's own.
        (
            "X-Forwarded-For: 6.6.6.6, 203.0.113.7\r\nX-Forwarded-Proto: https, http\r\n\
             X-Forwarded-Host: evil.example, www.ep.com\r\nX-Forwarded-Port: 1, 8080\r\n",
            "http",
            "www.ep.com",
            "8080",
        ),
    ] {
        let told = told(&edge, &backend, fields).await;
        assert_eq!(told, [proto, host, port], "{fields}");
    }
}

/// Many proxies set `X-Forwarded-For` and `-Proto` only, and pass on a client's `-Host`.
#[tokio::test]
async fn a_forwarded_host_is_one_of_the_front_doors() {
    let backend = Backend::saying("ok").await.unwrap();
    let other = front_door("").replace("name: ep,", "name: other,").replace("www.ep", "other.ep");
    let plain = behind_a_proxy(&backend, "") + &other;
    let forwarded = behind_a_forwarded_proxy(&backend) + &other;
    for (manifests, field, prefix) in
        [(plain, "X-Forwarded-Host", ""), (forwarded, "Forwarded", "host=")]
    {
        let edge = Edge::start(&manifests).await.unwrap();
        for (host, status) in [
            ("shop.example", 200),
            ("SHOP.example.:8443", 200),
            ("www.ep.com", 200),
            ("evil.example", 400),
            ("other.ep.com", 400),
            ("x.shop.example", 400),
            ("\"shop.example/evil\"", 400),
            ("\"a b\"", 400),
        ] {
            let line = format!("{field}: {prefix}{host}\r\n");
            let answer = ask(edge.address(), get("/", &line)).await.unwrap();
            assert_eq!(answer.status(), status, "{line}");
            if status == 400 {
                assert_eq!(answer.reason(), "InvalidForwardedHost", "{line}");
                assert!(!answer.closes(), "the proxy's other requests go on");
            }
        }
    }
}

#[tokio::test]
async fn trace_is_refused_whatever_host_or_route() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), KEY)).await.unwrap();
    for method in ["TRACE", "TRACK", "Trace", "track"] {
        for (host, target) in
            [("www.ep.com", "/"), ("nobody.example", "/a"), ("www.ep.com", "/%zz")]
        {
            let request = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            let answer = ask(edge.address(), request).await.unwrap();
            assert_eq!(answer.status(), 405, "{method} {host}{target}");
            assert_eq!(answer.reason(), "MethodNotAllowed", "{method} {host}{target}");
            let allow = answer.field("allow");
            assert!(allow.contains("GET") && !allow.contains("TRACE"), "{allow}");
        }
    }
    assert!(backend.requests().is_empty());
}

#[tokio::test]
async fn an_id_that_is_none_is_not_taken_over() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&behind_a_proxy(&backend, "")).await.unwrap();
    for bad in ["a b", "a\"b", "a\\b", "", &"x".repeat(129)] {
        let answer = ask(edge.address(), get("/", &format!("X-Request-Id: {bad}\r\n"))).await;
        let id = answer.unwrap().field("x-request-id");
        assert_eq!(id.len(), 32, "{bad}");
        assert_eq!(backend.last().unwrap().field("x-request-id"), id);
    }
}
