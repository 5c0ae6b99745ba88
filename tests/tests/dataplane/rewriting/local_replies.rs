//! Redirects and fixed responses, which no backend is asked for.

use portico_tests::{
    backend::{front_door, route},
    edge::Edge,
    wire::{ask, get, post},
};

#[tokio::test]
async fn redirects_lead_where_they_say() {
    for (spec, host, target, location) in [
        ("redirect: {scheme: https}", "www.ep.com", "/a?b=c", "https://www.ep.com/a?b=c"),
        ("redirect: {scheme: https}", "www.ep.com:80", "/a", "https://www.ep.com/a"),
        ("redirect: {scheme: https}", "www.ep.com:8080", "/a", "https://www.ep.com/a"),
        ("redirect: {scheme: http}", "www.ep.com:8080", "/a", "http://www.ep.com/a"),
        ("redirect: {scheme: https, port: 443}", "www.ep.com:8080", "/a", "https://www.ep.com/a"),
        ("redirect: {scheme: https, port: 8443}", "www.ep.com", "/a", "https://www.ep.com:8443/a"),
        ("redirect: {scheme: https, port: 443}", "www.ep.com", "/a", "https://www.ep.com/a"),
        ("redirect: {host: new.example}", "www.ep.com:8080", "/a?", "http://new.example/a?"),
        (
            "redirect: {host: new.example, port: 81}",
            "www.ep.com:8080",
            "/a",
            "http://new.example:81/a",
        ),
        (
            "redirect: {scheme: https, path: /new}",
            "www.ep.com:8080",
            "/a",
            "https://www.ep.com/new",
        ),
        ("redirect: {host: new.example}", "www.ep.com", "/a", "http://new.example/a"),
        ("redirect: {path: /new}", "www.ep.com:8080", "/a", "http://www.ep.com:8080/new"),
        ("redirect: {path: /new}", "www.ep.com:80", "/a", "http://www.ep.com/new"),
        ("redirect: {port: 81}", "www.ep.com", "/a", "http://www.ep.com:81/a"),
        (
            "matches: [{path: '/u/{id}/*'}]\nredirect: {path: '/users/{id}/*'}",
            "www.ep.com",
            "/u/%7E5/x/../y/?q=/../%zz",
            "http://www.ep.com/users/~5/y/?q=/../%zz",
        ),
        (
            "matches: [{path: /old/*}]\nredirect: {path: /*}",
            "www.ep.com",
            "/old",
            "http://www.ep.com/",
        ),
        ("redirect: {path: /}", "www.ep.com", "//evil.example/", "http://www.ep.com/"),
        (
            "redirect: {scheme: https}",
            "www.ep.com",
            "//evil.example/",
            "https://www.ep.com//evil.example/",
        ),
    ] {
        let manifests = front_door("") + &route("to", spec);
        let edge = Edge::start(&manifests).await.unwrap();
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = ask(edge.address(), request).await.unwrap();
        assert_eq!(
            (answer.status(), answer.field("location")),
            (302, location.into()),
            "{spec} {target}"
        );
        assert!(answer.body.is_empty() && answer.complete);
    }
}

#[tokio::test]
async fn redirects_have_the_status_that_they_name() {
    for status in [301, 302, 303, 307, 308] {
        let to = route("to", &format!("redirect: {{path: /b, status: {status}}}"));
        let edge = Edge::start(&(front_door("") + &to)).await.unwrap();
        assert_eq!(ask(edge.address(), post("/a", "", "x")).await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn a_redirect_keeps_the_scheme_that_a_trusted_proxy_tells() {
    let manifests =
        front_door("trustedProxies: [127.0.0.0/8]") + &route("to", "redirect: {path: /b}");
    let edge = Edge::start(&manifests).await.unwrap();
    let answer = ask(edge.address(), get("/a", "X-Forwarded-Proto: https\r\n")).await.unwrap();
    assert_eq!(answer.field("location"), "https://www.ep.com/b");
}

#[tokio::test]
async fn fixed_answers_are_given_to_head_without_their_body() {
    let fixed = "respond: {status: 503, headers: [{name: retry-after, value: '60'}, {name: set-cookie, value: a=1}, {name: set-cookie, value: b=2}], body: \"Back soon.\\n\"}";
    let edge = Edge::start(&(front_door("") + &route("fixed", fixed))).await.unwrap();
    for (method, body) in [("GET", "Back soon.\n"), ("HEAD", ""), ("DELETE", "Back soon.\n")] {
        let request =
            format!("{method} /x HTTP/1.1\r\nHost: www.ep.com\r\nConnection: close\r\n\r\n");
        let answer = ask(edge.address(), &request).await.unwrap();
        assert_eq!((answer.status(), answer.text().as_str()), (503, body), "{method}");
        assert_eq!(answer.field("retry-after"), "60");
        assert_eq!(answer.fields("set-cookie"), ["a=1", "b=2"]);
        assert_eq!(answer.field("content-length"), "11", "{method}: {}", answer.head);
        assert!(edge.raw(&request).await.unwrap().ends_with(&format!("\r\n\r\n{body}")));
    }
}
