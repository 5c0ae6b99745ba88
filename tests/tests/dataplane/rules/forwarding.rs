//! Rules that say where a request goes, and how.

use super::*;
use std::time::Duration;

#[tokio::test]
async fn of_several_rules_the_last_decides_block_by_block() {
    let to = |name: &str, when: &str, what: &str| {
        format!(
            "- {{name: {name}, when: [{{query: {{name: {when}, type: Present}}}}], do: {{{what}}}}}\n"
        )
    };
    let app = "backends: [{service: {name: app, port: 80}}]";
    let other = "backends: [{service: {name: other, port: 80}}]";
    let stage = Stage::open(
        "",
        &format!(
            "matches: [{{path: /v/*}}]\nrewrite: {{path: /own/*, host: own.example}}\nrules:\n{}{}{}{}{}",
            to("a", "a", other),
            to("b", "b", app),
            to("c", "c", "rewrite: {path: /c/*, host: c.example}"),
            to("d", "d", "rewrite: {path: /d/*}"),
            to("e", "e", "rewrite: {host: Backend}"),
        ),
    )
    .await;
    for (query, is_app, target, host) in [
        ("", true, "/own/x", "own.example"),
        ("a", false, "/own/x?a", "own.example"),
        ("a&b", true, "/own/x?a&b", "own.example"),
        ("b&a", true, "/own/x?b&a", "own.example"),
        ("a&c", false, "/c/x?a&c", "c.example"),
        // A block replaces the whole one before it.
        ("c&d", true, "/d/x?c&d", "www.ep.com"),
        ("a&d&e", false, "/v/x?a&d&e", "other.web.svc"),
    ] {
        let question = if query.is_empty() { "" } else { "?" };
        let answer = stage.get(&format!("/v/x{question}{query}"), "").await;
        assert_eq!(answer.status(), 200, "{query}");
        let got = if is_app { stage.app.last() } else { stage.other.last() };
        let got = got.unwrap();
        assert_eq!((got.target(), &*got.field("host")), (target, host), "{query}");
    }
    assert_eq!((stage.app.requests().len(), stage.other.requests().len()), (4, 3));
}

#[tokio::test]
async fn responses_are_mapped_back_by_the_rewrite_that_was_used() {
    let backend = Backend::scripted(|request| {
        let location = format!("http://{}{}/next", request.field("host"), request.target());
        Reply::raw(format!(
            "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nLocation: {location}\r\nSet-Cookie: a=1; Path={}\r\n\r\n",
            request.target()
        ))
    });
    let backend = backend.await.unwrap();
    let spec = "backends: [{service: {name: app, port: 80}}]\nmatches: [{path: /shop/*}]\nrewrite: {path: /v1/*}\nrules:\n- name: tenant\n  when: [{header: {name: x-tenant, type: Present}}]\n  do: {rewrite: {path: '/t/{header.x-tenant}/v2/*', host: Backend}}";
    let manifests =
        [front_door(""), service("app", "http", &[backend.address()]), route("app", spec)];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    for (lines, target) in [("", "/v1/a"), ("X-Tenant: a/b c\r\n", "/t/a%2Fb%20c/v2/a")] {
        let answer = ask(edge.address(), get("/shop/a", lines)).await.unwrap();
        assert_eq!(backend.last().unwrap().target(), target);
        assert_eq!(answer.field("location"), "http://www.ep.com/shop/a/next", "{lines}");
        assert_eq!(answer.field("set-cookie"), "a=1; Path=/shop/a", "{lines}");
    }
}

