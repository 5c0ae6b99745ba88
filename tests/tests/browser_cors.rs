//! CORS policies in a real Chromium: pages on two origins send every mix of method, header, content
//! type and credentials through the front door to a backend whose own CORS headers allow
//! everything. What scripts could read and what reached the backend is what the policies say.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use portico_tests::{
    backend::{Backend, Reply, route, service},
    browser::{Chromium, Kind, Page},
    edge::Edge,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fmt};

/// Routes with a policy each, and the same policy as the expectations know it.
#[derive(Clone, Copy, Debug)]
struct Policy {
    name: &'static str,
    /// `ALLOWED` stands for the first page's origin.
    cors: &'static str,
    origins: Origins,
    credentials: bool,
    /// `None`: any.
    methods: Option<&'static [&'static str]>,
    headers: Option<&'static [&'static str]>,
    /// Whether `x-total` is exposed.
    exposes: bool,
    rejects: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Origins {
    Every,
    First,
}

const POLICIES: [Policy; 5] = [
    Policy {
        name: "open",
        cors: "{allowOrigins: ['*'], exposeHeaders: ['*']}",
        origins: Origins::Every,
        credentials: false,
        methods: None,
        headers: None,
        exposes: true,
        rejects: false,
    },
    Policy {
        name: "partner",
        cors: "{allowOrigins: ['ALLOWED'], allowCredentials: true, allowMethods: [PUT, PATCH], allowHeaders: [x-api-key], exposeHeaders: [x-total]}",
        origins: Origins::First,
        credentials: true,
        methods: Some(&["PUT", "PATCH"]),
        headers: Some(&["x-api-key"]),
        exposes: true,
        rejects: false,
    },
    Policy {
        name: "narrow",
        cors: "{allowOrigins: ['ALLOWED'], allowMethods: [DELETE], allowHeaders: [x-other]}",
        origins: Origins::First,
        credentials: false,
        methods: Some(&["DELETE"]),
        headers: Some(&["x-other"]),
        exposes: false,
        rejects: false,
    },
    Policy {
        name: "reject",
        cors: "{allowOrigins: ['ALLOWED'], allowCredentials: true, disallowedOrigin: Reject}",
        origins: Origins::First,
        credentials: true,
        methods: None,
        headers: None,
        exposes: false,
        rejects: true,
    },
    Policy {
        name: "regex",
        cors: "{allowOriginRegex: ['http://localhost:[0-9]+']}",
        origins: Origins::Every,
        credentials: false,
        methods: None,
        headers: None,
        exposes: false,
        rejects: false,
    },
];

/// One call of a page's script.
#[derive(Clone, Copy)]
struct Call {
    policy: Policy,
    first_page: bool,
    method: &'static str,
    api_key: bool,
    content_type: Option<&'static str>,
    credentials: bool,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let page = if self.first_page { "first page" } else { "second page" };
        let Self { policy, method, api_key, content_type, credentials, .. } = self;
        write!(f, "{page}: {method} {}, x-api-key: {api_key}, ", policy.name)?;
        write!(f, "content-type: {content_type:?}, credentials: {credentials}")
    }
}

impl Call {
    /// Fetch, "CORS-preflight fetch": what the browser asks for beforehand.
    fn preflights(&self) -> bool {
        !["GET", "POST"].contains(&self.method)
            || self.api_key
            || self.content_type == Some("application/json")
    }

    fn origin_allowed(&self) -> bool {
        self.first_page || self.policy.origins == Origins::Every
    }

    /// Whether the answers that the browser gets let a script of this page read them.
    fn answers_are_shared(&self) -> bool {
        self.origin_allowed() && (self.policy.credentials || !self.credentials)
    }

    fn reaches_the_backend(&self) -> bool {
        let listed = |list: Option<&[&str]>, name| list.is_none_or(|list| list.contains(&name));
        if !self.preflights() {
            return self.origin_allowed() || !self.policy.rejects;
        }
        self.answers_are_shared()
            && (["GET", "POST"].contains(&self.method) || listed(self.policy.methods, self.method))
            && (!self.api_key || listed(self.policy.headers, "x-api-key"))
    }

    fn is_read(&self) -> bool {
        self.reaches_the_backend() && self.answers_are_shared()
    }

    fn script(&self, number: usize, edge: u16) -> Value {
        let mut headers = serde_json::Map::new();
        if self.api_key {
            headers.insert("X-Api-Key".to_owned(), json!("key"));
        }
        if let Some(content_type) = self.content_type {
            headers.insert("Content-Type".to_owned(), json!(content_type));
        }
        json!({
            "url": format!("http://localhost:{edge}/{}/{number}", self.policy.name),
            "init": {
                "method": self.method,
                "headers": headers,
                "credentials": if self.credentials { "include" } else { "omit" },
                "body": self.content_type.map(|_| "{}"),
            },
        })
    }
}

fn calls() -> Vec<Call> {
    let mut calls = Vec::new();
    for policy in POLICIES {
        for first_page in [true, false] {
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
                let content_types: &[_] = match method {
                    "GET" => &[None],
                    _ => &[None, Some("text/plain"), Some("application/json")],
                };
                for content_type in content_types.iter().copied() {
                    for (api_key, credentials) in
                        [(false, false), (false, true), (true, false), (true, true)]
                    {
                        calls.push(Call {
                            policy,
                            first_page,
                            method,
                            api_key,
                            content_type,
                            credentials,
                        });
                    }
                }
            }
        }
    }
    calls
}

