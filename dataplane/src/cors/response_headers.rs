//! Applies a decision to a response's headers, whether the backend's or Portico's own.

use super::Policy;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// `Portico-Cors`: why a request is denied. For development; scripts can't read it.
const WHY: HeaderName = HeaderName::from_static("portico-cors");

/// `Timing-Allow-Origin`: which pages may read how long a response took (Fetch, "TAO check").
pub(crate) const TIMING_ALLOW_ORIGIN: HeaderName = HeaderName::from_static("timing-allow-origin");

/// The request headers that a preflight's response depends on.
const PREFLIGHT_VARY: HeaderValue = HeaderValue::from_static(
    "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
);

/// What happens to a response's headers.
#[derive(Debug, Default)]
pub(crate) struct ResponseHeaders<'t> {
    pub(super) headers: CorsHeaders<'t>,
    /// Why the request is denied, if the policy's `debug` is set.
    pub(super) why: Option<HeaderValue>,
}

/// What happens to a response's CORS headers.
#[derive(Debug, Default)]
pub(super) enum CorsHeaders<'t> {
    /// Left as the backend sent them.
    #[default]
    Untouched,
    /// The backend's are removed.
    Withheld,
    /// The backend's are replaced by those that the policy grants this origin.
    Granted(&'t Policy, HeaderValue),
    /// Portico's own response to a preflight.
    Preflight,
}

impl ResponseHeaders<'_> {
    /// Changes a response's headers. Applied last, so that nothing overrides it. `Portico-Cors` is
    /// never a backend's.
    pub(crate) fn apply(self, headers: &mut HeaderMap) {
        match self.headers {
            CorsHeaders::Untouched => {}
            CorsHeaders::Withheld => {
                remove_cors_headers(headers);
                vary_by_origin(headers);
            }
            CorsHeaders::Granted(policy, origin) => {
                remove_cors_headers(headers);
                if policy.timing {
                    headers.insert(TIMING_ALLOW_ORIGIN, origin.clone());
                }
                allow(policy, origin, headers);
                vary_by_origin(headers);
            }
            CorsHeaders::Preflight => {
                headers.insert(header::VARY, PREFLIGHT_VARY);
            }
        }
        // The name is the edge's own: a backend's says nothing about a policy.
        match self.why {
            Some(why) => drop(headers.insert(WHY, why)),
            // Comparing the few names costs less than a lookup.
            None if headers.keys().any(|name| *name == WHY) => drop(headers.remove(WHY)),
            None => {}
        }
    }
}

/// Removes what only the edge says, with the final response.
pub(crate) fn remove_from_interim(headers: &mut HeaderMap) {
    remove_cors_headers(headers);
    headers.remove(WHY);
}

/// Sets the headers that an allowed origin gets, on a preflight's response and on any other (Fetch,
/// "HTTP responses").
pub(super) fn allow(policy: &Policy, origin: HeaderValue, headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if policy.credentials {
        let yes = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
    }
    if let Some(exposed) = &policy.expose_headers {
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
    }
}

/// Removes every `Access-Control-*` field, known or unknown, and `Timing-Allow-Origin`.
fn remove_cors_headers(headers: &mut HeaderMap) {
    let is_cors = |name: &&HeaderName| {
        name.as_str().starts_with("access-control-") || **name == TIMING_ALLOW_ORIGIN
    };
    while let Some(name) = headers.keys().find(is_cors).cloned() {
        headers.remove(name);
    }
}

