//! A policy grants what it says and nothing else. The input is a request and, behind an empty line,
//! a policy:
//!
//! ```text
//! OPTIONS
//! origin: https://app.example.com
//! access-control-request-method: PUT
//!
//! {"allowOrigins": ["https://app.example.com"]}
//! ```

#![no_main]

use http::{HeaderMap, HeaderName, HeaderValue, Method, header::*};
use libfuzzer_sys::fuzz_target;
use portico::{
    compile::{Options, compile},
    diagnostic::{Kind, ObjectRef},
    objects::{Entry, Snapshot},
};
use portico_dataplane::{
    cors::{Policy, PreflightHandling},
    fuzzing::{CorsOutcome, cors},
    table::{Action, ObjectName, Route},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;

fuzz_target!(|text: &str| {
    let Some((request, given)) = text.split_once("\n\n") else { return };
    let Ok(given) = serde_json::from_str::<Value>(given) else { return };
    let Some((method, mut headers)) = parse_request(request) else { return };
    // With it, `Origin: null` can be a page's own.
    headers.remove("sec-fetch-site");
    let Some(policy) = compiled(&given) else { return };
    if let Some(policy) = &policy {
        check_credentials(policy, &given, &headers);
    }
    let policy = policy.as_deref();
    check(policy, &method, &headers, &cors(policy, &method, &headers, backend()));
});

fn parse_request(text: &str) -> Option<(Method, HeaderMap)> {
    let mut lines = text.split('\n');
    let method = lines.next()?.parse().ok()?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':')?;
        headers.append(name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value.trim()).ok()?);
    }
    Some((method, headers))
}

/// A backend's response, with CORS headers of its own.
fn backend() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert("access-control-unheard-of", HeaderValue::from_static("x"));
    headers.insert(VARY, HeaderValue::from_static("accept"));
    headers
}

fn entry<T: DeserializeOwned>(kind: Kind, spec: Value) -> (ObjectName, Entry<T>) {
    let name = ObjectName::new("n", "a");
    let object = ObjectRef { kind, name: name.clone() };
    let manifest = json!({
        "apiVersion": "portico.dev/v1alpha1", "kind": kind.name(),
        "metadata": {"namespace": "n", "name": "a"}, "spec": spec,
    });
    (name, Entry::decode(&object, manifest, []))
}

/// What a Route with this policy is served with; `None` where it is not served.
fn compiled(policy: &Value) -> Option<Option<Arc<Policy>>> {
    let route = json!({"frontDoorRef": {"name": "a"}, "respond": {}, "cors": policy});
    let snapshot = Snapshot {
        front_doors: [entry(Kind::FrontDoor, json!({"hosts": [{"name": "*"}]}))].into(),
        routes: [entry(Kind::Route, route)].into(),
        ..Snapshot::default()
    };
    let compiled = compile(&snapshot, &Options::default());
    let object = ObjectRef { kind: Kind::Route, name: ObjectName::new("n", "a") };
    let accepted = compiled.statuses[&object].is_accepted();
    let matches = compiled.table.hosts.iter().flat_map(|host| host.routes.matches());
    let is_held = |route: &Route| matches!(route.action, Action::NotAccepted(_));
    let mut served = matches.map(|matched| &matched.target).filter(|route| !is_held(route));
    let served = served.next().map(|route| route.cors.clone());
    assert_eq!(accepted, served.is_some(), "served with its policy, or not at all");
    if let Some(served) = &served {
        assert_eq!(served.is_some(), !policy.is_null() && policy["mode"] != "Disabled");
    }
    served
}

/// With credentials no origin is admitted as which a stranger could act.
fn check_credentials(policy: &Policy, given: &Value, headers: &HeaderMap) {
    let is_careful = given["dangerouslyAllow"].as_array().is_none_or(Vec::is_empty);
    if !policy.credentials || !is_careful {
        return;
    }
    assert!(!policy.origins.admit(b"null"));
    assert_ne!(policy.expose_headers.as_ref().map(HeaderValue::as_bytes), Some(&b"*"[..]));
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    if let Some(host) = origin.strip_prefix("http://") {
        let own = ["localhost", "127.", "[::1]"].iter().any(|own| host.contains(own));
        assert!(own || !policy.origins.admit(origin.as_bytes()), "{origin}");
    }
}

fn check(policy: Option<&Policy>, method: &Method, headers: &HeaderMap, outcome: &CorsOutcome) {
    let is_cors = |name: &HeaderName| name.as_str().starts_with("access-control-");
    let (Some(policy), Some(origin)) = (policy, headers.get(ORIGIN)) else {
        assert!(outcome.verdict.is_none() && outcome.forwarded);
        if policy.is_none() {
            assert_eq!(outcome.headers, backend());
        }
        return;
    };
    let is_preflight =
        *method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let is_passed_on =
        is_preflight && outcome.forwarded && policy.preflight == PreflightHandling::Forward;
    if policy.report_only
        || (is_passed_on && outcome.verdict.as_deref() == Some("PreflightForwarded"))
    {
        assert!(outcome.forwarded);
        assert_eq!(outcome.headers, backend());
        return;
    }
    let vary = outcome.headers[VARY].to_str().unwrap().to_ascii_lowercase();
    assert!(vary.split(',').any(|name| name.trim() == "origin"), "{vary}");
    if outcome.denied {
        assert!(!outcome.headers.keys().any(is_cors), "{:?}", outcome.headers);
        return;
    }
    let granted: Vec<_> = outcome.headers.get_all(ACCESS_CONTROL_ALLOW_ORIGIN).iter().collect();
    assert_eq!(granted, [origin]);
    assert!(policy.origins.admit(origin.as_bytes()));
    assert_eq!(outcome.headers.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS), policy.credentials);
    assert!(!outcome.headers.contains_key("access-control-unheard-of"));
    if !outcome.forwarded {
        check_preflight(headers, &outcome.headers);
    }
}

/// The browser comes to the same verdict (Fetch, "CORS-preflight fetch", step 7).
fn check_preflight(asked: &HeaderMap, granted: &HeaderMap) {
    let list = |name: &HeaderName| {
        let text = granted.get(name).map_or("", |value| value.to_str().unwrap());
        text.split(',').map(|element| element.trim().to_owned()).collect::<Vec<_>>()
    };
    let method = asked[ACCESS_CONTROL_REQUEST_METHOD].to_str().unwrap();
    let is_simple = ["GET", "HEAD", "POST"].contains(&method);
    assert!(is_simple || list(&ACCESS_CONTROL_ALLOW_METHODS).iter().any(|other| other == method));
    let allowed = list(&ACCESS_CONTROL_ALLOW_HEADERS);
    for line in asked.get_all(ACCESS_CONTROL_REQUEST_HEADERS) {
        for name in line.to_str().unwrap().split(',').map(str::trim) {
            let named = allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(name));
            assert!(named || name.is_empty(), "{name}");
        }
    }
}
