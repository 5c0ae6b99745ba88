//! Pages, calls of their scripts, and preflights.

use crate::{in_each_browser, site::Site};
use serde_json::json;

in_each_browser!(
    a_page_and_its_calls_share_a_connection,
    cookies_reach_the_backend_as_one_field,
    responses_without_content_have_none,
    preflights_are_answered_by_the_front_door,
);

fn a_page_and_its_calls_share_a_connection(site: &mut Site) {
    let seen = site.run(
        "const seen = [];
        const large = 'x'.repeat(300_000);
        for (const [path, init] of [
            ['/get', {}],
            ['/post', {method: 'POST', body: 'sent'}],
            ['/json', {method: 'PUT', body: '{}', headers: {'content-type': 'application/json'}}],
            ['/large', {method: 'POST', body: large}],
        ]) {
            const answer = await fetch(path, init);
            const text = await answer.text();
            seen.push(text === `POST ${large}` ? 'all of it' : text);
        }
        await Promise.all([...Array(50).keys()].map(async (n) => (await fetch(`/many/${n}`)).text()));
        const entries = performance.getEntries().filter((entry) => 'nextHopProtocol' in entry);
        seen.push(...new Set(entries.map((entry) => entry.nextHopProtocol)));
        return seen;",
    );
    assert_eq!(seen, json!(["GET ", "POST sent", "PUT {}", "all of it", "h2"]));
    for path in ["/", "/get", "/post", "/json", "/large"] {
        let line = site.serve.request(path).unwrap();
        assert_eq!((&line["version"], &line["status"]), (&json!("HTTP/2"), &json!(200)), "{line}");
        assert_eq!(site.reached(path), 1, "{path}");
    }
    assert_eq!(site.backends.http.requests().len(), 55);
    // Where the first is slow to come about, browsers try with a second one.
    assert!((1..=2).contains(&site.relay.opened("www.ep.com")));
}

fn cookies_reach_the_backend_as_one_field(site: &mut Site) {
    site.run(
        "document.cookie = 'a=1';
        document.cookie = 'b=2';
        await fetch('/cookies');",
    );
    let requests = site.backends.http.requests();
    let request = requests.iter().find(|request| request.target() == "/cookies").unwrap();
    assert_eq!(request.field("cookie"), "a=1; b=2");
    assert!(request.field("via").starts_with("2 portico-"), "{request:?}");
    assert_eq!(request.field("x-forwarded-proto"), "https");
}

fn responses_without_content_have_none(site: &mut Site) {
    let seen = site.run(
        "const answer = await fetch('/head', {method: 'HEAD'});
        return [answer.status, answer.headers.get('content-length'), await answer.text()];",
    );
    assert_eq!(seen, json!([200, "100", ""]));
    assert_eq!(site.logged("/head"), ("HTTP/2".to_owned(), 200, String::new()));
}

fn preflights_are_answered_by_the_front_door(site: &mut Site) {
    let seen = site.run(
        "const call = async (path, init) => {
            try {
                return await (await fetch(HOST('api', path), init)).text();
            } catch (error) {
                return error.name;
            }
        };
        const headers = {'x-api-key': 'key'};
        return [
            await call('/allowed', {method: 'PUT', headers, body: 'sent', credentials: 'include'}),
            await call('/method', {method: 'DELETE'}),
            await call('/header', {headers: {'x-other': '1'}}),
        ];",
    );
    assert_eq!(seen, json!(["PUT sent", "TypeError", "TypeError"]));
    let requests = site.backends.http.requests();
    assert!(requests.iter().all(|request| request.method() != "OPTIONS"), "a preflight leaked");
    assert_eq!(
        [site.reached("/allowed"), site.reached("/method"), site.reached("/header")],
        [1, 0, 0]
    );
    for (path, method, verdict) in [
        ("/allowed", "OPTIONS", "preflight-allowed"),
        ("/allowed", "PUT", "allowed"),
        ("/method", "OPTIONS", "preflight-denied:method"),
        ("/header", "OPTIONS", "preflight-denied:header"),
    ] {
        let is_meant = |line: &serde_json::Value| line["path"] == path && line["method"] == method;
        let line = site.serve.logged(path, is_meant).unwrap();
        assert_eq!(
            (&line["cors"], &line["version"]),
            (&json!(verdict), &json!("HTTP/2")),
            "{line}"
        );
    }
}
