//! The way back: Location and Set-Cookie as the front door would have sent them.

use portico_tests::{
    backend::{Backend, Reply, front_door, one_route, route, service},
    edge::{Edge, Setup},
    wire::{Message, ask, get},
};

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
async fn links_and_refreshes_are_mapped_like_locations() {
    for (name, value, became) in [
        ("Refresh", "5; url=http://{host}/users/5", "5; url=http://www.ep.com/api/user/5"),
        ("Refresh", "0;URL='/users/5'", "0;URL='/api/user/5'"),
        ("Refresh", "5", "5"),
        (
            "Link",
            "<http://{host}/users/2>; rel=next, </users/a.css>; rel=preload, <//cdn.example/b>; title=\"</users/>\"",
            "<http://www.ep.com/api/user/2>; rel=next, </api/user/a.css>; rel=preload, <//cdn.example/b>; title=\"</users/>\"",
        ),
        ("Location", "http://app.web.svc:80/users/5", "http://www.ep.com/api/user/5"),
        ("Location", "https://app.web.svc:443/users/5", "http://www.ep.com/api/user/5"),
        ("Location", "http://www.ep.com/users/5", "http://www.ep.com/api/user/5"),
        ("Location", "http://www.ep.com:80/users/5", "http://www.ep.com/api/user/5"),
    ] {
        let answer = mapped(&format!("{name}: {value}\r\n"), "Backend").await;
        assert_eq!(answer.field(name), became, "{value}");
    }
    let lines = "Link: </users/1>\r\nLink: <x>\r\nlink: </users/2>\r\n";
    let answer = mapped(lines, "Backend").await;
    assert_eq!(answer.fields("link"), ["</api/user/1>", "<x>", "</api/user/2>"]);
}

/// Behind a proxy that ends TLS, an application that honours X-Forwarded-Host and -Proto writes the
/// front door's origin with its own path.
#[tokio::test]
async fn an_application_that_knows_the_front_door_is_mapped_too() {
    let backend = Backend::scripted(|request| {
        let origin = [request.field("x-forwarded-proto"), request.field("x-forwarded-host")];
        Reply::raw(format!(
            "HTTP/1.1 302 Found\r\nLocation: {}/v1/orders/5\r\nSet-Cookie: a=1; Path=/v1\r\nSet-Cookie: b=2; Path=/v1/\r\nContent-Length: 0\r\n\r\n",
            origin.join("://")
        ))
    });
    let backend = backend.await.unwrap();
    let spec = "matches: [{path: /orders/*}]
backends: [{service: {name: app, port: 80}}]
rewrite: {path: /v1/orders/*, host: Backend}";
    let manifests = [
        front_door("trustedProxies: [127.0.0.0/8]"),
        service("app", "http", &[backend.address()]),
        route("app", spec),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    for proto in ["http", "https"] {
        let fields = format!("X-Forwarded-Proto: {proto}\r\n");
        let answer = ask(edge.address(), get("/orders/1", &fields)).await.unwrap();
        assert_eq!(answer.field("location"), format!("{proto}://www.ep.com/orders/5"));
        assert_eq!(answer.fields("set-cookie"), ["a=1; Path=/orders", "b=2; Path=/orders"]);
    }
}

/// What the client wrote into the path becomes no attribute of the cookie.
#[tokio::test]
async fn a_requests_path_adds_no_attribute_to_a_cookie() {
    let backend = Backend::answering(
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/api; Secure\r\nLocation: /api/x\r\nContent-Length: 0\r\n\r\n",
    );
    let backend = backend.await.unwrap();
    let spec = "matches: [{path: '/t/{tenant}/api/*'}]\nrewrite: {path: /api/*}";
    let edge = Edge::start(&one_route(backend.address(), spec)).await.unwrap();
    let path = "/t/x;Domain=t.local;SameSite=None/api/login";
    let answer = ask(edge.address(), get(path, "")).await.unwrap();
    let cookie = answer.field("set-cookie");
    assert_eq!(cookie, "a=1; Path=/t/x%3BDomain=t.local%3BSameSite=None/api; Secure");
    assert_eq!(answer.field("location"), "/t/x;Domain=t.local;SameSite=None/api/x");
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
        "matches: [{{path: /api/*}}]\nbackends: [{{external: {{url: '{url}'}}}}]\nrewrite: {{path: /v1/*}}\ntimeouts: {{connect: 20s}}"
    );
    let setup = Setup { allow_external: vec!["localhost"], ..Setup::default() };
    let manifests = front_door("") + &route("app", &spec);
    let edge = Edge::start_with(setup, &manifests).await.unwrap();
    let answer = ask(edge.address(), get("/api/a", "")).await.unwrap();
    assert_eq!(answer.field("location"), "http://www.ep.com/api/b");
    assert_eq!(answer.field("set-cookie"), "a=1; Path=/api");
    assert_eq!(format!("http://{}", backend.request().unwrap().field("host")), url);
}
