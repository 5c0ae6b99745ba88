//! What a Route changes of requests and answers: Host and Origin, paths, headers, redirects, fixed
//! answers, and the way back.

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
        front_door("trustedProxies: [127.0.0.0/8]"),
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

const EDITS: &str = "\
requestHeaders:
  remove: [x-gone, x-both, authorization]
  set:
  - {name: x-key, valueFrom: {secretKeyRef: {name: key, key: token}}}
  - {name: x-both, value: set}
  - {name: x-forwarded-proto, value: gopher}
  add: [{name: x-both, value: added}, {name: x-many, value: '3'}]
responseHeaders:
  remove: [server, x-powered-by]
  set: [{name: x-both, value: set}]
  add: [{name: x-both, value: added}, {name: set-cookie, value: edge=1}]";

const SECRET: &str = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: web}\nstringData: {token: s3cr3t}\n";

#[tokio::test]
async fn edits_run_remove_set_add() {
    let backend = Backend::answering(
        "HTTP/1.1 200 OK\r\nServer: x\r\nX-Powered-By: a\r\nX-Powered-By: b\r\nX-Both: theirs\r\nSet-Cookie: a=1\r\nContent-Length: 0\r\n\r\n",
    )
    .await
    .unwrap();
    let manifests = one_route(backend.address(), EDITS) + SECRET;
    let edge = Edge::start(&manifests).await.unwrap();
    let fields = "X-Gone: 1\r\nx-gone: 2\r\nX-Both: mine\r\nX-Many: 1\r\nX-Many: 2\r\nX-Key: mine\r\nAuthorization: Basic eA==\r\n";
    let answer = ask(edge.address(), get("/", fields)).await.unwrap();
    let got = backend.request().unwrap();
    assert_eq!(got.fields("x-gone"), [""; 0]);
    assert_eq!(got.fields("authorization"), [""; 0]);
    assert_eq!(got.fields("x-key"), ["s3cr3t"]);
    assert_eq!(got.fields("x-both"), ["set", "added"]);
    assert_eq!(got.fields("x-many"), ["1", "2", "3"]);
    assert_eq!(got.fields("x-forwarded-proto"), ["gopher"]);
    assert_eq!(answer.fields("server"), [""; 0]);
    assert_eq!(answer.fields("x-powered-by"), [""; 0]);
    assert_eq!(answer.fields("x-both"), ["set", "added"]);
    assert_eq!(answer.fields("set-cookie"), ["a=1", "edge=1"]);
}

