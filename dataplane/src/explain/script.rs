//! What a page's script may read of a response (Fetch, "CORS check" and "CORS filtered response").

use super::{
    Preflight,
    browser::Page,
    check::{Check, cors_check, list},
    simulation::Reply,
};
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;

/// The header fields that a script may always read of a response that it may read at all (Fetch,
/// "CORS-safelisted response-header name").
const SAFELISTED: [&str; 7] = [
    "cache-control",
    "content-language",
    "content-length",
    "content-type",
    "expires",
    "last-modified",
    "pragma",
];

/// What a page's script may read of a response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Script {
    /// Whether it may read the status, the body and some header fields; `None` if that depends on
    /// the backend, or on the page's origin, which is unknown.
    pub reads: Option<bool>,
    /// Whether it may do so if the request was sent with credentials.
    pub credentials: Option<bool>,
    /// The names of the header fields; `*`: all except `Set-Cookie`.
    pub headers: Vec<String>,
    /// Why.
    pub why: String,
}

impl Script {
    pub(super) fn of(
        page: Page,
        origin: Option<&HeaderValue>,
        preflight: Option<&Preflight>,
        answer: &Reply,
    ) -> Self {
        let fields = match answer {
            Reply::Edge(response, _) => response.headers(),
            Reply::Backend { after, .. } => after,
        };
        match (page, origin) {
            (Page::Own, _) => Self {
                reads: Some(true),
                credentials: Some(true),
                headers: vec!["*".to_owned()],
                why: "same origin".to_owned(),
            },
            (Page::Unknown, _) | (Page::Preflight | Page::Other, None) => Self::unknown(
                "no origin is given: a page of the same origin may read everything, a page of another origin only what the policy allows",
            ),
            (Page::Preflight, Some(_)) => {
                Self::none("scripts never see the response to a preflight")
            }
            (Page::Other, Some(origin)) => match preflight {
                Some(preflight) if preflight.allowed == Some(false) => Self::none(
                    "the browser does not send the request, because its preflight is denied",
                ),
                Some(_) | None => Self::checked(fields, origin, preflight, answer),
            },
        }
    }

    fn checked(
        fields: &HeaderMap,
        origin: &HeaderValue,
        preflight: Option<&Preflight>,
        answer: &Reply,
    ) -> Self {
        match cors_check(fields, origin) {
            Check::Unknown => Self::unknown("the backend's Access-Control-Allow-Origin decides"),
            Check::Fails(why) => Self::none(&why),
            Check::Passes { .. } if is_redirect(answer) => {
                Self::unknown("the browser follows the redirect, and the final response decides")
            }
            Check::Passes { .. }
                if preflight.is_some_and(|preflight| preflight.allowed.is_none()) =>
            {
                Self::unknown("it may read the response if the backend allows the preflight")
            }
            Check::Passes { credentials } => Self {
                reads: Some(true),
                credentials: Some(credentials),
                headers: exposed(fields, credentials),
                why: "the response's Access-Control-Allow-Origin is the page's origin".to_owned(),
            },
        }
    }

    pub(super) fn none(why: &str) -> Self {
        let reads = Some(false);
        Self { reads, credentials: reads, headers: Vec::new(), why: why.to_owned() }
    }

    fn unknown(why: &str) -> Self {
        Self { reads: None, credentials: None, headers: Vec::new(), why: why.to_owned() }
    }
}

/// Whether the browser follows a redirect (Fetch, "redirect status").
fn is_redirect(answer: &Reply) -> bool {
    match answer {
        Reply::Edge(response, _) => matches!(response.status().as_u16(), 301..=303 | 307 | 308),
        Reply::Backend { .. } => false,
    }
}

/// The names of the fields that a script may read (Fetch, "CORS-exposed header-name list").
fn exposed(answer: &HeaderMap, credentials: bool) -> Vec<String> {
    let named = list(answer, &header::ACCESS_CONTROL_EXPOSE_HEADERS);
    if !credentials && named.iter().any(|name| name == "*") {
        return vec!["*".to_owned()];
    }
    let mut names: Vec<_> = SAFELISTED.into_iter().map(str::to_owned).collect();
    for name in named.iter().map(|name| name.to_ascii_lowercase()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
