//! What Gateway API's conformance suite asks of an `HTTPRoute`'s CORS filter (`HTTPRouteCORS`, 17
//! cases), asked of Routes that say the same.

use super::{CARELESS, Site, assert_denied, cors, from, preflight};
use portico_tests::{
    backend::{Backend, front_door, route, service},
    edge::Edge,
    wire::ask,
};

const CORS_1: &str = "cors: {allowOrigins: ['https://www.foo.com', 'https://*.bar.com'], allowMethods: [GET, OPTIONS], allowHeaders: [x-header-1, x-header-2], exposeHeaders: [x-header-3, x-header-4], allowCredentials: true, maxAge: 3600s}";
const CORS_2: &str = "cors: {allowOrigins: ['https://www.foo.com'], allowMethods: ['*']}";
const ANY_ORIGIN: &str = "cors: {allowOrigins: ['*'], allowMethods: [PUT]}";
const ANYTHING: &str = "cors: {allowOrigins: ['*'], allowMethods: ['*'], allowHeaders: ['*']}";
/// Their `*` together with credentials is refused here (rule 29): see the test for it. The sites
/// are named instead.
const CREDENTIALS: &str = "cors: {allowOrigins: ['https://*.foo.com'], allowMethods: ['*'], allowHeaders: ['*'], allowCredentials: true}";

fn app(name: &str, cors: &str) -> String {
    let to_app = "backends: [{service: {name: app, port: 80}}]";
    route(name, &format!("matches: [{{path: /{name}/*}}]\n{to_app}\n{cors}"))
}

/// Over a backend whose own CORS headers would spoil every case.
async fn site() -> Site {
    let backend = Backend::answering(CARELESS).await.unwrap();
    let manifests = |address| {
        [
            front_door(""),
            service("app", "http", &[address]),
            app("cors-1", CORS_1),
            app("cors-2", CORS_2),
            app("any-origin", ANY_ORIGIN),
            app("credentials", CREDENTIALS),
            app("anything", ANYTHING),
        ]
        .concat()
    };
    Site::over(backend, manifests).await
}

/// What an allowed preflight for this origin and method gets.
type Grant = fn(&str, &str) -> Vec<String>;

fn named(origin: &str, _: &str) -> Vec<String> {
    vec![
        "allow-credentials: true".to_owned(),
        "allow-headers: x-header-1, x-header-2".to_owned(),
        "allow-methods: GET, OPTIONS".to_owned(),
        format!("allow-origin: {origin}"),
        "expose-headers: x-header-3, x-header-4".to_owned(),
        "max-age: 3600".to_owned(),
    ]
}

fn open(origin: &str, method: &str) -> Vec<String> {
    vec![
        format!("allow-methods: {method}"),
        format!("allow-origin: {origin}"),
        "max-age: 7200".to_owned(),
    ]
}

fn echoed(origin: &str, method: &str) -> Vec<String> {
    let echo = vec!["allow-headers: x-header-1,x-header-2".to_owned()];
    [echo, open(origin, method)].concat()
}

fn echoed_with_credentials(origin: &str, method: &str) -> Vec<String> {
    [vec!["allow-credentials: true".to_owned()], echoed(origin, method)].concat()
}

/// Cases 1 to 3, 8 to 11, 14 and 15. The suite takes 200 or 204, and `*` in the place of an echo
/// where there are no credentials: here it is 204, and an echo (rule 7).
#[tokio::test]
async fn preflights_that_are_allowed() {
    let site = site().await;
    let names = "x-header-1, x-header-2";
    let cases: [(&str, &str, &str, &str, &str, Grant); 8] = [
        ("1: an origin that is named", "/cors-1", "https://www.foo.com", "GET", names, named),
        ("2: one label for the wildcard", "/cors-1", "https://www.bar.com", "GET", names, named),
        (
            "3: two labels for the wildcard",
            "/cors-1",
            "https://xpto.www.bar.com",
            "GET",
            names,
            named,
        ),
        (
            "8 and 9: any method, and no credentials unless they are allowed",
            "/cors-2",
            "https://www.foo.com",
            "POST",
            "",
            open,
        ),
        ("10: any origin", "/any-origin", "https://foobar.com", "PUT", "", open),
        ("11: any origin, with a port", "/any-origin", "https://foobar.com:12345", "PUT", "", open),
        (
            "14: with credentials nothing is a star",
            "/credentials",
            "https://other.foo.com",
            "PUT",
            names,
            echoed_with_credentials,
        ),
        ("15: the same without", "/anything", "https://other.foo.com", "PUT", names, echoed),
    ];
    for (case, target, origin, method, names, grant) in cases {
        let lines = grant(origin, method);
        let answer = site.send_in_vain(preflight(origin, method, target, &[names])).await;
        assert_eq!(answer.status(), 204, "{case}");
        assert_eq!(cors(&answer), lines, "{case}");
    }
}

/// Case 4. The suite takes 200, 204 or 403; here it is 403 (rule 8).
#[tokio::test]
async fn a_preflight_from_an_origin_that_is_not_named() {
    let asked = preflight("https://foobar.com", "GET", "/cors-1", &[]);
    assert_denied(&site().await.send_in_vain(asked).await, "CorsOrigin", "4");
}

/// Cases 5 to 7, 12, 13, 16 and 17.
#[tokio::test]
async fn requests_themselves() {
    let site = site().await;
    let asks =
        "Access-Control-Request-Method: GET|Access-Control-Request-Headers: x-header-1, x-header-2";
    for (case, line, origin, allowed, credentials, exposed) in [
        ("5: named", &format!("GET /cors-1|{asks}")[..], "https://www.foo.com", true, true, true),
        ("6: wildcard", &format!("GET /cors-1|{asks}"), "https://www.bar.com", true, true, true),
        ("7: neither", &format!("GET /cors-1|{asks}"), "https://foobar.com", false, false, false),
        ("12: a port", "PUT /any-origin", "https://foobar.com:12345", true, false, false),
        ("13: any", "PUT /any-origin", "https://foobar.com", true, false, false),
        ("16: credentials", "GET /credentials", "https://other.foo.com", true, true, false),
        ("17: without them", "GET /anything", "https://other.foo.com", true, false, false),
    ] {
        let answer = site.send_through(from(origin, line)).await;
        assert_eq!(answer.status(), 200, "{case}");
        let lines = [
            (credentials, "allow-credentials: true".to_owned()),
            (allowed, format!("allow-origin: {origin}")),
            (exposed, "expose-headers: x-header-3, x-header-4".to_owned()),
        ];
        let lines: Vec<_> = lines.into_iter().filter(|(said, _)| *said).map(|(_, l)| l).collect();
        assert_eq!(cors(&answer), lines, "{case}");
    }
}

/// Cases 14 and 16 as the suite has them, with `*` for the origins: every site could read as the
/// user, which rule 29 refuses.
#[tokio::test]
async fn any_origin_with_credentials_is_refused() {
    let any = CREDENTIALS.replace("https://*.foo.com", "*");
    let edge = Edge::start("").await.unwrap();
    let manifests = front_door("") + &app("credentials", &any);
    edge.serve_but_for(&["Route web/credentials"], &manifests).await.unwrap();
    let asked = from("https://other.foo.com", "GET /credentials");
    let answer = ask(edge.address(), asked).await.unwrap();
    crate::assert_problem(&answer, 503, "RouteNotAccepted");
}
