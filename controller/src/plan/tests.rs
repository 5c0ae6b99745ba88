//! Recordings with one thing to notice each.

use super::*;
use serde_json::{Value, json};

/// A request of a script on https://www.ep.com, which starts after so many milliseconds and takes 10.
fn call(method: &str, url: &str, start: i64) -> Value {
    json!({
        "startedDateTime": format!("2024-05-01T10:{:02}:{:02}.{:03}Z", start / 60_000, start / 1000 % 60, start % 1000),
        "time": 10,
        "_resourceType": "fetch",
        "request": {
            "method": method,
            "url": url,
            "headers": [{"name": "origin", "value": "https://www.ep.com"}],
        },
        "response": {"status": 200, "headers": [], "content": {}},
        "timings": {"wait": 8},
    })
}

/// The document of the page, as the first request of a visit.
fn document() -> Value {
    let mut entry = call("GET", "https://www.ep.com/", 0);
    entry["_resourceType"] = json!("document");
    entry["request"]["headers"] = json!([]);
    entry
}

fn preflight(method: &str, url: &str, start: i64) -> Value {
    let asks = ("access-control-request-method", method);
    let mut entry = with(call("OPTIONS", url, start), "request", &[asks]);
    entry["_resourceType"] = json!("preflight");
    entry
}

/// An entry with further headers of its request or response.
fn with(mut entry: Value, side: &str, headers: &[(&str, &str)]) -> Value {
    let all = entry[side]["headers"].as_array_mut().unwrap();
    all.extend(headers.iter().map(|(name, value)| json!({"name": name, "value": value})));
    entry
}

fn plan(entries: &[Value]) -> Plan {
    let mut recordings = Recordings::default();
    let text = json!({"log": {"entries": entries}}).to_string();
    recordings.read("", text.as_bytes()).unwrap();
    Plan::of(recordings, &Services::new())
}

/// The hosts that something of this kind is said about.
fn said<'p>(plan: &'p Plan, kind: &str) -> Vec<(&'p str, &'p str)> {
    let review = plan.review.iter().filter(|review| review.kind == kind);
    review.map(|review| (review.host.as_str(), review.why.as_str())).collect()
}

const API: &str = "https://api.ep.com";
const URL: &str = "https://api.ep.com/a";

