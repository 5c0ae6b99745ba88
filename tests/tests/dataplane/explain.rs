//! What `explain` says is what happens: every case is explained, and then sent.

mod rules;
mod websockets;

use crate::exchange;
use http::{HeaderMap, HeaderValue, Method};
use portico::compile::Compiled;
use portico_dataplane::{
    config::{HttpsPorts, Underscores},
    explain::{Explanation, Field, Question, Response, ResponseSource, explain},
};
use portico_tests::{
    backend::{Backend, Reply, front_door, route, service},
    edge::Edge,
    wire::Message,
};

const POLICY: &str = "cors:
  allowOrigins: ['https://app.example.com', 'https://*.example.org']
  allowCredentials: true
  allowMethods: [PUT]
  allowHeaders: [x-a, x-b]
  exposeHeaders: [x-total-count]
  maxAge: 10m
";

/// Rules of the FrontDoor, and of a Route.
const RULES: &str = "rules:
- name: closed
  when: [{path: /closed/*}, {not: {header: {name: x-a, value: blue}}}]
  do: {respond: {status: 410, headers: [{name: content-type, value: text/plain}], body: 'no {path}'}}
- name: mark
  do:
    requestHeaders: {set: [{name: x-mark, value: '{method} {host} {route}'}]}
    responseHeaders: {set: [{name: x-marked, value: '{path}'}]}
";
const ROUTE_RULES: &str = "matches: [{path: '/ruled/{id}/*'}]
rules:
- name: moved
  when: [{query: {name: v, type: GreaterThan, value: '1'}}]
  do: {redirect: {path: '/new/{id}/{query.v}', status: 308}}
- name: new
  when: [{header: {name: x-a, type: Present}}]
  do:
    rewrite: {path: '/r/{header.x-a}/{id}/*', host: new.example}
    responseHeaders: {add: [{name: x-add, value: '{id}'}]}
  stop: true
- name: rest
  when: [{any: [{method: [PUT]}, {cookie: {name: c, type: Present}}]}]
  do: {requestHeaders: {remove: [x-c]}}
";

/// What differs from request to request, and the framing, of which a head alone does not tell.
const UNTOLD: [&str; 5] = ["x-request-id", "date", "content-length", "connection", "x-route"];

const PAGE: &str = "https://app.example.com";
const EVIL: &str = "https://evil.example";
const OWN: &str = "http://www.ep.com";

/// Routes of every kind, each of which tells the backend its name.
fn manifests(backend: &Backend) -> String {
    let forward = |name: &str, spec: &str| {
        let edit = format!(
            "requestHeaders: {{set: [{{name: x-route, value: web/{name}}}, {{name: x-key, value: k}}], remove: [x-debug]}}"
        );
        let backends = "backends: [{service: {name: app, port: 80}}]";
        route(name, &format!("{backends}\n{edit}\n{spec}"))
    };
    let answer = "responseHeaders: {remove: [server], set: [{name: x-set, value: s}], add: [{name: x-add, value: a}]}";
    [
        front_door(&format!("{POLICY}slashes: Merge\n{RULES}")),
        service("app", "http", &[backend.address()]),
        service("nobody", "http", &[]),
        forward("all", "matches: [{path: /*}]"),
        forward("api", &format!("matches: [{{path: '/api/{{id}}/*'}}]\nrewrite: {{path: '/v1/{{id}}/*', host: Backend}}\n{answer}")),
        forward("put", "matches: [{path: /put, methods: [PUT]}]"),
        forward("tenant", "matches: [{path: /api/*, headers: [{name: x-a, value: blue}], query: [{name: v, value: '2'}]}]"),
        forward("open", "matches: [{path: /open/*}]\ncors: {mode: Disabled}"),
        forward("report", "matches: [{path: /report}]\ncors: {allowOrigins: ['https://app.example.com'], mode: Report}"),
        forward("passed", "matches: [{path: /passed}]\ncors: {allowOrigins: ['https://app.example.com'], preflight: Forward}"),
        forward("strict", "matches: [{path: /strict}]\ncors: {allowOrigins: ['https://app.example.com'], disallowedOrigin: Reject, debug: true}"),
        forward("ruled", ROUTE_RULES),
        route("moved", "matches: [{path: /old/*}]\nredirect: {path: /new/*, status: 308}"),
        route("fixed", &format!("matches: [{{path: /fixed}}]\nrespond: {{status: 203, headers: [{{name: x-f, value: f}}], body: fixed}}\n{answer}")),
        route("down", "matches: [{path: /down}]\nbackends: [{service: {name: nobody, port: 80}}]"),
    ]
    .concat()
}

/// A backend that says of itself whatever a page would like to hear.
async fn backend() -> Backend {
    Backend::scripted(|_| {
        Reply::raw(
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nServer: s\r\nVary: Accept\r\nX-Add: own\r\nX-Set: own\r\n\
             Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Headers: *\r\nAccess-Control-Expose-Headers: *\r\n\
             Access-Control-Allow-Private-Network: true\r\n\r\n",
        )
    })
    .await
    .unwrap()
}

struct Case {
    method: &'static str,
    target: &'static str,
    origin: Option<&'static str>,
    headers: &'static [(&'static str, &'static str)],
}

fn explained(compiled: &Compiled, case: &Case) -> Explanation {
    let line = |(name, value): &(&'static str, &'static str)| {
        (name.parse().unwrap(), HeaderValue::from_static(value))
    };
    let headers: HeaderMap = case.headers.iter().map(line).collect();
    let question = Question {
        method: Method::from_bytes(case.method.as_bytes()).unwrap(),
        target: format!("http://www.ep.com{}", case.target).parse().unwrap(),
        origin: case.origin.map(HeaderValue::from_static),
        headers,
        via_name: "portico-test".into(),
        underscores: Underscores::Remove,
        https_ports: HttpsPorts { http: 8080, https: 8443, public: None },
    };
    explain(&compiled.table, &question, &[]).unwrap()
}

/// Sends a request; its answer.
async fn send<'h>(
    edge: &Edge,
    method: &str,
    target: &str,
    headers: impl IntoIterator<Item = (&'h str, &'h str)>,
) -> Message {
    let mut request =
        format!("{method} {target} HTTP/1.1\r\nHost: www.ep.com\r\nConnection: close\r\n");
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    let mut answers = exchange(edge, request + "\r\n").await;
    assert_eq!(answers.len(), 1, "{method} {target}");
    answers.remove(0)
}

/// The fields of a message as `explain` lists them.
fn fields(message: &Message) -> Vec<Field> {
    let lines = message.head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    told(
        &lines
            .map(|(name, value)| Field {
                name: name.to_ascii_lowercase(),
                value: value.trim().to_owned(),
            })
            .collect::<Vec<_>>(),
    )
}

/// The fields that can be told beforehand, sorted.
fn told(fields: &[Field]) -> Vec<Field> {
    let mut told: Vec<_> =
        fields.iter().filter(|field| !UNTOLD.contains(&field.name.as_str())).cloned().collect();
    told.sort_by(|a, b| (&a.name, &a.value).cmp(&(&b.name, &b.value)));
    told
}

async fn assert_agrees(edge: &Edge, backend: &Backend, compiled: &Compiled, case: &Case) {
    let Case { method, target, origin, headers } = case;
    let name = format!("{method} {target} {origin:?} {headers:?}");
    let explanation = explained(compiled, case);
    if let Some(preflight) = &explanation.preflight {
        let before = backend.requests().len();
        let asks = preflight.asks.iter().map(|field| (field.name.as_str(), field.value.as_str()));
        let answer = send(edge, "OPTIONS", target, asks).await;
        let forwarded = backend.requests().len() > before;
        assert_eq!(forwarded, preflight.by == ResponseSource::Backend, "preflight of {name}");
        if !forwarded {
            assert_eq!(Some(answer.status()), preflight.status, "preflight of {name}");
            assert_eq!(fields(&answer), told(&preflight.headers), "preflight of {name}");
        }
    }
    let Some(response) = &explanation.response else { return };
    let before = backend.requests().len();
    // A browser sends no Origin with a GET of its own origin, and neither does the explanation.
    let silent = explanation.browser.why == "same origin: no CORS" && *method == "GET";
    let page = origin.filter(|_| !silent).map(|origin| ("origin", origin));
    let answer = send(edge, method, target, headers.iter().copied().chain(page)).await;
    let got = backend.requests().get(before).cloned();
    let sent = explanation.request.as_ref().filter(|request| request.sent);
    assert_eq!(got.is_some(), sent.is_some(), "{name}");
    if let (Some(got), Some(sent)) = (&got, sent) {
        assert_eq!(got.start_line(), format!("{} {} HTTP/1.1", sent.method, sent.target), "{name}");
        assert_eq!(fields(got), told(&sent.headers), "{name}");
        let winner = explanation.winner.as_ref().unwrap();
        assert_eq!(got.field("x-route"), winner.route.to_string(), "{name}");
    }
    assert_answer(&answer, response, &name);
    if let (ResponseSource::Backend, Some(origin)) =
        (response.by, origin.filter(|origin| *origin != OWN))
    {
        assert_readable(&answer, &explanation, origin, &name);
    }
}

fn assert_answer(answer: &Message, response: &Response, name: &str) {
    if response.by == ResponseSource::Edge {
        assert_eq!(Some(answer.status()), response.status, "{name}");
        assert_eq!(fields(answer), told(&response.headers), "{name}");
        match response.reason {
            Some(reason) => assert_eq!(answer.reason(), reason, "{name}"),
            None => assert_eq!(Some(answer.text()), response.body, "{name}"),
        }
        return;
    }
    for removed in &response.removes {
        let left: Vec<_> = fields(answer)
            .into_iter()
            .filter(|field| match removed.strip_suffix('*') {
                Some(prefix) => field.name.starts_with(prefix) && !response.sets.contains(field),
                None => field.name == *removed,
            })
            .collect();
        assert_eq!(left, [], "{removed} of {name}");
    }
    let keeps = !response.removes.iter().any(|removed| removed == "access-control-*");
    let other = answer.field("access-control-allow-private-network");
    assert_eq!(other == "true", keeps, "{name}");
    for Field { name: set, value } in &told(&response.sets) {
        assert_eq!(answer.field(set), *value, "{set} of {name}");
    }
    for Field { name: added, value } in &response.adds {
        let all = answer.fields(added).join(", ");
        assert!(all.ends_with(&format!(", {value}")), "{added} of {name}: {all}");
    }
}

/// What a browser would go by, where the answer is a backend's to a page of another origin.
fn assert_readable(answer: &Message, explanation: &Explanation, origin: &str, name: &str) {
    let Some(response) = &explanation.response else { return };
    let allowed = answer.field("access-control-allow-origin");
    let asked = explanation.preflight.as_ref().map(|preflight| preflight.allowed);
    match response.script.reads {
        Some(true) => assert_eq!(allowed, origin, "{name}"),
        Some(false) if asked == Some(Some(false)) => {}
        Some(false) => assert_eq!(allowed, "", "{name}"),
        None if asked == Some(None) => {}
        // The backend's own passes.
        None => assert_eq!(allowed, "*", "{name}"),
    }
}

/// Targets that meet each of the Routes.
const TARGETS: [&str; 18] = [
    "/",
    "/a/../b?x=%zz&y",
    "//api//7/a//b",
    "/a/..;/b",
    "/api/7/items",
    "/api/7/?v=2",
    "/put",
    "/open/a",
    "/report",
    "/passed",
    "/strict",
    "/old/a?b",
    "/fixed",
    "/down",
    "/closed/a",
    "/ruled/7/x",
    "/ruled/7/x?v=2",
    "/%zz",
];

#[tokio::test]
async fn what_is_explained_is_what_happens() {
    let backend = backend().await;
    let edge = Edge::start(&manifests(&backend)).await.unwrap();
    let compiled = edge.serve(&manifests(&backend)).await.unwrap();
    let headers: [&[(&str, &str)]; 4] = [
        &[],
        &[("x-a", "blue"), ("X-B", "1"), ("cookie", "c=1"), ("accept", "a/b")],
        &[
            ("x-c", "1"),
            ("x-debug", "1"),
            ("x-forwarded-for", "1.2.3.4"),
            ("connection", "x-debug"),
        ],
        &[
            ("content-type", "application/json"),
            ("referer", "http://www.ep.com/page"),
            ("x-route", "none"),
        ],
    ];
    let origins = [PAGE, "https://a.b.example.org", EVIL, OWN, "null"];
    for target in TARGETS {
        for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS"] {
            for headers in headers {
                for origin in origins.map(Some).into_iter().chain([None]) {
                    // Not asked by a browser, which knows only pages with an origin.
                    let case = Case {
                        method,
                        target,
                        origin: if origin == Some(OWN) && method == "OPTIONS" {
                            None
                        } else {
                            origin
                        },
                        headers,
                    };
                    if origin.is_none() {
                        let explanation = explained(&compiled, &case);
                        assert_eq!(explanation.preflight, None);
                    }
                    assert_agrees(&edge, &backend, &compiled, &case).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_preflight_itself_is_explained_as_it_is_answered() {
    let backend = backend().await;
    let edge = Edge::start(&manifests(&backend)).await.unwrap();
    let compiled = edge.serve(&manifests(&backend)).await.unwrap();
    for (target, origin, asked) in [
        ("/put", PAGE, "PUT"),
        ("/put", PAGE, "DELETE"),
        ("/put", EVIL, "PUT"),
        ("/strict", EVIL, "GET"),
        ("/nowhere/else", PAGE, "PUT"),
    ] {
        let asks: &'static [_] = match asked {
            "PUT" => &[("access-control-request-method", "PUT")],
            "DELETE" => &[("access-control-request-method", "DELETE")],
            _ => &[("access-control-request-method", "GET")],
        };
        let case = Case { method: "OPTIONS", target, origin: Some(origin), headers: asks };
        let explanation = explained(&compiled, &case);
        assert_eq!((&explanation.response, &explanation.request), (&None, &None));
        let preflight = explanation.preflight.unwrap();
        assert_eq!(preflight.allowed, Some(origin == PAGE && asked == "PUT"), "{target} {asked}");
        let headers = asks.iter().copied().chain([("origin", origin)]);
        let answer = send(&edge, "OPTIONS", target, headers).await;
        assert_eq!(Some(answer.status()), preflight.status);
        assert_eq!(fields(&answer), told(&preflight.headers));
    }
}
