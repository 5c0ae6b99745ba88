//! What a decision does to an answer's headers, whoever made the answer: a backend or the edge.

use super::Policy;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// `Portico-Cors`: why a request is denied. For development: scripts can't read it.
const WHY: HeaderName = HeaderName::from_static("portico-cors");

/// On what the answer to a preflight depends.
const PREFLIGHT_VARY: HeaderValue = HeaderValue::from_static(
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
);

/// What becomes of an answer's headers.
#[derive(Debug, Default)]
pub(crate) struct Treatment<'t> {
    pub(super) headers: AnswerHeaders<'t>,
    /// Why the request is denied, where the policy wants that said.
    pub(super) why: Option<HeaderValue>,
}

/// What becomes of an answer's CORS headers.
#[derive(Debug, Default)]
pub(super) enum AnswerHeaders<'t> {
    /// Nothing: they are the backend's affair.
    #[default]
    Untouched,
    /// The backend's go, and none come in their place.
    Withheld,
    /// The backend's go, and this policy's come in their place, for this origin.
    Granted(&'t Policy, HeaderValue),
    /// The answer is the edge's own, to a preflight.
    Preflight,
}

impl Treatment<'_> {
    /// Changes an answer's headers. The last thing that is done to them, so that nothing changes
    /// them again.
    pub(crate) fn apply(self, headers: &mut HeaderMap) {
        match self.headers {
            AnswerHeaders::Untouched => {}
            AnswerHeaders::Withheld => {
                remove_cors_headers(headers);
                vary_by_origin(headers);
            }
            AnswerHeaders::Granted(policy, origin) => {
                remove_cors_headers(headers);
                grant(policy, origin, headers);
                vary_by_origin(headers);
            }
            AnswerHeaders::Preflight => {
                headers.insert(header::VARY, PREFLIGHT_VARY);
            }
        }
        if let Some(why) = self.why {
            headers.insert(WHY, why);
        }
    }
}

fn grant(policy: &Policy, origin: HeaderValue, headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if policy.credentials {
        let yes = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
    }
    if let Some(exposed) = &policy.expose_headers {
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
    }
}

/// Removes every `Access-Control-*` header, known or not.
fn remove_cors_headers(headers: &mut HeaderMap) {
    let is_cors = |name: &&HeaderName| name.as_str().starts_with("access-control-");
    while let Some(name) = headers.keys().find(is_cors).cloned() {
        headers.remove(name);
    }
}

/// Adds `Origin` to `Vary`, unless it says so, or `*`, already.
fn vary_by_origin(headers: &mut HeaderMap) {
    const ORIGIN: HeaderValue = HeaderValue::from_static("Origin");
    let elements =
        headers.get_all(header::VARY).iter().flat_map(|line| line.as_bytes().split(|b| *b == b','));
    let mut names = elements.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty()).peekable();
    if names.peek().is_none() {
        headers.insert(header::VARY, ORIGIN);
        return;
    }
    if names.any(|name| name == b"*" || name.eq_ignore_ascii_case(b"origin")) {
        return;
    }
    let lines: Vec<_> = headers.get_all(header::VARY).iter().map(HeaderValue::as_bytes).collect();
    let mut merged = lines.join(&b", "[..]);
    merged.extend_from_slice(b", Origin");
    if let Ok(value) = HeaderValue::from_bytes(&merged) {
        headers.insert(header::VARY, value);
    }
}
