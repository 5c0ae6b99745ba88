//! A compiled policy: each question about a request is one lookup.

use super::{Origins, fetch};
use http::{HeaderName, HeaderValue, Method};
use serde::{Serialize, Serializer};

/// Which pages may read a Route's responses, and what they may send (Fetch, "CORS protocol"). A
/// Route without a policy, or with a disabled one, has none in the table, and its requests and
/// responses are left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// The origins that are allowed.
    pub origins: Origins,
    /// Whether responses to requests with credentials may be read. Never together with every
    /// origin.
    pub credentials: bool,
    /// The methods that are allowed in addition to GET, HEAD and POST.
    pub methods: AllowedMethods,
    /// The request headers that are allowed in addition to the safelisted ones.
    pub headers: AllowedHeaders,
    /// `Access-Control-Expose-Headers`: names joined by commas, or `*`.
    #[serde(serialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub expose_headers: Option<HeaderValue>,
    /// `Access-Control-Max-Age`, in seconds; 0: not to be cached.
    pub max_age: u32,
    /// Who answers preflights.
    pub preflight: PreflightHandling,
    /// What happens to a request from an origin that is not allowed.
    pub disallowed_origin: DisallowedOrigin,
    /// Whether allowed origins may read how long responses took (`Timing-Allow-Origin`).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub timing: bool,
    /// Whether verdicts are only counted and logged.
    pub report_only: bool,
    /// Whether a denial says why in the response header `Portico-Cors`.
    pub debug: bool,
}

/// Who answers preflights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum PreflightHandling {
    /// Portico.
    Answer,
    /// The backend; its response is left unchanged.
    Forward,
}

/// What happens to a request from an origin that is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum DisallowedOrigin {
    /// Forwarded; its response has no CORS headers.
    Forward,
    /// Refused with 403, without contacting the backend.
    Reject,
}

/// Methods that a preflight may request. Case-sensitive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedMethods {
    /// Any method.
    Any,
    /// These, and the CORS-safelisted ones.
    Listed {
        /// In the policy's order.
        names: Box<[Method]>,
        /// `Access-Control-Allow-Methods`.
        joined: HeaderValue,
    },
}

impl AllowedMethods {
    /// These methods, and the CORS-safelisted ones (Fetch, "CORS-safelisted method").
    pub fn listed(names: impl IntoIterator<Item = Method>) -> Self {
        let names: Box<[Method]> = names.into_iter().collect();
        let joined = join(names.iter().map(Method::as_str));
        Self::Listed { names, joined }
    }

    /// Whether a request with this method may be sent (Fetch, "CORS-preflight fetch").
    pub fn allow(&self, method: &Method) -> bool {
        match self {
            Self::Any => true,
            Self::Listed { names, .. } => {
                fetch::is_safelisted_method(method) || names.contains(method)
            }
        }
    }
}

impl Serialize for AllowedMethods {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.serialize_str("*"),
            Self::Listed { names, .. } => serializer.collect_seq(names.iter().map(Method::as_str)),
        }
    }
}

/// Request headers that a preflight may request. Case-insensitive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedHeaders {
    /// Any header.
    Any,
    /// These, and the CORS-safelisted ones.
    Listed {
        /// Sorted and deduplicated.
        names: Box<[HeaderName]>,
        /// `Access-Control-Allow-Headers`, without any safelisted names that are requested.
        joined: HeaderValue,
    },
}

impl AllowedHeaders {
    /// These names, and the CORS-safelisted ones (Fetch, "CORS-safelisted request-header").
    pub fn listed(names: impl IntoIterator<Item = HeaderName>) -> Self {
        let mut names: Vec<HeaderName> = names.into_iter().collect();
        names.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        let joined = join(names.iter().map(HeaderName::as_str));
        Self::Listed { names: names.into(), joined }
    }
}

impl Serialize for AllowedHeaders {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Any => serializer.serialize_str("*"),
            Self::Listed { names, .. } => {
                serializer.collect_seq(names.iter().map(HeaderName::as_str))
            }
        }
    }
}

/// A comma-separated list of tokens, which is always a valid field value.
fn join<'n>(names: impl Iterator<Item = &'n str>) -> HeaderValue {
    let joined = names.collect::<Vec<_>>().join(", ");
    HeaderValue::from_str(&joined).unwrap_or(HeaderValue::from_static(""))
}

fn text<S: Serializer>(value: &Option<HeaderValue>, serializer: S) -> Result<S::Ok, S::Error> {
    value.as_ref().and_then(|value| value.to_str().ok()).serialize(serializer)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cors::fixtures::policy;

    #[test]
    fn rule_09_methods_are_case_sensitive_and_safelisted_ones_always_allowed() {
        let none = AllowedMethods::listed([]);
        let some = AllowedMethods::listed([Method::PUT, "query".parse().unwrap()]);
        for (method, by_none, by_some) in [
            ("GET", true, true),
            ("HEAD", true, true),
            ("POST", true, true),
            ("PUT", false, true),
            ("query", false, true),
            ("QUERY", false, false),
            ("put", false, false),
            ("get", false, false),
            ("OPTIONS", false, false),
            ("DELETE", false, false),
        ] {
            let method: Method = method.parse().unwrap();
            assert!(AllowedMethods::Any.allow(&method), "{method}");
            assert_eq!(none.allow(&method), by_none, "{method}");
            assert_eq!(some.allow(&method), by_some, "{method}");
        }
    }

    #[test]
    fn lists_are_joined_once() {
        let AllowedMethods::Listed { joined, .. } =
            AllowedMethods::listed([Method::PUT, Method::DELETE, Method::GET])
        else {
            unreachable!("it is listed")
        };
        assert_eq!(joined, "PUT, DELETE, GET");
        let names = ["X-B", "x-a", "x-b"].map(|name| name.parse().unwrap());
        let AllowedHeaders::Listed { names, joined } = AllowedHeaders::listed(names) else {
            unreachable!("it is listed")
        };
        assert_eq!(*names, ["x-a", "x-b"]);
        assert_eq!(joined, "x-a, x-b");
    }

    #[test]
    fn a_policy_serialises_like_a_manifest() {
        let json = serde_json::to_value(Policy {
            methods: AllowedMethods::listed([Method::PUT]),
            headers: AllowedHeaders::listed([http::header::AUTHORIZATION]),
            expose_headers: Some(HeaderValue::from_static("x-a, x-b")),
            disallowed_origin: DisallowedOrigin::Reject,
            ..policy()
        })
        .unwrap();
        assert_eq!(json["methods"], serde_json::json!(["PUT"]));
        assert_eq!(json["headers"], serde_json::json!(["authorization"]));
        assert_eq!(json["exposeHeaders"], "x-a, x-b");
        assert_eq!(json["maxAge"], 7200);
        assert_eq!(json["preflight"], "Answer");
        assert_eq!(json["disallowedOrigin"], "Reject");
        let open = serde_json::to_value(policy()).unwrap();
        assert_eq!((&open["methods"], &open["headers"]), (&"*".into(), &"*".into()));
        assert_eq!(open.get("exposeHeaders"), None);
    }
}
