//! What the backend gets as Host, Origin and Referer, and as the path.

use portico_tests::{
    backend::{Backend, Reply, front_door, one_route, route, service},
    edge::{Edge, Setup},
    wire::{Message, ask, get, post},
};

#[tokio::test]
async fn host_is_the_clients_the_backends_or_a_name() {
    let backend = Backend::saying("ok").await.unwrap();
    let external = format!("http://{}", backend.address());
    let to_service = "backends: [{service: {name: app, port: 80}}]\n";
    let to_external = format!("backends: [{{external: {{url: '{external}'}}}}]\n");
    let cases = [
        (to_service, "", "WWW.ep.com:81".to_owned()),
        (to_service, "rewrite: {host: Preserve}", "WWW.ep.com:81".into()),
        (to_service, "rewrite: {host: Backend}", "app.web.svc".into()),
        (to_service, "rewrite: {host: a.example}", "a.example".into()),
        (&to_external, "", backend.address().to_string()),
        (&to_external, "rewrite: {host: Preserve}", "WWW.ep.com:81".into()),
        (&to_external, "rewrite: {host: 'a.example:90'}", "a.example:90".into()),
    ];
    for (backends, rewrite, host) in cases {
        let app = route("app", &format!("{backends}{rewrite}"));
        let manifests = [front_door(""), service("app", "http", &[backend.address()]), app];
        let setup = Setup { allow_external: vec!["127.0.0.0/8"], ..Setup::default() };
        let edge = Edge::start_with(setup, &manifests.concat()).await.unwrap();
        ask(edge.address(), "GET / HTTP/1.1\r\nHost: WWW.ep.com:81\r\n\r\n").await.unwrap();
        assert_eq!(backend.last().unwrap().fields("host"), [host], "{backends}{rewrite}");
    }
}

#[tokio::test]
async fn an_absolute_target_names_the_host() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let request = "GET http://www.ep.com/a?b HTTP/1.1\r\nHost: other.example\r\n\r\n";
    assert_eq!(ask(edge.address(), request).await.unwrap().status(), 200);
    let got = backend.request().unwrap();
    assert_eq!(got.target(), "/a?b");
    assert_eq!(got.fields("host"), ["www.ep.com"]);
    assert_eq!(got.fields("x-forwarded-host"), ["www.ep.com"]);
}

/// What the backend gets as `Origin` and `Referer`.
async fn told(backend: &Backend, edge: &Edge, fields: &str) -> (String, String) {
    ask(edge.address(), post("/", fields, "x")).await.unwrap();
    let got = backend.last().unwrap();
    (got.field("origin"), got.field("referer"))
}

#[tokio::test]
async fn the_own_origin_becomes_the_backends_where_host_does() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = one_route(backend.address(), "rewrite: {host: 'api.example:8000'}");
    let edge = Edge::start(&edge).await.unwrap();
    let theirs = "http://api.example:8000";
    for (own, became) in [
        ("http://www.ep.com", theirs),
        ("http://www.ep.com:80", "http://www.ep.com:80"),
        ("https://www.ep.com", "https://www.ep.com"),
        ("http://www.ep.com:81", "http://www.ep.com:81"),
        ("http://ep.com", "http://ep.com"),
        ("http://www.ep.com.evil.example", "http://www.ep.com.evil.example"),
        ("null", "null"),
    ] {
        for rest in ["", "/", "/a?b=http://www.ep.com/", "?q"] {
            let fields = format!("Origin: {own}\r\nReferer: {own}{rest}\r\n");
            let told = told(&backend, &edge, &fields).await;
            assert_eq!(told, (became.to_owned(), format!("{became}{rest}")), "{fields}");
        }
    }
}

