//! Whether a browser sends a request for a page's script, and whether it asks before it does.

use super::{Target, simulation::DryRun};
use crate::cors::{CorsRequest, fetch};
use http::{HeaderMap, HeaderName, Method, header};
use serde::Serialize;

/// Whether a browser sends a request for a page's script, whether it asks before it does, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Browser {
    /// Whether no script can send it, a page's of the same origin included.
    pub forbidden: bool,
    /// Whether it sends a preflight. `None` where that hangs on the page's origin, which is not
    /// known, or where the request is a preflight itself.
    pub preflight: Option<bool>,
    /// Why.
    pub why: String,
}

/// Whose page sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// Nobody says.
    Unknown,
    /// One of the origin that the request goes to.
    Own,
    /// One of another origin.
    Other,
    /// None: the browser itself asks, in a preflight.
    Preflight,
}

impl Page {
    /// Whose page it is, as the edge sees it, or where no host has the request by its URL.
    pub(super) fn of(run: &DryRun<'_>, headers: &HeaderMap, target: &Target) -> Self {
        match run.cors_request() {
            Some(CorsRequest::Plain) => Self::Unknown,
            Some(CorsRequest::SameOrigin) => Self::Own,
            Some(CorsRequest::CrossOrigin(_)) => Self::Other,
            Some(CorsRequest::Preflight(_)) => Self::Preflight,
            None => match headers.get(header::ORIGIN) {
                None => Self::Unknown,
                Some(origin) if *origin == target.origin() => Self::Own,
                Some(_) => Self::Other,
            },
        }
    }
}

impl Browser {
    pub(super) fn of(page: Page, method: &Method, headers: &HeaderMap) -> Self {
        if fetch::is_forbidden_method(method) {
            let why = format!("no script can send method {method}: fetch() throws");
            return Self { forbidden: true, preflight: Some(false), why };
        }
        let causes: Vec<_> =
            fetch::causes(method, headers).map(|cause| cause.to_string()).collect();
        let causes = causes.join("; ");
        let (preflight, why) = match (page, causes.as_str()) {
            (Page::Preflight, _) => (None, "the request is a preflight itself".to_owned()),
            (Page::Own, _) => (Some(false), "same origin: no CORS".to_owned()),
            (Page::Other, "") => {
                (Some(false), "the request is simple: it is sent unasked".to_owned())
            }
            (Page::Other, causes) => (Some(true), causes.to_owned()),
            (Page::Unknown, "") => (
                Some(false),
                "the request is simple: a page of any origin sends it unasked".to_owned(),
            ),
            (Page::Unknown, causes) => (
                None,
                format!(
                    "no origin is given: a page of the same origin asks nothing, one of another sends a preflight, for {causes}"
                ),
            ),
        };
        Self { forbidden: false, preflight, why }
    }
}

/// What of a question's headers can't be a script's.
pub(super) fn note(page: Page, headers: &HeaderMap) -> Option<String> {
    match page {
        Page::Unknown | Page::Own | Page::Other => {}
        // The browser itself has written it.
        Page::Preflight => return None,
    }
    let mut names: Vec<_> = fetch::forbidden_headers(headers).map(HeaderName::as_str).collect();
    names.sort_unstable();
    let noun = match names.as_slice() {
        [] => return None,
        [_] => "header",
        _ => "headers",
    };
    Some(format!(
        "a script can't set {noun} {}: the browser drops what it sets, and may send its own",
        names.join(", ")
    ))
}
