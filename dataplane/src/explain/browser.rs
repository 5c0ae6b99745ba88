//! Whether a browser sends a request for a page's script, and whether it sends a preflight first.

use super::{Target, simulation::DryRun};
use crate::cors::{CorsRequest, fetch};
use http::{HeaderMap, HeaderName, Method, header};
use serde::Serialize;

/// Whether a browser sends a request for a page's script, whether it sends a preflight first, and
/// why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Browser {
    /// Whether no script can send it, not even to its own origin.
    pub forbidden: bool,
    /// Whether it sends a preflight by the Fetch Standard. `None` if that depends on the page's
    /// origin, which is unknown, or if the request is itself a preflight.
    pub preflight: Option<bool>,
    /// Why, and whether Chromium or Firefox do otherwise.
    pub why: String,
}

/// The page that sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// Unknown.
    Unknown,
    /// A page of the origin that the request goes to.
    Own,
    /// A page of another origin.
    Other,
    /// No page: the browser itself sends a preflight.
    Preflight,
}

impl Page {
    /// Which page it is, as Portico sees it; if no FrontDoor has the host, going by the URL.
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
            (Page::Other, "") => (Some(false), "the request needs no preflight".to_owned()),
            (Page::Other, causes) => (Some(true), causes.to_owned()),
            (Page::Unknown, "") => (
                Some(false),
                "the request needs no preflight, whatever the page's origin".to_owned(),
            ),
            (Page::Unknown, causes) => (
                None,
                format!(
                    "no origin is given: a page of the same origin sends no preflight, a page of another origin sends one: {causes}"
                ),
            ),
        };
        let departures = match page {
            Page::Other | Page::Unknown => fetch::departures(method, headers),
            Page::Own | Page::Preflight => Vec::new(),
        };
        let why = departures.into_iter().fold(why, |why, otherwise| why + "; but " + &otherwise);
        Self { forbidden: false, preflight, why }
    }
}

/// A note about headers in the question that no script can set.
pub(super) fn note(page: Page, headers: &HeaderMap) -> Option<String> {
    match page {
        Page::Unknown | Page::Own | Page::Other => {}
        // The browser itself writes these.
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
        "a script can't set {noun} {}: the browser ignores the script's value and may send its own",
        names.join(", ")
    ))
}
