//! What `explain` says of a request and its response is what happens to them.

use super::Origin;
use http::{HeaderMap, HeaderValue, Method, header};
use portico::compile::Compiled;
use portico_dataplane::{
    config::{HttpsPorts, Underscores},
    explain::{Explanation, Question, explain},
};
use portico_tests::backend::{Backend, front_door, route, service};

fn explained(compiled: &Compiled, cookies: &str) -> Explanation {
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, HeaderValue::from_str(cookies).unwrap());
    let question = Question {
        method: Method::GET,
        target: "http://www.ep.com/a/x".parse().unwrap(),
        origin: None,
        headers,
        via_name: "portico-test".into(),
        underscores: Underscores::Remove,
        https_ports: HttpsPorts { http: 8080, https: 8443, public: None },
    };
    explain(&compiled.table, &question, &[]).unwrap()
}

#[tokio::test]
async fn explain_says_what_is_kept_apart() {
    let backend = Backend::saying("ok").await.unwrap();
    let spec = "matches: [{path: /a/*}]\nbackends: [{service: {name: a, port: 80}}]";
    let manifests = |isolation: &str| {
        [front_door(isolation), service("a", "http", &[backend.address()]), route("a", spec)]
            .concat()
    };
    let origin = Origin::start("isolation: {cookies: Separate, originWide: Strip}", "", "").await;
    let set = origin.set("/a/x", "sid=1").await;
    let tag = set[0].strip_suffix("sid=1").unwrap();

    let separate =
        manifests("isolation: {cookies: Separate, originWide: Strip}\nsharedCookies: [sso]");
    let compiled = origin.edge.serve(&separate).await.unwrap();
    let told = explained(&compiled, &format!("{tag}sid=1; other=2; sso=3"));
    let request = told.request.unwrap();
    let cookie = request.headers.iter().find(|field| field.name == "cookie").unwrap();
    assert_eq!(cookie.value, "sid=1; sso=3");
    assert_eq!(request.withheld, ["other"]);
    let response = told.response.unwrap();
    for name in ["alt-svc", "public-key-pins", "clear-site-data", "x-accel-redirect"] {
        assert!(response.removes.iter().any(|removed| removed == name), "{:?}", response.removes);
    }
    assert_eq!(
        response.isolation,
        [
            format!(
                "cookies: Separate: set-cookie NAME becomes {tag}NAME, and __Host-NAME __Host-{tag}NAME"
            ),
            "originWide: Strip: service-worker-allowed is removed unless it is within /a/"
                .to_owned(),
        ]
    );

    let compiled = origin.edge.serve(&manifests("isolation: {cookies: Confined}")).await.unwrap();
    let told = explained(&compiled, "sid=1");
    assert!(told.request.unwrap().withheld.is_empty());
    let response = told.response.unwrap();
    assert_eq!(response.removes, ["alt-svc", "public-key-pins"]);
    assert_eq!(
        response.isolation,
        ["cookies: Confined: a set-cookie for a path outside /a is set for /a"]
    );

    let compiled = origin.edge.serve(&manifests("")).await.unwrap();
    assert!(explained(&compiled, "sid=1").response.unwrap().isolation.is_empty());
}
