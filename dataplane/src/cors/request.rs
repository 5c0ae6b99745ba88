//! Classifies a request for CORS: its page's origin, and whether it is a preflight.

use super::requested_headers::{Malformed, RequestedHeaders};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN},
};

/// `Sec-Fetch-Site`: how the page's origin relates to the request's, in the browser's view.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a request is in terms of the CORS protocol (Fetch, "CORS protocol").
#[derive(Clone, Debug)]
pub(crate) enum CorsRequest<'h> {
    /// It has no `Origin`.
    Plain,
    /// Its page has the same origin, which `Origin` or the browser's `Sec-Fetch-Site` says. Browsers
    /// send `Origin` with every POST, PUT and DELETE.
    SameOrigin,
    /// Its page has another origin. `None`: `Origin` is repeated, and so matches nothing.
    CrossOrigin(Option<&'h HeaderValue>),
    /// A preflight: a browser asks whether it may send a cross-origin request (Fetch,
    /// "CORS-preflight fetch").
    Preflight(Preflight<'h>),
}

/// A preflight.
#[derive(Clone, Debug)]
pub(crate) struct Preflight<'h> {
    /// The page's origin, as sent.
    pub(crate) origin: &'h HeaderValue,
    /// The requested method, as sent.
    pub(crate) requested_method: &'h HeaderValue,
    /// The requested method; `None` if it is invalid.
    pub(crate) method: Option<Method>,
    /// The requested headers.
    pub(crate) headers: Result<RequestedHeaders<'h>, Malformed>,
}

impl<'h> CorsRequest<'h> {
    /// Classifies a request. `is_own` tells whether an origin is the one that the client is talking
    /// to, which is checked first.
    pub(crate) fn of(
        method: &Method,
        headers: &'h HeaderMap,
        is_own: impl FnOnce(&HeaderValue) -> bool,
    ) -> Self {
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else { return Self::Plain };
        if origins.next().is_some() {
            return Self::CrossOrigin(None);
        }
        if is_own(origin) || is_opaque_same_origin(origin, headers) {
            return Self::SameOrigin;
        }
        let asked = (*method == Method::OPTIONS).then(|| requested_method(headers)).flatten();
        let Some(requested_method) = asked else { return Self::CrossOrigin(Some(origin)) };
        Self::Preflight(Preflight {
            origin,
            requested_method,
            method: Method::from_bytes(requested_method.as_bytes()).ok(),
            headers: RequestedHeaders::read(headers),
        })
    }
}

/// Whether a browser vouches that the page has the same origin although it sends `Origin: null`, as
/// for forms of a page with `Referrer-Policy: no-referrer` (Fetch, "append a request `Origin`
/// header"). No script can set `Sec-Fetch-Site` (Fetch Metadata, "Sec-Fetch-Site").
fn is_opaque_same_origin(origin: &HeaderValue, headers: &HeaderMap) -> bool {
    if origin != "null" {
        return false;
    }
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    sites.next().is_some_and(|site| site == "same-origin") && sites.next().is_none()
}

/// The only `Access-Control-Request-Method`. Without exactly one, OPTIONS is an ordinary request.
fn requested_method(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut asked = headers.get_all(ACCESS_CONTROL_REQUEST_METHOD).iter();
    let method = asked.next()?;
    asked.next().is_none().then_some(method)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What a request with these headers is, its own origin being `http://own`.
    fn kind(method: &Method, lines: &[(&'static str, &'static str)]) -> &'static str {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        match CorsRequest::of(method, &headers, |origin| origin == "http://own") {
            CorsRequest::Plain => "plain",
            CorsRequest::SameOrigin => "same",
            CorsRequest::CrossOrigin(Some(_)) => "cross",
            CorsRequest::CrossOrigin(None) => "ambiguous",
            CorsRequest::Preflight(_) => "preflight",
        }
    }

    #[test]
    fn rules_1_2_3_what_a_request_is() {
        const OTHER: (&str, &str) = ("origin", "http://other");
        const OWN: (&str, &str) = ("origin", "http://own");
        const ASKS: (&str, &str) = ("access-control-request-method", "PUT");
        const NAMES: (&str, &str) = ("access-control-request-headers", "x-a");
        const NULL: (&str, &str) = ("origin", "null");
        const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");
        for (method, lines, expected) in [
            (Method::GET, &[][..], "plain"),
            (Method::OPTIONS, &[ASKS, NAMES], "plain"),
            (Method::POST, &[OWN], "same"),
            (Method::OPTIONS, &[OWN, ASKS], "same"),
            (Method::POST, &[NULL, SAME], "same"),
            (Method::OPTIONS, &[NULL, SAME, ASKS], "same"),
            (Method::POST, &[NULL], "cross"),
            (Method::POST, &[NULL, ("sec-fetch-site", "same-site")], "cross"),
            (Method::POST, &[NULL, ("sec-fetch-site", "none")], "cross"),
            (Method::POST, &[NULL, SAME, SAME], "cross"),
            (Method::POST, &[NULL, SAME, ("sec-fetch-site", "cross-site")], "cross"),
            (Method::POST, &[OTHER, SAME], "cross"),
            (Method::GET, &[OTHER], "cross"),
            (Method::POST, &[OTHER, ASKS], "cross"),
            (Method::OPTIONS, &[OTHER], "cross"),
            (Method::OPTIONS, &[OTHER, NAMES], "cross"),
            (Method::OPTIONS, &[OTHER, ASKS, ASKS], "cross"),
            (Method::OPTIONS, &[OTHER, OTHER, ASKS], "ambiguous"),
            (Method::GET, &[OWN, OWN], "ambiguous"),
            (Method::GET, &[("origin", "")], "cross"),
            (Method::OPTIONS, &[OTHER, ASKS], "preflight"),
            (Method::OPTIONS, &[OTHER, ASKS, NAMES], "preflight"),
            (Method::OPTIONS, &[("origin", "null"), ASKS], "preflight"),
            (Method::OPTIONS, &[OTHER, ("access-control-request-method", "")], "preflight"),
        ] {
            assert_eq!(kind(&method, lines), expected, "{method} {lines:?}");
        }
    }

    #[test]
    fn an_invalid_method_is_kept_as_sent() {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_static("http://other"));
        headers.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("A B"));
        let CorsRequest::Preflight(preflight) =
            CorsRequest::of(&Method::OPTIONS, &headers, |_| false)
        else {
            unreachable!("one origin and one method")
        };
        assert_eq!(preflight.method, None);
        assert_eq!(preflight.requested_method, "A B");
    }
}
