//! What users of other ingresses complain of most, each as a test.

use super::{CARELESS, GRANTED, OTHER, PAGE, Site, cors, from, policy, preflight, request};
use portico_tests::{
    backend::{Backend, Reply, front_door, one_route, route, service},
    edge::Edge,
    wire::ask,
};

/// A backend that answers nobody without a token; the browser sends none with a preflight.
#[tokio::test]
async fn auth_does_not_block_the_preflight() {
    let backend = Backend::scripted(|request| match request.field("authorization").as_str() {
        "Bearer t" => Reply::ok("secret"),
        _ => Reply::raw("HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno"),
    });
    let cors_policy = policy("allowHeaders: [authorization]");
    let site = Site::over(backend.await.unwrap(), |app| one_route(app, &cors_policy)).await;
    let answer = site.send_in_vain(preflight(PAGE, "DELETE", "/", &["authorization"])).await;
    assert_eq!(answer.status(), 204);
    let answer = site.send_through(from(PAGE, "DELETE /|Authorization: Bearer t")).await;
    assert_eq!((answer.status(), answer.text().as_str()), (200, "secret"));
    assert_eq!(cors(&answer), GRANTED);
}

#[tokio::test]
async fn errors_are_readable_whoever_makes_them() {
    let backend = Backend::scripted(|request| {
        let status = request.target().trim_start_matches('/');
        Reply::raw(format!("HTTP/1.1 {status} Error\r\nContent-Length: 3\r\n\r\nwhy"))
    });
    let site = Site::over(backend.await.unwrap(), |app| one_route(app, &policy(""))).await;
    for status in [400, 401, 403, 404, 422, 429, 500, 502, 503, 504] {
        let answer = site.send_through(from(PAGE, &format!("GET /{status}"))).await;
        assert_eq!((answer.status(), answer.text().as_str()), (status, "why"));
        assert_eq!(cors(&answer), GRANTED, "{status}");
    }
    let app = crate::upstreams::nobody().await;
    site.edge.serve(&one_route(app, &policy(""))).await.unwrap();
    let answer = site.send_in_vain(from(PAGE, "GET /")).await;
    assert_eq!((answer.status(), answer.reason().as_str()), (502, "ConnectFailed"));
    assert_eq!(cors(&answer), GRANTED);
}

#[tokio::test]
async fn preflights_do_not_leak_to_the_backend() {
    let site = Site::careless(&policy("allowMethods: [PUT]")).await;
    for origin in [PAGE, OTHER, "null"] {
        for method in ["GET", "PUT", "DELETE"] {
            site.send_in_vain(preflight(origin, method, "/any/path?q", &["x-a, x-b"])).await;
        }
    }
    assert_eq!(site.backend.connections(), 0);
}

#[tokio::test]
async fn a_route_that_matches_methods_answers_its_own_preflight() {
    let spec = "matches: [{path: /items/*, methods: [PUT, DELETE]}]\n".to_owned() + &policy("");
    let backend = Backend::answering(CARELESS).await.unwrap();
    let site = Site::over(backend, |app| one_route(app, &spec)).await;
    for method in ["PUT", "DELETE"] {
        let answer = site.send_in_vain(preflight(PAGE, method, "/items/1", &[])).await;
        assert_eq!(answer.status(), 204, "{method}");
        let answer = site.send_through(from(PAGE, &format!("{method} /items/1"))).await;
        assert_eq!(cors(&answer), GRANTED, "{method}");
    }
    let answer = site.send_in_vain(preflight(PAGE, "PATCH", "/items/1", &[])).await;
    assert_eq!(answer.status(), 404);
}

#[tokio::test]
async fn allow_origin_comes_once_whatever_the_backend_sends() {
    for theirs in ["*", PAGE, OTHER, "null", "", "https://a.example, https://b.example"] {
        let line = format!("Access-Control-Allow-Origin: {theirs}\r\n");
        let answer = format!("HTTP/1.1 200 OK\r\n{line}{line}Content-Length: 0\r\n\r\n");
        let site = Site::answering(&answer, &policy("")).await;
        let answer = site.send_through(from(PAGE, "GET /")).await;
        assert_eq!(answer.fields("access-control-allow-origin"), [PAGE], "{theirs}");
        let answer = site.send_through(from(OTHER, "GET /")).await;
        assert!(answer.fields("access-control-allow-origin").is_empty(), "{theirs}");
    }
}

