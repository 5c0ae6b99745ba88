//! Preflights that are saved because a page and its API share an origin.

use super::{CorsRequest, fetch};
use http::{HeaderMap, HeaderName, Method};

/// `Sec-Fetch-Mode` (Fetch Metadata): the mode of the request.
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Whether a browser would have sent a preflight before this request if its page had called the
/// backend on another origin (Fetch, "CORS-preflight fetch"). Counts only requests that are clearly
/// a script's: their `Origin` is the page's own, which GET and HEAD lack, or their `Sec-Fetch-Mode`
/// says so, which browsers send only to trustworthy URLs (HTTPS and loopback). Never true of a
/// request that would have gone without; but a browser may have a preflight's result in its cache,
/// and what a script sets of headers that others also add is not seen: see
/// [`is_certain`](fetch::Cause::is_certain).
pub(crate) fn avoids_preflight(
    cors_request: &CorsRequest<'_>,
    method: &Method,
    headers: &HeaderMap,
) -> bool {
    // Comparing the few names costs less than a lookup.
    let field = || headers.iter().find(|(name, _)| **name == SEC_FETCH_MODE);
    let mode = || field().map(|(_, mode)| mode.as_bytes());
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
    fn a_same_origin_request_that_would_need_a_preflight_avoids_one() {
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
    fn no_other_request_avoids_one() {
        const NAVIGATE: (&str, &str) = ("sec-fetch-mode", "navigate");
        for (method, lines) in [
            // A browser would not have sent a preflight.
            (Method::POST, &[OWN][..]),
            (Method::POST, &[OWN, ("content-type", "text/plain")]),
            (Method::GET, &[CORS]),
            (Method::GET, &[CORS, ("cookie", "a=b"), ("user-agent", "x"), ("pragma", "no-cache")]),
            (Method::GET, &[CORS, ("authorization", "Basic YTpi")]),
            // Not recognisably a script's.
            (Method::PUT, &[]),
            (Method::GET, &[KEY]),
            (Method::POST, &[KEY, JSON]),
            (Method::POST, &[OWN, NAVIGATE, KEY]),
            (Method::GET, &[NAVIGATE, KEY]),
            (Method::GET, &[("sec-fetch-mode", "no-cors"), KEY]),
            (Method::GET, &[OWN, ("sec-fetch-mode", "websocket"), KEY]),
            (Method::GET, &[("sec-fetch-mode", "CORS"), KEY]),
            // Not from the same origin.
            (Method::PUT, &[("origin", "http://other"), CORS]),
            (Method::PUT, &[OWN, OWN, CORS]),
            (Method::PUT, &[("origin", "null"), CORS]),
            (Method::OPTIONS, &[("origin", "http://x"), ("access-control-request-method", "PUT")]),
        ] {
            assert!(!avoids(&method, lines), "{method} {lines:?}");
        }
    }
}
