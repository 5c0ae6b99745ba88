//! A preflight, its response, and a browser's reaction (Fetch, "CORS-preflight fetch").

use super::{
    Field, ResponseSource,
    check::{Check, cors_check, list},
    simulation::{DryRun, Reply},
};
use crate::{
    cors::{Outcome, fetch},
    table::ObjectName,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use std::{fmt, ptr};

/// A preflight and its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preflight {
    /// The header fields that the browser sends with it.
    pub asks: Vec<Field>,
    /// The Route of the announced request; `None` if no Route matches.
    pub route: Option<ObjectName>,
    /// Whose policy decides; `None` if none does.
    pub policy: Option<PolicyOwner>,
    /// Where the response comes from.
    pub by: ResponseSource,
    /// The response's status code; `None` if the backend decides.
    pub status: Option<u16>,
    /// The response's header fields, if Portico generates it.
    pub headers: Vec<Field>,
    /// Whether the browser then sends the request; `None` if that depends on the backend.
    pub allowed: Option<bool>,
    /// Whether it also does so with credentials (cookies, client certificates).
    pub credentials: Option<bool>,
    /// Why.
    pub why: String,
}

/// The object that a policy is part of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "name")]
pub enum PolicyOwner {
    /// The Route itself.
    Route(ObjectName),
    /// Its FrontDoor: the Route inherits the policy, or no Route matches.
    FrontDoor(ObjectName),
}

impl PolicyOwner {
    /// Whose policy decides a preflight; `None` if the backend does, or if Portico answers
    /// regardless of the policy.
    fn of(run: &DryRun<'_>) -> Option<Self> {
        let host = run.arrived.destination.as_ref()?.virtual_host;
        let verdict = run.arrived.verdict.filter(|verdict| !verdict.report_only)?;
        match verdict.outcome {
            Outcome::PreflightAllowed | Outcome::PreflightDenied(_) => {}
            Outcome::PreflightForwarded
            | Outcome::Allowed
            | Outcome::Disallowed
            | Outcome::Rejected => return None,
        }
        // An inherited policy is the same object, not just an equal one.
        let inherited = host.cors.as_deref().zip(run.arrived.policy);
        match run.arrived.matched {
            Some(matched)
                if !inherited.is_some_and(|(default, policy)| ptr::eq(default, policy)) =>
            {
                Some(Self::Route(matched.target.name.clone()))
            }
            Some(_) | None => Some(Self::FrontDoor(host.front_door.clone())),
        }
    }
}

impl fmt::Display for PolicyOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route(name) => write!(f, "Route {name}"),
            Self::FrontDoor(name) => write!(f, "FrontDoor {name}"),
        }
    }
}

/// A browser's preflight.
pub(super) struct Requested {
    pub(super) headers: HeaderMap,
    origin: HeaderValue,
    method: HeaderValue,
    /// Sorted, lower case.
    names: Vec<String>,
}

impl Requested {
    /// The preflight that a browser sends before a request.
    pub(super) fn of(method: &Method, headers: &HeaderMap, origin: &HeaderValue) -> Self {
        let causes: Vec<_> = fetch::causes(method, headers).collect();
        let mut names: Vec<_> =
            causes.iter().filter_map(|cause| Some(cause.header()?.as_str().to_owned())).collect();
        names.sort();
        names.dedup();
        // A method is a token, and so is every field name.
        let method = HeaderValue::from_str(method.as_str()).unwrap_or(HeaderValue::from_static(""));
        let mut requested = HeaderMap::new();
        requested.insert(header::ORIGIN, origin.clone());
        requested.insert(header::ACCESS_CONTROL_REQUEST_METHOD, method.clone());
        if let Ok(list) = HeaderValue::try_from(names.join(","))
            && !names.is_empty()
        {
            requested.insert(header::ACCESS_CONTROL_REQUEST_HEADERS, list);
        }
        Self { headers: requested, origin: origin.clone(), method, names }
    }