#[tokio::test]
async fn timeouts_and_retries_are_those_of_the_rule() {
    let silent = Backend::scripted(|_| Reply::raw("")).await.unwrap();
    let failing = Backend::scripted(|_| {
        Reply::raw("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
    });
    let failing = failing.await.unwrap();
    let spec = "backends: [{service: {name: silent, port: 80}}]\nrules:\n- {name: quick, when: [{path: /quick}], do: {timeouts: {request: 100ms}}}\n- name: again\n  when: [{path: /again}]\n  do:\n    backends: [{service: {name: failing, port: 80}}]\n    retry: {attempts: 2, backoff: 0s, \"on\": [\"503\"]}\n- {name: once, when: [{path: /once}], do: {backends: [{service: {name: failing, port: 80}}]}}";
    let manifests = [
        front_door(""),
        service("silent", "http", &[silent.address()]),
        service("failing", "http", &[failing.address()]),
        route("app", spec),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    let quick = ask(edge.address(), get("/quick", "")).await.unwrap();
    assert_eq!((quick.status(), &*quick.reason()), (504, "BackendTimeout"));
    let slow = ask(edge.address(), get("/slow", ""));
    assert!(tokio::time::timeout(Duration::from_millis(400), slow).await.is_err());
    for (target, tries) in [("/once", 1), ("/again", 3)] {
        let before = failing.requests().len();
        assert_eq!(ask(edge.address(), get(target, "")).await.unwrap().status(), 503);
        assert_eq!(failing.requests().len() - before, tries, "{target}");
    }
}

#[tokio::test]
async fn the_backends_of_rules_are_balanced_and_known_like_others() {
    let beta = [Backend::saying("b").await.unwrap(), Backend::saying("b").await.unwrap()];
    let addresses = beta.each_ref().map(Backend::address);
    let app = Backend::saying("a").await.unwrap();
    let spec = "backends: [{service: {name: app, port: 80}}]\nbalance: {policy: RoundRobin}\naffinity: {cookie: home}\nrules:\n- {name: beta, when: [{header: {name: x-beta, type: Present}}], do: {backends: [{service: {name: beta, port: 80}}]}}";
    let manifests = [
        front_door(""),
        service("app", "http", &[app.address()]),
        service("beta", "http", &addresses),
        route("app", spec),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    let mut homes = Vec::new();
    for _ in 0..10 {
        // Alternating, which must not keep either from its turns.
        assert_eq!(ask(edge.address(), get("/", "")).await.unwrap().text(), "a");
        let answer = ask(edge.address(), get("/", "X-Beta: 1\r\n")).await.unwrap();
        assert_eq!(answer.text(), "b");
        homes.push(answer.field("set-cookie").split(';').next().unwrap().to_owned());
    }
    assert_eq!(beta.each_ref().map(|backend| backend.requests().len()), [5, 5]);
    // A session stays with its endpoint.
    for _ in 0..4 {
        let lines = format!("X-Beta: 1\r\nCookie: {}\r\n", homes[0]);
        ask(edge.address(), get("/", &lines)).await.unwrap();
    }
    let counts = beta.each_ref().map(|backend| backend.requests().len());
    assert!(counts == [9, 5] || counts == [5, 9], "{counts:?}");
}

#[tokio::test]
async fn a_destination_goes_where_a_request_for_it_would() {
    let stage = Stage::open(
        "rules:\n- {name: closed, when: [{path: /dav/closed/*}], do: {respond: {status: 403}}}",
        "matches: [{path: /dav/*}]\nrules:\n- {name: new, when: [{path: /dav/new/*}], do: {rewrite: {path: /v2/*}}}\n- {name: other, when: [{path: /dav/other/*}], do: {backends: [{service: {name: other, port: 80}}]}}\n- {name: fixed, when: [{path: /dav/fixed}], do: {respond: {status: 403}}}",
    )
    .await;
    for (destination, expected) in [
        ("/dav/a", Some("/dav/a")),
        ("/dav/new/a", Some("/v2/new/a")),
        ("/dav/other/a", None),
        ("/dav/fixed", None),
        ("/dav/closed/a", None),
    ] {
        let request = format!(
            "MOVE /dav/x HTTP/1.1\r\nHost: www.ep.com\r\nDestination: {destination}\r\n\r\n"
        );
        let answer = ask(stage.edge.address(), request).await.unwrap();
        match expected {
            Some(expected) => {
                assert_eq!(answer.status(), 200, "{destination}: {}", answer.text());
                assert_eq!(stage.app.last().unwrap().field("destination"), expected);
            }
            None => assert_eq!(&*answer.reason(), "ForeignDestination", "{destination}"),
        }
    }
}
