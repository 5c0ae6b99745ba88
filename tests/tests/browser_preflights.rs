//! Which calls real browsers ask for beforehand, beside what `explain` says: a page sends each to
//! another origin, which allows everything and tells whether it was asked.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use http::{HeaderMap, HeaderName, HeaderValue};
use portico::{
    compile::{Compiled, Options, compile},
    files::read_texts,
};
use portico_dataplane::{
    config::{HttpsPorts, Underscores},
    explain::{Question, explain},
};
use portico_tests::{
    backend::{Backend, Reply, one_route},
    browser::{Kind, Page, Trust},
    wire::Message,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A call: its method, and the header that the script sets.
type Call = (&'static str, &'static str, String);

/// Each kind of call on both sides of where browsers change their mind.
const VALUES: &[(&str, &[&str])] = &[
    (
        "range",
        &[
            "bytes=0-",
            "bytes=5-10",
            "bytes=10-5",
            "bytes=-5",
            "bytes=0-1,5-6",
            "Bytes=0-1",
            "bytes=05-6",
            "bytes=0-00000000000000000000000001",
            "bytes=0-9223372036854775806",
            "bytes=0-9223372036854775807",
            "bytes=9223372036854775808-",
            "bytes=0-18446744073709551615",
            "bytes=0-18446744073709551616",
            "bytes=0-99999999999999999999",
            "bytes=99999999999999999999-100000000000000000000",
        ],
    ),
    (
        "content-type",
        &[
            "text/plain",
            "TEXT/Plain",
            "text/plain; charset=utf-8",
            "text/plain; charset=utf-8, x",
            "text/plain;,",
            "text/plain; a=b, text/plain",
            "text/plain, text/plain",
            "text/plain;=;;charset",
            "text/plain; charset=\"utf-8\"",
            "text/plain; x=\u{e9}",
            "multipart/form-data; boundary=a,b",
            "multipart/form-data; boundary=a",
            "application/x-www-form-urlencoded; charset=utf-8, x",
            "application/json",
        ],
    ),
    ("accept", &["*/*", "a:b", "caf\u{e9}"]),
    ("accept-language", &["en", "en_GB", "\u{e9}"]),
    ("content-language", &["en", "a,b"]),
    ("user-agent", &["x", "a:b"]),
    ("save-data", &["on", "ON", "off", "1"]),
    ("ect", &["slow-2g", "2g", "3g", "4g", "4G", "5g"]),
    ("rtt", &["1", "007", "1.5", "x"]),
    ("width", &["1", "1.5"]),
    ("viewport-width", &["1", "x"]),
    ("device-memory", &["1", "0.5", ".5"]),
    ("downlink", &["0", "10.25", "1.", "1e3"]),
    ("dpr", &["1", "1.5", "1.5.2"]),
    ("intervention", &["x", "a:b"]),
    ("lang", &["en"]),
    ("purpose", &["prefetch"]),
    ("priority", &["u=1"]),
    ("authorization", &["Bearer x", "Basic YTpi"]),
    ("x-api-key", &["1"]),
    ("traceparent", &["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]),
    ("cache-control", &["no-cache"]),
    ("pragma", &["no-cache"]),
    ("if-none-match", &["\"a\""]),
    ("last-event-id", &["7"]),
    ("x-forwarded-for", &["1.2.3.4"]),
    ("x-http-method-override", &["PUT", "TRACE"]),
    ("dnt", &["1"]),
    ("sec-ch-ua", &["x"]),
    ("accept-charset", &["utf-8"]),
];

fn calls() -> Vec<Call> {
    let mut calls: Vec<Call> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
        .map(|method| (method, "", String::new()))
        .into();
    for (name, values) in VALUES {
        let method = if *name == "content-type" { "POST" } else { "GET" };
        // As long as may be, and longer.
        let long = [128, 129].map(|length| "1".repeat(length));
        let values = values.iter().copied().chain(long.iter().map(String::as_str));
        calls.extend(values.map(|value| (method, *name, value.to_owned())));
    }
    calls.push(("PUT", "user-agent", "x".to_owned()));
    calls
}

/// Sends the calls one after another.
const SEND: &str = "
    async (calls) => {
        for (const {url, init} of calls) await fetch(url, init).catch(() => {});
        return true;
    }";

fn send(browser: &mut dyn Page, page: u16, other: u16, calls: &[Call]) {
    let calls: Vec<Value> = calls.iter().enumerate().map(|(number, (method, name, value))| {
        let headers = if name.is_empty() { json!({}) } else { json!({*name: value}) };
        json!({"url": format!("http://localhost:{other}/{number}"), "init": {"method": method, "headers": headers}})
    }).collect();
    browser.open(&format!("http://localhost:{page}/")).unwrap();
    browser
        .wait_for(&format!("location.port === '{page}' && document.readyState === 'complete'"))
        .unwrap();
    browser.evaluate(&format!("({SEND})({})", json!(calls))).unwrap();
}

/// Allows everything.
fn allow(request: &Message) -> Reply {
    let (methods, names) = (
        request.field("access-control-request-method"),
        request.field("access-control-request-headers"),
    );
    Reply::raw(format!(
        "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: {methods}\r\nAccess-Control-Allow-Headers: {names}\r\nContent-Length: 0\r\n\r\n"
    ))
}

/// Whether each call was asked for, by its number, and with which headers.
fn asked(requests: Vec<Message>) -> BTreeMap<usize, Option<String>> {
    let mut asked = BTreeMap::new();
    for request in requests {
        let Ok(number) = request.target().trim_start_matches('/').parse() else { continue };
        let names = request.field("access-control-request-headers").to_owned();
        let is_preflight = request.method() == "OPTIONS";
        asked.entry(number).or_insert_with(|| is_preflight.then_some(names));
    }
    asked
}

/// Whether a browser is said to ask for a call, and for which headers: `None` if it does not.
fn explained(compiled: &Compiled, (method, name, value): &Call, kind: Kind) -> Option<String> {
    let mut headers = HeaderMap::new();
    if !name.is_empty() {
        // As JavaScript's strings are sent, a byte for each character.
        let value: Vec<u8> = value.chars().map(|char| u8::try_from(char).unwrap()).collect();
        headers.insert(HeaderName::from_static(name), HeaderValue::from_bytes(&value).unwrap());
    }
    let question = Question {
        method: method.parse().unwrap(),
        target: "http://www.ep.com/".parse().unwrap(),
        origin: Some(HeaderValue::from_static("https://page.example")),
        headers,
        via_name: "portico-test".into(),
        underscores: Underscores::Remove,
        https_ports: HttpsPorts { http: 80, https: 443, public: None },
    };
    let explanation = explain(&compiled.table, &question, &[]).unwrap();
    let why = &explanation.browser.why;
    if why.contains(&format!("{kind:?} sends none")) {
        return None;
    }
    if why.contains(&format!("{kind:?} sends one")) {
        return Some((*name).to_owned());
    }
    assert_eq!(explanation.browser.preflight, Some(explanation.preflight.is_some()), "{why}");
    let asks = explanation.preflight?.asks;
    let names = asks.iter().find(|field| field.name == "access-control-request-headers");
    let is_asked = !why.contains(&format!("{kind:?} does not ask for {name}"));
    Some(names.filter(|_| is_asked).map_or(String::new(), |names| names.value.clone()))
}

async fn assert_as_explained(kind: Kind) {
    let Some(mut browser) = kind.launch(&Trust::default()).unwrap() else { return };
    let page =
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<!doctype html>";
    let page = Backend::answering(page).await.unwrap();
    let other = Backend::scripted(allow).await.unwrap();
    let manifests = read_texts([("x.yaml", one_route(other.address(), "").as_str())]);
    let options = Options { loopback_endpoints: true, ..Options::default() };
    let compiled = compile(&manifests.snapshot, &options);
    let conditions = compiled.statuses.values().flat_map(|status| &status.conditions);
    assert!(conditions.clone().count() > 0 && conditions.clone().all(|condition| condition.status));
    let (calls, port) = (calls(), other.address().port());
    tokio::task::block_in_place(|| send(&mut *browser, page.address().port(), port, &calls));
    let asked = asked(other.take());
    assert_eq!(asked.len(), calls.len());
    let wrong = calls.iter().enumerate().filter_map(|(number, call)| {
        let expected = explained(&compiled, call, kind);
        let seen = &asked[&number];
        (*seen != expected).then(|| format!("{call:?}: {seen:?}, not {expected:?}"))
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{kind:?}:\n{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chromium_asks_when_explain_says_so() {
    assert_as_explained(Kind::Chromium).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn firefox_asks_when_explain_says_so() {
    assert_as_explained(Kind::Firefox).await;
}
