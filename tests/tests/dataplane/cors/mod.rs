//! Cross-origin requests over sockets, rule by rule: each test is named for the rule that it shows.

mod complaints;
mod edge_answers;
mod forwarded;
mod gateway_api;
mod kinds;
mod origins;
mod preflight;
mod preflight_first;
mod preflight_lists;
mod refused;
mod vary;

use portico_tests::{
    backend::{Backend, one_route},
    edge::Edge,
    wire::{Message, ask},
};

/// The page that the policies here allow, unless they say otherwise.
const PAGE: &str = "https://app.example.com";
/// One that they don't.
const OTHER: &str = "https://other.example";
/// On what the answer to a preflight depends.
const PREFLIGHT_VARY: &str =
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
/// What a granted answer says where the policy has neither credentials nor exposed headers.
const GRANTED: &[&str] = &["allow-origin: https://app.example.com"];
/// An answer of a backend that sends CORS headers of its own, as it should not.
const CARELESS: &str = "HTTP/1.1 200 OK\r\n\
    Access-Control-Allow-Origin: *\r\n\
    access-control-allow-origin: https://other.example\r\n\
    Access-Control-Allow-Credentials: true\r\n\
    Access-Control-Allow-Methods: *\r\n\
    Access-Control-Expose-Headers: x-secret\r\n\
    Access-Control-Allow-Private-Network: true\r\n\
    X-Own: kept\r\n\
    Content-Length: 2\r\n\r\nok";

/// A policy that allows [`PAGE`], with further fields in flow style.
fn policy(more: &str) -> String {
    format!("cors: {{allowOrigins: ['{PAGE}'], {more}}}")
}

/// A request to www.ep.com: its method and target, and its fields behind `|`. A Host among them
/// replaces the usual one.
fn request(text: &str) -> String {
    let (line, fields) = text.split_once('|').unwrap_or((text, ""));
    let mut request = format!("{line} HTTP/1.1\r\n");
    if !fields.starts_with("Host:") {
        request += "Host: www.ep.com\r\n";
    }
    for field in fields.split('|').filter(|field| !field.is_empty()) {
        request += &format!("{field}\r\n");
    }
    request + "\r\n"
}

/// A request from a page.
fn from(origin: &str, line: &str) -> String {
    request(&format!("{line}|Origin: {origin}"))
}

/// A browser's question whether a page may send this request with these header lines of names.
fn preflight(origin: &str, method: &str, target: &str, names: &[&str]) -> String {
    let mut text =
        format!("OPTIONS {target}|Origin: {origin}|Access-Control-Request-Method: {method}");
    for line in names {
        text += &format!("|Access-Control-Request-Headers: {line}");
    }
    request(&text)
}

/// All `Access-Control-*` lines of a message, sorted, without that prefix, in lower case.
fn cors(message: &Message) -> Vec<String> {
    let mut lines: Vec<_> = message
        .lines()
        .filter_map(|(name, value)| {
            let name = name.to_ascii_lowercase();
            Some(format!("{}: {}", name.strip_prefix("access-control-")?, value))
        })
        .collect();
    lines.sort_unstable();
    lines
}

/// A message byte for byte, but for what is new in each.
fn stable(message: &Message) -> (String, String) {
    let is_new = |line: &str| {
        let line = line.to_ascii_lowercase();
        line.starts_with("x-request-id:") || line.starts_with("date:")
    };
    let lines: Vec<_> = message.head.split("\r\n").filter(|line| !is_new(line)).collect();
    let id = message.field("x-request-id");
    let body = message.text();
    (lines.join("\r\n"), if id.is_empty() { body } else { body.replace(&id, "(id)") })
}

/// www.ep.com, and the backend of its Routes.
struct Site {
    edge: Edge,
    backend: Backend,
}

/// An answer, and what the backend got for it, if anything.
struct Outcome {
    answer: Message,
    got: Option<Message>,
}

impl Site {
    /// One Route for everything, with further lines of its spec, over a backend that sends CORS
    /// headers of its own.
    async fn careless(spec: &str) -> Self {
        Self::answering(CARELESS, spec).await
    }

    /// The same over a backend that answers with these bytes.
    async fn answering(answer: &str, spec: &str) -> Self {
        let backend = Backend::answering(answer).await.unwrap();
        Self::over(backend, |address| one_route(address, spec)).await
    }

    /// These manifests over a backend.
    async fn over(
        backend: Backend,
        manifests: impl FnOnce(std::net::SocketAddr) -> String,
    ) -> Self {
        let edge = Edge::start(&manifests(backend.address())).await.unwrap();
        Self { edge, backend }
    }

    async fn send(&self, request: impl AsRef<[u8]>) -> Outcome {
        let before = self.backend.requests().len();
        let answer = ask(self.edge.address(), request).await.unwrap();
        let mut requests = self.backend.requests().split_off(before);
        assert!(requests.len() < 2, "sent on more than once");
        Outcome { answer, got: requests.pop() }
    }

    /// Sends a request of which the backend must hear nothing.
    async fn send_in_vain(&self, request: impl AsRef<[u8]>) -> Message {
        let outcome = self.send(request.as_ref()).await;
        let request = String::from_utf8_lossy(request.as_ref());
        assert!(outcome.got.is_none(), "reached the backend: {request}");
        outcome.answer
    }

    /// Sends a request that must reach the backend, and whose answer must come from it.
    async fn send_through(&self, request: impl AsRef<[u8]>) -> Message {
        let outcome = self.send(request.as_ref()).await;
        let request = String::from_utf8_lossy(request.as_ref());
        assert!(outcome.got.is_some(), "did not reach the backend: {request}");
        outcome.answer
    }
}

/// Checks the answer to a preflight that is granted.
fn assert_granted(answer: &Message, lines: &[&str], what: &str) {
    assert_eq!(answer.status(), 204, "{what}: {answer:?}");
    assert_eq!(cors(answer), lines, "{what}");
    assert_eq!(answer.fields("vary"), [PREFLIGHT_VARY], "{what}");
}

/// Checks the answer to a preflight that is denied.
fn assert_denied(answer: &Message, reason: &str, what: &str) {
    crate::assert_problem(answer, 403, reason);
    assert!(cors(answer).is_empty(), "{what}: {}", answer.head);
    assert_eq!(answer.fields("vary"), [PREFLIGHT_VARY], "{what}");
}