    /// The preflight that a request itself is.
    pub(super) fn itself(headers: &HeaderMap) -> Self {
        let value =
            |name: &HeaderName| headers.get(name).cloned().unwrap_or(HeaderValue::from_static(""));
        let names = list(headers, &header::ACCESS_CONTROL_REQUEST_HEADERS);
        let (origin, method) =
            (value(&header::ORIGIN), value(&header::ACCESS_CONTROL_REQUEST_METHOD));
        Self { headers: headers.clone(), origin, method, names }
    }
}

impl Preflight {
    pub(super) fn of(requested: &Requested, run: &DryRun<'_>) -> Self {
        let (by, status, headers, check) = match &run.reply {
            Reply::Edge(response, refusal) => {
                let mut check = browser_check(requested, response.status(), response.headers());
                if let (Check::Fails(why), Some(refusal)) = (&mut check, refusal) {
                    let cors_request = run.cors_request();
                    let denied = cors_request.and_then(|request| run.denial(&request));
                    *why = denied.unwrap_or_else(|| refusal.detail());
                }
                let headers = Field::all(response.headers());
                (ResponseSource::Edge, Some(response.status()), headers, check)
            }
            Reply::Backend { after, .. } => {
                let check = browser_check(requested, StatusCode::OK, after);
                (ResponseSource::Backend, None, Vec::new(), check)
            }
        };
        let (allowed, credentials, why) = match check {
            Check::Passes { credentials } => {
                (Some(true), Some(credentials), "the browser sends the request".to_owned())
            }
            Check::Fails(why) => {
                (Some(false), Some(false), format!("the browser does not send the request: {why}"))
            }
            Check::Unknown => {
                let why = match run.arrived.policy {
                    Some(policy) if policy.report_only => {
                        "the CORS policy only reports: the backend decides"
                    }
                    Some(_) => "the CORS policy leaves it to the backend",
                    None => "no CORS policy: the backend decides",
                };
                (None, None, why.to_owned())
            }
        };
        Self {
            asks: Field::all(&requested.headers),
            route: run.arrived.matched.map(|matched| matched.target.name.clone()),
            policy: PolicyOwner::of(run),
            by,
            status: status.map(|status| status.as_u16()),
            headers,
            allowed,
            credentials,
            why,
        }
    }
}

