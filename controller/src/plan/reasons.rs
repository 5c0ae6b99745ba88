//! Why browsers send preflights.

use crate::har::{Headers, Part, header};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use portico_dataplane::cors::fetch::{self, Cause};
use std::collections::BTreeSet;

/// How many header names a reason keeps.
const MAX_NAMES: usize = 16;

/// How long a name may be. Longer ones count, but are not shown.
const MAX_NAME: usize = 64;

/// Why a call needs a preflight (Fetch, "main fetch" and "CORS-preflight fetch"). Nothing in it is
/// a value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reason {
    /// The method, if it is not safelisted.
    pub method: Option<String>,
    /// Headers that are not safelisted, in lower case, except for `content-type`.
    pub headers: BTreeSet<String>,
    /// Whether the media type of the body is not safelisted.
    pub content_type: bool,
}

impl Reason {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.method.is_none() && self.headers.is_empty() && !self.content_type
    }

    /// What a preflight asks for.
    pub(super) fn of_preflight(headers: &Headers<'_>) -> Self {
        let mut reason = Self::default();
        let asked = header(headers, "access-control-request-method").unwrap_or_default().trim();
        let method = Method::from_bytes(asked.as_bytes()).ok();
        reason.add_method(method.filter(|method| !fetch::is_safelisted_method(method)).as_ref());
        let asked = header(headers, "access-control-request-headers").unwrap_or_default();
        for name in asked.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
                reason.add_header(&name);
            }
        }
        reason
    }

    /// Why a browser would send a preflight before this request of a script's to another origin.
    pub(super) fn of_call(method: &str, headers: &Headers<'_>) -> Self {
        let mut reason = Self::default();
        let Ok(method) = Method::from_bytes(method.as_bytes()) else { return reason };
        let map = map(headers);
        for cause in fetch::causes(&method, &map).filter(Cause::is_scripts) {
            match cause {
                Cause::Method(method) => reason.add_method(Some(method)),
                Cause::ContentType(_) => reason.content_type = true,
                Cause::Header { name, .. } | Cause::Value { name, .. } | Cause::Oversized(name) => {
                    reason.add_header(name);
                }
            }
        }
        reason
    }

    fn add_method(&mut self, method: Option<&Method>) {
        self.method = method.map(|method| known_method(method.as_str()).to_owned());
    }

    fn add_header(&mut self, name: &HeaderName) {
        if *name == http::header::CONTENT_TYPE {
            self.content_type = true;
        } else if self.headers.len() < MAX_NAMES {
            let shown = if name.as_str().len() <= MAX_NAME { name.as_str() } else { "a long name" };
            self.headers.insert(shown.to_owned());
        }
    }
}

/// A method in upper case, or what stands for one that is not well known: it may be anything.
pub(super) fn known_method(method: &str) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let known = KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(method));
    known.unwrap_or("another method")
}

/// The headers as a server gets them, but for HTTP/2's pseudo-headers, which some recorders list.
fn map(headers: &Headers<'_>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for Part(field) in &headers.0 {
        let name = HeaderName::from_bytes(field.name.as_str().as_bytes());
        let value = HeaderValue::from_str(field.value.as_str());
        if let (Ok(name), Ok(value)) = (name, value) {
            // The map refuses more than 32,768 names.
            if map.try_append(name, value).is_err() {
                break;
            }
        }
    }
    map
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fields(fields: &[(&str, &str)]) -> String {
        let field =
            |(name, value): &(&str, &str)| serde_json::json!({"name": name, "value": value});
        serde_json::Value::from(fields.iter().map(field).collect::<Vec<_>>()).to_string()
    }

    fn names(reason: &Reason) -> Vec<&str> {
        reason.headers.iter().map(String::as_str).collect()
    }

    #[test]
    fn a_preflight_says_what_it_asks_for() {
        let text = fields(&[
            ("Access-Control-Request-Method", "PUT"),
            ("Access-Control-Request-Headers", "content-type, X-Api-Key,,bad name"),
        ]);
        let reason = Reason::of_preflight(&serde_json::from_str(&text).unwrap());
        assert_eq!((reason.method.as_deref(), reason.content_type), (Some("PUT"), true));
        assert_eq!(names(&reason), ["x-api-key"]);
        let text = fields(&[("access-control-request-method", "POST")]);
        assert!(Reason::of_preflight(&serde_json::from_str(&text).unwrap()).is_empty());
    }

    #[test]
    fn a_call_is_judged_by_fetch() {
        let text = fields(&[
            (":authority", "a.example"),
            ("Content-Type", "application/json"),
            ("traceparent", "00-1"),
            ("User-Agent", "x"),
            ("sec-ch-ua", "x"),
            ("Cookie", "a=b"),
            ("cache-control", "no-cache"),
            ("Authorization", "Bearer x"),
        ]);
        let reason = Reason::of_call("POST", &serde_json::from_str(&text).unwrap());
        assert_eq!((reason.method.as_deref(), reason.content_type), (None, true));
        assert_eq!(names(&reason), ["authorization", "traceparent"]);
        let text = fields(&[("content-type", "text/plain"), ("accept", "*/*")]);
        assert!(Reason::of_call("POST", &serde_json::from_str(&text).unwrap()).is_empty());
        let reason = Reason::of_call("DELETE", &Part::default());
        assert_eq!(reason.method.as_deref(), Some("DELETE"));
    }
}