/// Entries, and what must be said: its kind, the host that it is about, and a part of it.
type Case = (Vec<Value>, &'static str, &'static str, &'static str);

const PAGE: &str = "https://www.ep.com";

fn page(headers: &[(&str, &str)]) -> Value {
    with(document(), "response", headers)
}

fn answered(headers: &[(&str, &str)]) -> Value {
    with(call("GET", URL, 50), "response", headers)
}

fn other(url: &str) -> Value {
    call("GET", url, 70)
}

fn cases_of_cookies() -> Vec<Case> {
    let login = with(other("https://login.ep.com/b"), "response", &[("set-cookie", "id=3")]);
    vec![
        (vec![answered(&[("Set-Cookie", "a=b; Domain=ep.com")])], "cookies", API, "with Domain"),
        (
            vec![page(&[("set-cookie", "id=1")]), answered(&[("set-cookie", "id=2")])],
            "cookies",
            API,
            "same name as the page's host",
        ),
        (
            vec![answered(&[("set-cookie", "id=2")]), login],
            "cookies",
            "https://login.ep.com",
            "same name as https://api.ep.com",
        ),
        (
            vec![with(answered(&[]), "request", &[("cookie", "a=b")])],
            "credentials",
            API,
            "carry credentials",
        ),
        (
            vec![with(document(), "request", &[("cookie", "a=b")]), answered(&[])],
            "credentials",
            API,
            "they carry the page's",
        ),
    ]
}

fn cases_of_hosts() -> Vec<Case> {
    let redirect = |to: &str| {
        let mut entry = answered(&[("location", to)]);
        entry["response"]["status"] = json!(302);
        entry
    };
    let mut naming = document();
    naming["response"]["content"]["text"] = json!("fetch('https://api.ep.com/a')");
    let azure = "https://ep.azurewebsites.net";
    vec![
        (
            vec![answered(&[("access-control-allow-origin", PAGE)])],
            "origin",
            API,
            "depend on Origin",
        ),
        (
            vec![redirect("https://elsewhere.ep.com/")],
            "redirect",
            API,
            "to a host that was not recorded:",
        ),
        (
            vec![redirect("https://login.ep.com/x"), other("https://login.ep.com/b")],
            "redirect",
            API,
            "to https://login.ep.com:",
        ),
        (vec![naming, answered(&[])], "absolute-urls", API, "bodies from https://www.ep.com"),
        (vec![other("https://ep.azurewebsites.net/x")], "other-domain", azure, "your own"),
        (
            vec![answered(&[]), other("https://api.stripe.com/x")],
            "third-party",
            "https://api.stripe.com",
            "alone",
        ),
        (vec![other("https://api.ep.com/7")], "paths", API, "its paths get the prefix /api"),
    ]
}

fn cases_of_pages() -> Vec<Case> {
    let policy = page(&[("Content-Security-Policy", "connect-src x")]);
    let worker = with(document(), "request", &[("service-worker", "script")]);
    vec![
        (vec![policy, answered(&[])], "csp", PAGE, "'self'"),
        (vec![worker, answered(&[])], "service-worker", PAGE, "what it caches"),
        (vec![answered(&[])], "page", PAGE, "in a circle"),
        (vec![answered(&[])], "tls", PAGE, "tls.secretRef"),
        (vec![other("https://api.ep.com/7")], "calls", PAGE, "get a prefix"),
    ]
}

#[test]
fn what_must_be_looked_at_is_said() {
    let cases = [cases_of_cookies(), cases_of_hosts(), cases_of_pages()].concat();
    for (entries, kind, host, part) in cases {
        let plan = plan(&entries);
        let said = said(&plan, kind);
        let found = said.iter().any(|(about, why)| *about == host && why.contains(part));
        assert!(found, "{kind}, {part}: {:?}", plan.review);
    }
    // And nothing is made up.
    let plain = plan(&[document(), answered(&[("access-control-allow-origin", "*")])]);
    let kinds: Vec<_> = plain.review.iter().map(|review| review.kind).collect();
    assert_eq!(kinds, ["page", "tls"]);
}

fn preflights(plan: &Plan) -> (usize, usize, f64) {
    let page = &plan.pages[0];
    (page.preflights.seen, page.preflights.inferred, page.milliseconds)
}

/// A call that took no longer than its response.
fn shorter(mut call: Value) -> Value {
    call["time"] = json!(5);
    call["timings"] = json!({"wait": 5});
    call
}

#[test]
fn preflights_find_their_calls() {
    for (entries, seen, calls, saved) in [
        // Proxies: the call starts when the preflight has ended.
        (vec![preflight("PUT", URL, 0), call("PUT", URL, 10)], 1, 1, 10.0),
        // Firefox: before it starts, and without it in its time.
        (vec![shorter(call("PUT", URL, 0)), preflight("PUT", URL, 1)], 1, 1, 10.0),
        (
            vec![
                shorter(call("PUT", URL, 0)),
                preflight("PUT", URL, 1),
                // As soon as the first has been answered.
                shorter(call("PUT", URL, 19)),
                preflight("PUT", URL, 20),
            ],
            2,
            2,
            20.0,
        ),
        // Chromium: before it starts.
        (vec![call("PUT", URL, 0), preflight("PUT", URL, 1)], 1, 1, 10.0),
        // The same URL with another method, which needs none, and which the page waits for anyway.
        (vec![preflight("PUT", URL, 0), call("GET", URL, 10), call("PUT", URL, 11)], 1, 2, 1.0),
        // A result from the cache.
        (vec![preflight("PUT", URL, 0), call("PUT", URL, 10), call("PUT", URL, 30)], 1, 2, 10.0),
        // One that is refused, so that nothing follows.
        (vec![preflight("PUT", URL, 0)], 1, 0, 10.0),
        // Another URL.
        (vec![preflight("PUT", URL, 0), call("PUT", "https://api.ep.com/b", 10)], 1, 1, 10.0),
    ] {
        let plan = plan(&entries);
        let (found, inferred, milliseconds) = preflights(&plan);
        assert_eq!((found, inferred, plan.pages[0].calls), (seen, 0, calls), "{entries:?}");
        assert!((milliseconds - saved).abs() < 0.1, "{milliseconds}: {entries:?}");
    }
}

#[test]
fn preflights_are_inferred_as_often_as_they_can_not_have_been_cached() {
    for (starts, expected) in [(&[0, 4900][..], 1), (&[0, 5100], 2), (&[0, 100, 5100, 5200], 2)] {
        let calls: Vec<_> = starts.iter().map(|start| call("PUT", URL, *start)).collect();
        let (seen, inferred, milliseconds) = preflights(&plan(&calls));
        assert_eq!((seen, inferred), (0, expected));
        // Each as long as the fastest response.
        assert!((milliseconds - 8.0 * expected as f64).abs() < 0.1, "{milliseconds}");
    }
    // A simple call needs none, nor does one to the page's own origin.
    let none = [call("GET", URL, 0), call("PUT", "https://www.ep.com/a", 50)];
    assert_eq!(preflights(&plan(&none)), (0, 0, 0.0));
}

#[test]
fn a_frame_of_others_is_no_page_of_ours() {
    let mut framed = call("PUT", "https://api.stripe.com/a", 50);
    framed["request"]["headers"][0]["value"] = json!("https://js.stripe.com");
    let plan = plan(&[document(), call("GET", URL, 20), framed]);
    let doors: Vec<_> = plan.doors.iter().map(|door| door.page.as_str()).collect();
    assert_eq!(doors, ["https://www.ep.com"]);
    assert_eq!(plan.total.preflights, 0, "{:?}", plan.hosts);
}

#[test]
fn connections_to_other_hosts_are_saved() {
    let mut first = call("GET", URL, 0);
    first["time"] = json!(100);
    first["timings"] = json!({"dns": 5, "connect": 60, "ssl": 40, "wait": 8});
    let plan = plan(&[first, call("GET", URL, 150)]);
    assert_eq!((plan.total.connections, plan.total.handshakes), (1, 1));
    assert!((plan.total.milliseconds - 65.0).abs() < 0.1, "{:?}", plan.total);
    let waterfall = plan.waterfall.unwrap();
    assert_eq!((waterfall.before, waterfall.after), (160.0, 95.0));
    let moved: Vec<_> = waterfall.bars.iter().map(|bar| (bar.end, bar.moved_end)).collect();
    assert_eq!(moved, [(100.0, 35.0), (160.0, 95.0)]);
}