#[tokio::test]
async fn the_edges_own_answers_are_edited_too() {
    let manifests = [
        front_door(""),
        route(
            "to",
            "matches: [{path: /to}]\nredirect: {path: /new}\nresponseHeaders: {set: [{name: cache-control, value: no-store}]}",
        ),
        route(
            "fixed",
            "matches: [{path: /fixed}]\nrespond: {status: 410, body: gone}\nresponseHeaders: {add: [{name: x-a, value: b}]}",
        ),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    let answer = ask(edge.address(), get("/to", "")).await.unwrap();
    assert_eq!((answer.status(), answer.field("cache-control")), (302, "no-store".into()));
    let answer = ask(edge.address(), get("/fixed", "")).await.unwrap();
    assert_eq!(
        (answer.status(), answer.field("x-a"), answer.text()),
        (410, "b".into(), "gone".into())
    );
}

#[tokio::test]
async fn redirects_lead_where_they_say() {
    for (spec, host, target, location) in [
        ("redirect: {scheme: https}", "www.ep.com", "/a?b=c", "https://www.ep.com/a?b=c"),
        ("redirect: {scheme: https}", "www.ep.com:80", "/a", "https://www.ep.com/a"),
        ("redirect: {scheme: https}", "www.ep.com:8080", "/a", "https://www.ep.com:8080/a"),
        ("redirect: {scheme: https, port: 443}", "www.ep.com:8080", "/a", "https://www.ep.com/a"),
        ("redirect: {scheme: https, port: 8443}", "www.ep.com", "/a", "https://www.ep.com:8443/a"),
        ("redirect: {scheme: https, port: 443}", "www.ep.com", "/a", "https://www.ep.com/a"),
        ("redirect: {host: new.example}", "www.ep.com:8080", "/a?", "http://new.example:8080/a?"),
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

/// The head that the client gets for an answer with these lines, from an edge that rewrites
/// `/api/user/*` to `/users/*`.
async fn mapped(lines: &str, host: &str) -> Message {
    let answer = format!("HTTP/1.1 201 Created\r\n{lines}Content-Length: 0\r\n\r\n");
    let backend = Backend::scripted(move |request| {
        Reply::raw(answer.replace("{host}", &request.field("host")))
    });
    let backend = backend.await.unwrap();
    let spec =
        format!("matches: [{{path: /api/user/*}}]\nrewrite: {{path: /users/*, host: {host}}}");
    let edge = Edge::start(&one_route(backend.address(), &spec)).await.unwrap();
    let mut answer = ask(edge.address(), get("/api/user/1", "")).await.unwrap();
    answer.head = answer.head.replace(&backend.address().to_string(), "{dialled}");
    answer
}

#[tokio::test]
async fn locations_of_the_backends_own_come_back_as_the_front_doors() {
    let own = Some("http://www.ep.com/api/user/5?q#f");
    for (host, location, became) in [
        ("Backend", "http://{host}/users/5?q#f", own),
        ("Backend", "http://APP.web.svc.:80/users/5?q#f", own),
        ("Backend", "http://app/users/5?q#f", own),
        ("Backend", "http://app.web/users/5?q#f", own),
        ("Backend", "http://app.web.svc.cluster.local/users/5?q#f", own),
        ("Backend", "http://app.web.svc/login", Some("http://www.ep.com/login")),
        ("Backend", "http://app.web.svc", Some("http://www.ep.com")),
        ("Backend", "http://app.web.svc?q", Some("http://www.ep.com?q")),
        ("Backend", "//app.web.svc/users/5", Some("http://www.ep.com/api/user/5")),
        ("Backend", "/users/5?q", Some("/api/user/5?q")),
        ("Backend", "/login", None),
        ("Backend", "/usersx", None),
        ("Backend", "5", None),
        ("Backend", "../users/5", None),
        ("Backend", "?q", None),
        ("Backend", "", None),
        ("Backend", "http://app.web.svc:81/users/5", None),
        ("Backend", "http://other.web.svc/users/5", None),
        ("Backend", "http://app.web.svc@evil.example/users/5", None),
        ("Backend", "https://login.example/?back=http://app.web.svc/", None),
        ("Backend", "mailto:a@app.web.svc", None),
        ("Backend", "//evil.example/users/5", None),
        ("Backend", "///users/5", None),
        ("a.example", "http://a.example/users/5?q#f", own),
        ("a.example", "http://{host}/users/5?q#f", own),
        ("a.example", "http://app.web.svc/users/5?q#f", own),
        ("Preserve", "http://www.ep.com/users/5?q#f", own),
        ("Preserve", "http://{host}/users/5?q#f", own),
        ("Preserve", "http://app.web.svc/users/5?q#f", own),
        ("Preserve", "http://evil.example/users/5", None),
    ] {
        for name in ["Location", "Content-Location"] {
            let answer = mapped(&format!("{name}: {location}\r\n"), host).await;
            let same = location.to_owned();
            let expected = became.map_or(same, str::to_owned);
            assert_eq!(answer.field(name), expected, "{host}: {name}: {location}");
        }
    }
}

#[tokio::test]
async fn the_dialled_address_is_the_backends_own_too() {
    for host in ["Backend", "Preserve", "a.example"] {
        let backend = Backend::scripted(|request| {
            let location = request.field("x-say");
            Reply::raw(format!(
                "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
            ))
        });
        let backend = backend.await.unwrap();
        let edge = one_route(backend.address(), &format!("rewrite: {{host: {host}}}"));
        let edge = Edge::start(&edge).await.unwrap();
        let port = backend.address().port();
        for (location, became) in [
            (format!("http://127.0.0.1:{port}/a"), "http://www.ep.com/a".to_owned()),
            (
                format!("http://127.0.0.1:{}/a", port ^ 1),
                format!("http://127.0.0.1:{}/a", port ^ 1),
            ),
            ("http://127.0.0.1/a".into(), "http://127.0.0.1/a".into()),
        ] {
            let answer = ask(edge.address(), get("/", &format!("X-Say: {location}\r\n"))).await;
            assert_eq!(answer.unwrap().field("location"), became, "{host}");
        }
    }
}

/// A backend that insists on https sends the browser to it; to say http instead would send it round
/// in circles. One that only does not know that the browser came by https is put right.
#[tokio::test]
async fn a_redirect_to_https_on_the_own_host_stays_one() {
    let backend = Backend::scripted(|request| {
        let location = request.field("x-say");
        Reply::raw(format!(
            "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        ))
    });
    let backend = backend.await.unwrap();
    let manifests = [
        front_door("trustedProxies: [127.0.0.0/8]"),
        service("app", "http", &[backend.address()]),
        route("app", "backends: [{service: {name: app, port: 80}}]"),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    for (proto, location, became) in [
        ("http", "https://www.ep.com/a", "https://www.ep.com/a"),
        ("http", "http://www.ep.com/a", "http://www.ep.com/a"),
        ("https", "http://www.ep.com/a", "https://www.ep.com/a"),
        ("https", "https://www.ep.com/a", "https://www.ep.com/a"),
    ] {
        let fields = format!("X-Forwarded-Proto: {proto}\r\nX-Say: {location}\r\n");
        let answer = ask(edge.address(), get("/", &fields)).await.unwrap();
        assert_eq!(answer.field("location"), became, "{proto} {location}");
    }
}

#[tokio::test]
async fn a_location_without_path_is_the_backends_root() {
    let backend = Backend::answering(
        "HTTP/1.1 302 Found\r\nLocation: http://app.web.svc\r\nContent-Length: 0\r\n\r\n",
    );
    let backend = backend.await.unwrap();
    let spec = "matches: [{path: /strip/*}]\nrewrite: {path: /*, host: Backend}";
    let edge = Edge::start(&one_route(backend.address(), spec)).await.unwrap();
    let answer = ask(edge.address(), get("/strip/a", "")).await.unwrap();
    assert_eq!(answer.field("location"), "http://www.ep.com/strip/");
}

#[tokio::test]
async fn cookies_stay_in_the_one_origin() {
    for (cookie, became) in [
        ("a=1; Domain=app.web.svc; Secure", "a=1; Secure"),
        ("a=1; domain=.web.svc", "a=1"),
        ("a=1;DOMAIN=App.Web.Svc;HttpOnly", "a=1;HttpOnly"),
        ("a=1; Domain=127.0.0.1", "a=1"),
        ("a=1; Domain=xapp.web.svc", "a=1; Domain=xapp.web.svc"),
        ("a=1; Domain=ep.com", "a=1; Domain=ep.com"),
        ("a=1; Domain=", "a=1; Domain="),
        ("a=1; Path=/users", "a=1; Path=/api/user"),
        ("a=1; path=/users/; SameSite=Lax", "a=1; Path=/api/user/; SameSite=Lax"),
        ("a=1; Path=/users/5", "a=1; Path=/api/user/5"),
        ("a=1; Path=/", "a=1; Path=/"),
        ("a=1; Path=/login", "a=1; Path=/login"),
        ("a=1; Path=/usersx", "a=1; Path=/usersx"),
        (
            "path=/users; Max-Age=5; Expires=Thu, 01 Jan 2032 00:00:00 GMT",
            "path=/users; Max-Age=5; Expires=Thu, 01 Jan 2032 00:00:00 GMT",
        ),
        ("domain=app.web.svc; Secure", "domain=app.web.svc; Secure"),
        ("a=\"path=/users\"; Partitioned", "a=\"path=/users\"; Partitioned"),
        ("a=x=y=z; Domain=app.web.svc; Path=/users; Path=/", "a=x=y=z; Path=/api/user; Path=/"),
        ("a=\u{e9}; Domain=app.web.svc", "a=\u{e9}"),
        ("", ""),
    ] {
        let answer = mapped(&format!("Set-Cookie: {cookie}\r\n"), "Backend").await;
        assert_eq!(answer.field("set-cookie"), became, "{cookie}");
    }
}

#[tokio::test]
async fn cookies_keep_their_order() {
    let lines = "Set-Cookie: a=1\r\nSet-Cookie: b=2; Path=/users\r\nX: y\r\nset-cookie: c=3; Domain=app.web.svc\r\nSet-Cookie: a=4\r\n";
    let answer = mapped(lines, "Backend").await;
    assert_eq!(answer.fields("set-cookie"), ["a=1", "b=2; Path=/api/user", "c=3", "a=4"]);
}

#[tokio::test]
async fn a_cookies_domain_goes_only_where_it_is_the_backends() {
    for (host, domain, goes) in [
        ("a.example", "a.example", true),
        ("a.example", "example", true),
        ("a.example", "app.web.svc", true),
        ("a.example", "www.ep.com", false),
        ("Preserve", "app.web.svc", true),
        ("Preserve", "www.ep.com", false),
        ("Preserve", ".ep.com", false),
    ] {
        let answer = mapped(&format!("Set-Cookie: a=1; Domain={domain}\r\n"), host).await;
        let cookie = if goes { "a=1".to_owned() } else { format!("a=1; Domain={domain}") };
        assert_eq!(answer.field("set-cookie"), cookie, "{host}");
    }
}

#[tokio::test]
async fn what_an_external_host_says_of_itself_is_mapped() {
    let backend = Backend::scripted(|request| {
        let host = request.field("host");
        Reply::raw(format!(
            "HTTP/1.1 302 Found\r\nLocation: http://{host}/v1/b\r\nSet-Cookie: a=1; Domain=localhost; Path=/v1\r\nContent-Length: 0\r\n\r\n"
        ))
    });
    let backend = backend.await.unwrap();
    let url = format!("http://localhost:{}", backend.address().port());
    let spec = format!(
        "matches: [{{path: /api/*}}]\nbackends: [{{external: {{url: '{url}'}}}}]\nrewrite: {{path: /v1/*}}"
    );
    let setup = Setup { allow_external: vec!["localhost"], ..Setup::default() };
    let manifests = front_door("") + &route("app", &spec);
    let edge = Edge::start_with(setup, &manifests).await.unwrap();
    let answer = ask(edge.address(), get("/api/a", "")).await.unwrap();
    assert_eq!(answer.field("location"), "http://www.ep.com/api/b");
    assert_eq!(answer.field("set-cookie"), "a=1; Path=/api");
    assert_eq!(format!("http://{}", backend.request().unwrap().field("host")), url);
}