/// Adds `Origin` to `Vary` unless it already contains that or `*` (RFC 9110 §12.5.5; Fetch, "CORS
/// protocol and HTTP caches").
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cors::fixtures::{PAGE, lines, policy, written};

    /// A response of a backend that sends CORS headers of its own.
    fn backend_response() -> HeaderMap {
        lines(&[
            ("access-control-allow-origin", "*"),
            ("access-control-allow-origin", "https://evil.example"),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-private-network", "true"),
            ("access-control-expose-headers", "*"),
            ("timing-allow-origin", "*"),
            ("vary", "Accept"),
        ])
    }

    fn applied(headers: CorsHeaders<'_>) -> Vec<String> {
        let mut backend_response = backend_response();
        ResponseHeaders { headers, why: None }.apply(&mut backend_response);
        written(&backend_response)
    }

    #[test]
    fn rule_04_headers_without_a_policy_are_untouched() {
        assert_eq!(applied(CorsHeaders::Untouched), written(&backend_response()));
        let mut nothing = HeaderMap::new();
        ResponseHeaders::default().apply(&mut nothing);
        assert!(nothing.is_empty());
    }

    #[test]
    fn rules_01_and_17_the_backends_headers_are_withheld() {
        assert_eq!(applied(CorsHeaders::Withheld), ["vary: Accept, Origin"]);
    }

    #[test]
    fn rules_16_and_21_the_policys_headers_replace_the_backends() {
        let page = || HeaderValue::from_static(PAGE);
        let bare = policy();
        assert_eq!(
            applied(CorsHeaders::Granted(&bare, page())),
            ["access-control-allow-origin: https://app.example.com", "vary: Accept, Origin",]
        );
        let exposed = Some(HeaderValue::from_static("x-a, x-b"));
        let full = Policy { credentials: true, expose_headers: exposed, timing: true, ..policy() };
        assert_eq!(
            applied(CorsHeaders::Granted(&full, page())),
            [
                "access-control-allow-credentials: true",
                "access-control-allow-origin: https://app.example.com",
                "access-control-expose-headers: x-a, x-b",
                "timing-allow-origin: https://app.example.com",
                "vary: Accept, Origin",
            ]
        );
    }

    #[test]
    fn rule_08_a_preflights_response_varies_by_all_that_it_depends_on() {
        let mut refused = lines(&[("content-type", "application/problem+json")]);
        ResponseHeaders { headers: CorsHeaders::Preflight, why: None }.apply(&mut refused);
        assert_eq!(
            written(&refused),
            [
                "content-type: application/problem+json",
                "vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
            ]
        );
    }

    #[test]
    fn a_denial_may_say_why() {
        for headers in [CorsHeaders::Withheld, CorsHeaders::Preflight] {
            let why = Some(HeaderValue::from_static("because"));
            let mut backend_response = HeaderMap::new();
            ResponseHeaders { headers, why }.apply(&mut backend_response);
            assert_eq!(backend_response[WHY], "because");
        }
    }

    #[test]
    fn a_backend_can_not_speak_for_the_policy() {
        for headers in [CorsHeaders::Untouched, CorsHeaders::Withheld] {
            let mut backend_response = lines(&[("portico-cors", "theirs"), ("x-a", "stays")]);
            ResponseHeaders { headers, why: None }.apply(&mut backend_response);
            assert!(!backend_response.contains_key(WHY));
            assert_eq!(backend_response["x-a"], "stays");
        }
    }

    #[test]
    fn rule_20_vary_is_merged_once() {
        for (given, merged) in [
            (&[][..], &["Origin"][..]),
            (&[""], &["Origin"]),
            (&[" , ,"], &["Origin"]),
            (&["Accept"], &["Accept, Origin"]),
            (&["Accept,Accept-Language"], &["Accept,Accept-Language, Origin"]),
            (&["Accept", "Cookie"], &["Accept, Cookie, Origin"]),
            (&["X-Origin"], &["X-Origin, Origin"]),
            (&["Origin-X, Original"], &["Origin-X, Original, Origin"]),
            (&["Origin"], &["Origin"]),
            (&["oRIGIN"], &["oRIGIN"]),
            (&["Accept,\torigin ,Cookie"], &["Accept,\torigin ,Cookie"]),
            (&["Accept", "Origin"], &["Accept", "Origin"]),
            (&["*"], &["*"]),
            (&["Accept, *"], &["Accept, *"]),
            (&["Accept", " * "], &["Accept", " * "]),
        ] {
            let given: Vec<_> = given.iter().map(|line| ("vary", *line)).collect();
            let mut headers = lines(&given);
            vary_by_origin(&mut headers);
            let got: Vec<_> = headers.get_all(header::VARY).iter().collect();
            assert_eq!(got, merged, "{given:?}");
        }
    }

    #[test]
    fn rule_20_vary_that_is_not_ascii_is_kept() {
        let mut headers = HeaderMap::new();
        headers.insert(header::VARY, HeaderValue::from_bytes(b"caf\xe9").unwrap());
        vary_by_origin(&mut headers);
        assert_eq!(headers[header::VARY].as_bytes(), b"caf\xe9, Origin");
    }
}