/// What a script saw of its call.
#[derive(Debug, Default, Deserialize, PartialEq)]
struct Seen {
    /// The body, where it could be read.
    body: Option<String>,
    /// The header `x-total`, where it could be read.
    total: Option<String>,
    /// The header `access-control-allow-origin`, which no policy exposes but by `*`.
    secret: Option<String>,
}

/// Sends the calls from the page that is open, a few at a time.
const SEND: &str = "
    async (calls) => {
        const seen = [];
        const send = async ({url, init}, at) => {
            try {
                const answer = await fetch(url, init);
                const header = (name) => answer.headers.get(name);
                seen[at] = {body: await answer.text(), total: header('x-total'), secret: header('x-secret')};
            } catch (error) {
                if (!(error instanceof TypeError)) throw error;
                seen[at] = {};
            }
        };
        const queue = [...calls.entries()];
        const work = async () => {
            for (let next; (next = queue.shift()); ) await send(next[1], next[0]);
        };
        await Promise.all([work(), work(), work(), work()]);
        return seen;
    }";

fn send(browser: &mut Chromium, page: u16, calls: &[Value]) -> Vec<Seen> {
    browser.open(&format!("http://localhost:{page}/")).unwrap();
    browser
        .wait_for(&format!("location.port === '{page}' && document.readyState === 'complete'"))
        .unwrap();
    let seen = browser.evaluate(&format!("({SEND})({})", json!(calls))).unwrap();
    serde_json::from_value(seen).unwrap()
}

/// A backend that allows everything itself, whoever asks.
async fn careless_backend() -> Backend {
    Backend::scripted(|_| {
        Reply::raw(
            "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: *\r\nAccess-Control-Allow-Headers: *\r\nAccess-Control-Expose-Headers: *\r\nX-Total: 7\r\nX-Secret: 1\r\nContent-Length: 4\r\n\r\ndata",
        )
    })
    .await
    .unwrap()
}

async fn page() -> Backend {
    let page =
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<!doctype html>";
    Backend::answering(page).await.unwrap()
}

fn manifests(backend: &Backend, allowed: &str) -> String {
    let mut all = "apiVersion: portico.dev/v1alpha1\nkind: FrontDoor\nmetadata: {name: ep, namespace: web}\nspec: {hosts: [{name: localhost}]}\n".to_owned();
    all += &service("app", "http", &[backend.address()]);
    for Policy { name, cors, .. } in POLICIES {
        let cors = cors.replace("ALLOWED", allowed);
        all += &route(
            name,
            &format!(
                "matches: [{{path: '/{name}/*'}}]\nbackends: [{{service: {{name: app, port: 80}}}}]\ncors: {cors}"
            ),
        );
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_read_what_the_policies_say_and_no_more() {
    let Some(program) = Kind::Chromium.find_or_skip() else { return };
    let (first, second, backend) = (page().await, page().await, careless_backend().await);
    let (first, second) = (first.address().port(), second.address().port());
    let edge =
        Edge::start(&manifests(&backend, &format!("http://localhost:{first}"))).await.unwrap();
    let port = edge.address().port();
    let calls = calls();
    let scripts: Vec<_> =
        calls.iter().enumerate().map(|(number, call)| call.script(number, port)).collect();

    let seen = tokio::task::block_in_place(|| {
        let mut browser = Chromium::launch(&program).unwrap();
        let cookie =
            json!({"name": "session", "value": "1", "url": format!("http://localhost:{port}/")});
        browser.command("Network.setCookie", cookie).unwrap();
        let mut seen: Vec<Option<Seen>> = calls.iter().map(|_| None).collect();
        for (first_page, page) in [(true, first), (false, second)] {
            let mine = || (0..calls.len()).filter(|at| calls[*at].first_page == first_page);
            let scripts: Vec<_> = mine().map(|at| scripts[at].clone()).collect();
            for (at, result) in mine().zip(send(&mut browser, page, &scripts)) {
                seen[at] = Some(result);
            }
        }
        seen
    });

    let requests = backend.requests();
    assert!(requests.iter().all(|request| request.method() != "OPTIONS"), "a preflight leaked");
    let reached: BTreeSet<usize> =
        requests.iter().map(|request| number(request.target())).collect();
    assert_eq!(reached.len(), requests.len(), "a call was forwarded twice");
    for (number, (call, seen)) in calls.iter().zip(seen).enumerate() {
        assert_eq!(reached.contains(&number), call.reaches_the_backend(), "{call}");
        let text = |readable: bool, text: &str| readable.then(|| text.to_owned());
        let expected = Seen {
            body: text(call.is_read(), "data"),
            total: text(call.is_read() && call.policy.exposes, "7"),
            // With credentials `*` is no wildcard; without, it stands for every header.
            secret: text(call.is_read() && call.policy.name == "open", "1"),
        };
        assert_eq!(seen, Some(expected), "{call}");
    }
    for request in requests {
        let call = calls[number(request.target())];
        assert_eq!(request.field("cookie") == "session=1", call.credentials, "{call}");
        assert_eq!(request.method(), call.method, "{call}");
    }
}

/// The call that a request belongs to: the last segment of its path.
fn number(target: &str) -> usize {
    target.rsplit('/').next().unwrap().parse().unwrap()
}
