//! Preflights that are not sent because a page and its API share an origin.

use super::{CorsRequest, fetch};
use http::{HeaderMap, HeaderName, Method};

/// `Sec-Fetch-Mode` (Fetch Metadata): how the browser came to send the request.
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Whether a browser would have asked before it sent this request, had its page called the backend
/// at another origin. Only of requests that are plainly a script's: their `Origin` is the own one,
/// which GET and HEAD don't have, or their `Sec-Fetch-Mode` says so, which browsers send to secure
/// origins and loopback. It is the most that can be said: a browser that has asked remembers the
/// answer for a while.
pub(crate) fn avoids_preflight(
    cors_request: &CorsRequest<'_>,
    method: &Method,
    headers: &HeaderMap,
) -> bool {
    let mode = || headers.get(SEC_FETCH_MODE).map(|mode| mode.as_bytes());
    let is_fetched = match cors_request {
        CorsRequest::SameOrigin => matches!(mode(), None | Some(b"cors" | b"same-origin")),
        CorsRequest::Plain => matches!(mode(), Some(b"cors" | b"same-origin")),
        CorsRequest::CrossOrigin(_) | CorsRequest::Preflight(_) => false,
    };
    is_fetched && fetch::causes(method, headers).any(|cause| cause.is_certain())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const OWN: (&str, &str) = ("origin", "http://own");
    const JSON: (&str, &str) = ("content-type", "application/json");
    const KEY: (&str, &str) = ("x-api-key", "1");
    const CORS: (&str, &str) = ("sec-fetch-mode", "cors");

    fn avoids(method: &Method, lines: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let cors_request = CorsRequest::of(method, &headers, |origin| origin == "http://own");
        avoids_preflight(&cors_request, method, &headers)
    }

    #[test]
    fn a_same_origin_request_that_is_not_simple_avoids_one() {
        for (method, lines) in [
            (Method::PUT, &[OWN][..]),
            (Method::PUT, &[OWN, CORS]),
            (Method::POST, &[OWN, JSON]),
            (Method::POST, &[OWN, KEY]),
            (Method::GET, &[CORS, KEY]),
            (Method::GET, &[("sec-fetch-mode", "same-origin"), KEY]),
            (Method::GET, &[CORS, ("authorization", "Bearer x")]),
            (Method::DELETE, &[OWN, ("sec-fetch-mode", "same-origin")]),
            (Method::OPTIONS, &[OWN, ("access-control-request-method", "PUT")]),
        ] {
            assert!(avoids(&method, lines), "{method} {lines:?}");
        }
    }

    #[test]
    fn nothing_else_does() {
        const NAVIGATE: (&str, &str) = ("sec-fetch-mode", "navigate");
        for (method, lines) in [
            // A browser would not have asked.
            (Method::POST, &[OWN][..]),
            (Method::POST, &[OWN, ("content-type", "text/plain")]),
            (Method::GET, &[CORS]),
            (Method::GET, &[CORS, ("cookie", "a=b"), ("user-agent", "x"), ("pragma", "no-cache")]),
            (Method::GET, &[CORS, ("authorization", "Basic YTpi")]),
            // Not of a script, as far as can be seen.
            (Method::PUT, &[]),
            (Method::GET, &[KEY]),
            (Method::POST, &[KEY, JSON]),
            (Method::POST, &[OWN, NAVIGATE, KEY]),
            (Method::GET, &[NAVIGATE, KEY]),
            (Method::GET, &[("sec-fetch-mode", "no-cors"), KEY]),
            (Method::GET, &[OWN, ("sec-fetch-mode", "websocket"), KEY]),
            (Method::GET, &[("sec-fetch-mode", "CORS"), KEY]),
            // Not of the same origin.
            (Method::PUT, &[("origin", "http://other"), CORS]),
            (Method::PUT, &[OWN, OWN, CORS]),
            (Method::PUT, &[("origin", "null"), CORS]),
            (Method::OPTIONS, &[("origin", "http://x"), ("access-control-request-method", "PUT")]),
        ] {
            assert!(!avoids(&method, lines), "{method} {lines:?}");
        }
    }
}