/// A browser's verdict on the response (Fetch, "CORS-preflight fetch").
fn browser_check(requested: &Requested, status: StatusCode, response: &HeaderMap) -> Check {
    let credentials = match cors_check(response, &requested.origin) {
        Check::Passes { credentials } => credentials,
        other @ (Check::Fails(_) | Check::Unknown) => return other,
    };
    if !status.is_success() {
        return Check::Fails(format!("the status {status} is not a success"));
    }
    let methods = list(response, &header::ACCESS_CONTROL_ALLOW_METHODS);
    let method = requested.method.to_str().unwrap_or_default();
    let is_safelisted = Method::from_bytes(requested.method.as_bytes())
        .is_ok_and(|method| fetch::is_safelisted_method(&method));
    let any_method = methods.iter().any(|allowed| allowed == "*");
    let named = is_safelisted || methods.iter().any(|allowed| allowed == method);
    if !named && !any_method {
        return Check::Fails(format!("method {method} is not among Access-Control-Allow-Methods"));
    }
    let headers = list(response, &header::ACCESS_CONTROL_ALLOW_HEADERS);
    let any_header = headers.iter().any(|allowed| allowed == "*");
    let is_named =
        |name: &&String| headers.iter().any(|allowed| allowed.eq_ignore_ascii_case(name));
    let unnamed: Vec<_> = requested.names.iter().filter(|name| !is_named(name)).collect();
    // `*` does not cover `authorization` (Fetch, "CORS non-wildcard request-header name").
    if let Some(name) = unnamed.iter().find(|name| !any_header || **name == "authorization") {
        return Check::Fails(format!("header {name} is not among Access-Control-Allow-Headers"));
    }
    // With credentials, `*` is an ordinary name without special meaning.
    Check::Passes { credentials: credentials && named && unnamed.is_empty() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn requested(method: Method, header: &'static str) -> Requested {
        let mut headers = HeaderMap::new();
        headers.insert(header, HeaderValue::from_static("1"));
        Requested::of(&method, &headers, &HeaderValue::from_static("https://a.example"))
    }

    fn response(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn a_browser_requests_what_is_not_safelisted() {
        let mut headers = HeaderMap::new();
        for name in ["x-b", "accept", "x-a", "authorization"] {
            headers.insert(name, HeaderValue::from_static("1"));
        }
        let origin = HeaderValue::from_static("https://a.example");
        let requested = Requested::of(&Method::PUT, &headers, &origin);
        assert_eq!(requested.headers.get("access-control-request-method").unwrap(), "PUT");
        let names = requested.headers.get("access-control-request-headers").unwrap();
        assert_eq!(names, "authorization,x-a,x-b");
        let plain = Requested::of(&Method::PUT, &HeaderMap::new(), &origin);
        assert!(!plain.headers.contains_key("access-control-request-headers"));
    }

    const ORIGIN: (&str, &str) = ("access-control-allow-origin", "https://a.example");
    const ANY: (&str, &str) = ("access-control-allow-origin", "*");
    const YES: (&str, &str) = ("access-control-allow-credentials", "true");
    const METHODS: &str = "access-control-allow-methods";
    const HEADERS: &str = "access-control-allow-headers";

    type Lines = &'static [(&'static str, &'static str)];

    /// What a browser makes of these lines of a response to the preflight of a request.
    fn checked(method: Method, header: &'static str, status: u16, lines: Lines) -> Check {
        let status = StatusCode::from_u16(status).unwrap();
        super::browser_check(&requested(method, header), status, &response(lines))
    }

    #[test]
    fn the_response_is_checked_as_fetch_specifies() {
        let both = Check::Passes { credentials: true };
        let without = Check::Passes { credentials: false };
        for (method, header, status, lines, expected) in [
            (
                Method::PUT,
                "x-a",
                204,
                &[ORIGIN, YES, (METHODS, "GET, PUT"), (HEADERS, "X-A")][..],
                both.clone(),
            ),
            (
                Method::PUT,
                "x-a",
                200,
                &[ORIGIN, (METHODS, "PUT"), (HEADERS, "x-a")],
                without.clone(),
            ),
            (Method::PUT, "x-a", 200, &[ANY, (METHODS, "*"), (HEADERS, "*")], without.clone()),
            (
                Method::PUT,
                "x-a",
                200,
                &[ORIGIN, YES, (METHODS, "*"), (HEADERS, "*")],
                without.clone(),
            ),
            (Method::GET, "x-a", 200, &[ORIGIN, YES, (HEADERS, "x-a")], both),
            (Method::GET, "authorization", 200, &[ANY, (HEADERS, "*, authorization")], without),
        ] {
            assert_eq!(checked(method, header, status, lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_failed_check_says_why() {
        for (method, header, status, lines, why) in [
            (
                Method::GET,
                "authorization",
                200,
                &[ANY, (HEADERS, "*")][..],
                "header authorization is not among Access-Control-Allow-Headers",
            ),
            (
                Method::PUT,
                "x-a",
                200,
                &[ORIGIN, (METHODS, "put"), (HEADERS, "x-a")],
                "method PUT is not among Access-Control-Allow-Methods",
            ),
            (
                Method::GET,
                "x-a",
                200,
                &[ORIGIN, (HEADERS, "x-b")],
                "header x-a is not among Access-Control-Allow-Headers",
            ),
            (
                Method::GET,
                "x-a",
                302,
                &[ORIGIN, (HEADERS, "x-a")],
                "the status 302 Found is not a success",
            ),
        ] {
            let expected = Check::Fails(why.to_owned());
            assert_eq!(checked(method, header, status, lines), expected, "{lines:?}");
        }
    }
}