/// A cache in front must not give one page's answer to another, nor forget what the backend
/// varies by.
#[tokio::test]
async fn vary_is_neither_missing_nor_clobbered() {
    let compressed = "HTTP/1.1 200 OK\r\nVary: Accept-Encoding\r\nContent-Length: 0\r\n\r\n";
    let site = Site::answering(compressed, &policy("")).await;
    for request in [from(PAGE, "GET /"), from(OTHER, "GET /"), request("GET /")] {
        let answer = site.send_through(request).await;
        assert_eq!(answer.fields("vary"), ["Accept-Encoding, Origin"]);
    }
}

#[tokio::test]
async fn several_origins_wildcards_and_ports_stand_side_by_side() {
    let origins =
        "'https://www.foo.com', 'https://*.bar.com', 'http://localhost:*', 'https://baz.com:8443'";
    let site = Site::careless(&format!("cors: {{allowOrigins: [{origins}]}}")).await;
    for (origin, allowed) in [
        ("https://www.foo.com", true),
        ("https://a.b.bar.com", true),
        ("http://localhost:5173", true),
        ("https://baz.com:8443", true),
        ("https://foo.com", false),
        ("https://bar.com", false),
        ("https://baz.com", false),
    ] {
        let answer = site.send_through(from(origin, "GET /")).await;
        let echoed: &[&str] = if allowed { &[origin] } else { &[] };
        assert_eq!(answer.fields("access-control-allow-origin"), echoed, "{origin}");
    }
}

/// Every site could read as the user: refused when configured (rule 29), and never served.
#[tokio::test]
async fn a_star_with_credentials_is_not_served() {
    let edge = Edge::start("").await.unwrap();
    let spec = "respond: {body: secret}\ncors: {allowOrigins: ['*'], allowCredentials: true}";
    let manifests = front_door("") + &route("app", spec);
    edge.serve_but_for(&["Route web/app"], &manifests).await.unwrap();
    for request in [from(OTHER, "GET /"), preflight(OTHER, "PUT", "/", &[])] {
        assert_eq!(ask(edge.address(), request).await.unwrap().status(), 503);
    }
}

#[tokio::test]
async fn an_applications_own_options_handler_is_not_hijacked() {
    let webdav =
        "HTTP/1.1 200 OK\r\nAllow: PROPFIND, OPTIONS\r\nDAV: 1\r\nContent-Length: 0\r\n\r\n";
    let site = Site::answering(webdav, &policy("disallowedOrigin: Reject")).await;
    for (text, granted) in [
        ("OPTIONS /".to_owned(), &[][..]),
        ("OPTIONS /|Access-Control-Request-Method: PUT".to_owned(), &[]),
        (format!("OPTIONS /|Origin: {PAGE}"), GRANTED),
        ("OPTIONS /|Origin: http://www.ep.com".to_owned(), &[]),
        ("OPTIONS /|Origin: http://www.ep.com|Access-Control-Request-Method: PUT".to_owned(), &[]),
    ] {
        let answer = site.send_through(request(&text)).await;
        assert_eq!((answer.status(), answer.field("dav").as_str()), (200, "1"), "{text}");
        assert_eq!(answer.field("allow"), "PROPFIND, OPTIONS", "{text}");
        assert_eq!(cors(&answer), granted, "{text}");
    }
}

#[tokio::test]
async fn a_backend_that_compares_origin_with_host_takes_the_sites_own_posts() {
    let backend = Backend::scripted(|request| {
        let own = format!("http://{}", request.field("host"));
        match request.field("origin") {
            origin if origin == own => Reply::ok("posted"),
            _ => Reply::raw("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"),
        }
    });
    let backend = backend.await.unwrap();
    let to_app = "backends: [{service: {name: app, port: 80}}]\nrewrite: {host: Backend}\n";
    let manifests = [
        front_door(""),
        service("app", "http", &[backend.address()]),
        route("app", &(to_app.to_owned() + &policy("disallowedOrigin: Reject"))),
    ];
    let edge = Edge::start(&manifests.concat()).await.unwrap();
    for method in ["POST", "PUT", "DELETE"] {
        let request = from("http://www.ep.com", &format!("{method} /"));
        let answer = ask(edge.address(), request).await.unwrap();
        assert_eq!((answer.status(), answer.text().as_str()), (200, "posted"), "{method}");
    }
    // Another page's stays what it is: the backend is not told that it were its own.
    let answer = ask(edge.address(), from(PAGE, "POST /")).await.unwrap();
    assert_eq!(answer.status(), 403);
    assert_eq!(backend.last().unwrap().field("origin"), PAGE);
}