#[tokio::test]
async fn the_own_origin_stays_where_host_does() {
    let backend = Backend::saying("ok").await.unwrap();
    let edge = Edge::start(&one_route(backend.address(), "")).await.unwrap();
    let fields = "Origin: http://www.ep.com\r\nReferer: http://www.ep.com/a\r\n";
    let told = told(&backend, &edge, fields).await;
    assert_eq!(told, ("http://www.ep.com".into(), "http://www.ep.com/a".into()));
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_own_origin_is_what_the_browser_saw() {
    let backend = Backend::saying("ok").await.unwrap();
    let manifests = [
        front_door("trustedProxies: [127.0.0.0/8]")
            .replace("[{name: www.ep.com}]", "[{name: www.ep.com}, {name: a.example}]"),
        service("app", "http", &[backend.address()]),
        route("app", "backends: [{service: {name: app, port: 80}}]\nrewrite: {host: Backend}"),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    let theirs = "http://app.web.svc";
    for (proxy, origin, became) in [
        ("X-Forwarded-Proto: https\r\n", "https://www.ep.com", theirs),
        ("X-Forwarded-Proto: https\r\n", "http://www.ep.com", "http://www.ep.com"),
        (
            "X-Forwarded-Proto: https\r\nX-Forwarded-Host: a.example\r\n",
            "https://a.example",
            theirs,
        ),
        ("", "https://www.ep.com", "https://www.ep.com"),
    ] {
        let told = told(&backend, &edge, &format!("{proxy}Origin: {origin}\r\n")).await;
        assert_eq!(told.0, became, "{proxy}{origin}");
    }
}

/// Many frameworks refuse a POST whose Origin is not the Host that they got.
#[tokio::test]
async fn a_backend_that_compares_origin_with_host_takes_a_same_origin_post() {
    let compare = |request: &Message| match request.field("origin").split_once("://") {
        Some((_, origin)) if origin == request.field("host") => Reply::ok("same"),
        _ => Reply::raw("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"),
    };
    let backend = Backend::scripted(compare).await.unwrap();
    for rewrite in ["", "rewrite: {host: Backend}", "rewrite: {host: a.example}"] {
        let edge = Edge::start(&one_route(backend.address(), rewrite)).await.unwrap();
        let same = ask(edge.address(), post("/", "Origin: http://www.ep.com\r\n", "x")).await;
        assert_eq!(same.unwrap().status(), 200, "{rewrite}");
        let cross = ask(edge.address(), post("/", "Origin: http://evil.example\r\n", "x")).await;
        assert_eq!(cross.unwrap().status(), 403, "{rewrite}");
    }
}

#[tokio::test]
async fn a_webdav_destination_becomes_the_backends() {
    let backend = Backend::saying("ok").await.unwrap();
    let spec = "matches: [{path: /dav/*}]\nrewrite: {path: /store/*, host: Backend}";
    let edge = Edge::start(&one_route(backend.address(), spec)).await.unwrap();
    let request = |destination: &str| {
        let fields =
            format!("Destination: {destination}\r\nIf: <{destination}> (<urn:uuid:1>)\r\n");
        get("/dav/a", &fields).replacen("GET", "MOVE", 1)
    };
    for (destination, became) in [
        ("http://www.ep.com/dav/b", "http://app.web.svc/store/b"),
        ("https://www.ep.com:443/dav/b", "http://app.web.svc/store/b"),
        ("/dav/b", "/store/b"),
        ("/dav/\u{e9}", "/store/%C3%A9"),
    ] {
        assert_eq!(ask(edge.address(), request(destination)).await.unwrap().status(), 200);
        let got = backend.last().unwrap();
        assert_eq!(got.field("destination"), became);
        assert_eq!(got.field("if"), format!("<{became}> (<urn:uuid:1>)"));
    }
    let sent = backend.requests().len();
    for (destination, refused) in [
        ("/dav/..;/..;/x", (400, "InvalidPath")),
        ("../../x", (400, "InvalidDestination")),
        ("/other", (502, "ForeignDestination")),
        ("http://app.web.svc/store/b", (502, "ForeignDestination")),
        ("http://other.example/dav/b", (502, "ForeignDestination")),
    ] {
        let answer = ask(edge.address(), request(destination)).await.unwrap();
        assert_eq!((answer.status(), answer.reason().as_str()), refused, "{destination}");
    }
    assert_eq!(backend.requests().len(), sent);
}

#[tokio::test]
async fn the_backend_gets_the_rewritten_path_and_the_query_byte_for_byte() {
    let backend = Backend::saying("ok").await.unwrap();
    for (path, rewrite, target, got) in [
        ("/*", "", "/a/./b/%7e%2f?x=%zz&y=/../", "/a/b/~%2F?x=%zz&y=/../"),
        ("/*", "", "/a//b/", "/a//b/"),
        ("/*", "", "/?", "/?"),
        ("/*", "", "/a?b?c", "/a?b?c"),
        ("/api/user/*", "/users/*", "/api/user", "/users"),
        ("/api/user/*", "/users/*", "/api/user/", "/users/"),
        ("/api/user/*", "/users/*", "/api/user/5?q=1", "/users/5?q=1"),
        ("/strip/*", "/*", "/strip?q", "/?q"),
        ("/strip/*", "/*", "/strip//a", "//a"),
        ("/{a}/x/{b}", "/{b}/{a}", "/1/x/%20", "/%20/1"),
    ] {
        let mut spec = format!("matches: [{{path: '{path}'}}]\n");
        if !rewrite.is_empty() {
            spec += &format!("rewrite: {{path: '{rewrite}'}}\n");
        }
        let edge = Edge::start(&one_route(backend.address(), &spec)).await.unwrap();
        assert_eq!(ask(edge.address(), get(target, "")).await.unwrap().status(), 200, "{target}");
        assert_eq!(backend.last().unwrap().target(), got, "{path} → {rewrite}: {target}");
    }
}
