//! Which preflights are allowed, and their response (Fetch, "CORS-preflight fetch").

use super::{
    AllowedHeaders, AllowedMethods, Denial, Policy, Preflight, RequestedHeaders, fetch::SAFELISTED,
    requested_headers::Malformed, response_headers,
};
use http::{HeaderMap, HeaderValue, Method, header};
use std::cmp::Ordering;

/// Why a preflight from an allowed origin is denied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PreflightError {
    #[error("method '{0}' is not allowed")]
    Method(Method),
    #[error("header '{0}' is not allowed")]
    Header(String),
    #[error("Access-Control-Request-Method is not a method")]
    NoMethod,
    #[error("Access-Control-Request-Headers {0}")]
    Malformed(Malformed),
}

impl PreflightError {
    pub(super) fn denial(&self) -> Denial {
        match self {
            Self::Method(_) => Denial::Method,
            Self::Header(_) => Denial::Header,
            Self::NoMethod | Self::Malformed(_) => Denial::Malformed,
        }
    }
}

/// The headers of the response to a preflight from an allowed origin.
pub(super) fn response_headers(
    policy: &Policy,
    preflight: &Preflight<'_>,
) -> Result<HeaderMap, PreflightError> {
    let method = preflight.method.as_ref().ok_or(PreflightError::NoMethod)?;
    if !policy.methods.allow(method) {
        return Err(PreflightError::Method(method.clone()));
    }
    let names = preflight.headers.as_ref().map_err(|why| PreflightError::Malformed(*why))?;
    let allowed_headers = allowed_headers(&policy.headers, names)?;
    let mut headers = HeaderMap::with_capacity(8);
    // Browsers ignore Access-Control-Expose-Headers here, but Gateway API's conformance suite
    // expects it.
    response_headers::allow(policy, preflight.origin.clone(), &mut headers);
    let methods = match &policy.methods {
        AllowedMethods::Any => preflight.requested_method.clone(),
        AllowedMethods::Listed { joined, .. } => joined.clone(),
    };
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    if let Some(list) = allowed_headers {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, list);
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(policy.max_age));
    Ok(headers)
}

/// `Access-Control-Allow-Headers`: if any header is allowed, the requested ones; otherwise the
/// listed ones and any safelisted names that are requested as well, so that the browser comes to
/// the same verdict. `None`: no such header.
fn allowed_headers(
    allowed: &AllowedHeaders,
    requested: &RequestedHeaders<'_>,
) -> Result<Option<HeaderValue>, PreflightError> {
    let AllowedHeaders::Listed { names, joined } = allowed else {
        let list = requested.names().join(",").to_ascii_lowercase();
        return Ok(HeaderValue::try_from(list).ok().filter(|list| !list.is_empty()));
    };
    let mut added = [false; SAFELISTED.len()];
    for requested in requested.names() {
        if names.binary_search_by(|listed| compare(listed.as_str(), requested)).is_ok() {
            continue;
        }
        let index = SAFELISTED.iter().position(|name| name.eq_ignore_ascii_case(requested));
        match index.and_then(|index| added.get_mut(index)) {
            Some(added) => *added = true,
            None => return Err(PreflightError::Header(requested.to_ascii_lowercase())),
        }
    }
    if !added.contains(&true) {
        return Ok(Some(joined.clone()).filter(|list| !list.is_empty()));
    }
    let mut list = joined.to_str().unwrap_or_default().to_owned();
    for (name, _) in SAFELISTED.iter().zip(added).filter(|(_, added)| *added) {
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push_str(name);
    }
    Ok(HeaderValue::try_from(list).ok())
}

/// Compares a lower-case name with one in any case.
fn compare(lower: &str, any: &str) -> Ordering {
    lower.bytes().cmp(any.bytes().map(|byte| byte.to_ascii_lowercase()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cors::{
        CorsRequest,
        fixtures::{PAGE, lines, policy, written},
    };
    use http::HeaderName;

    /// The response to a preflight for this method and these lists of names: its field lines
    /// without `access-control-`, or the reason for denial.
    fn respond(
        policy: &Policy,
        method: &str,
        names: &[&str],
    ) -> Result<Vec<String>, PreflightError> {
        let mut requested = vec![("origin", PAGE), ("access-control-request-method", method)];
        requested.extend(names.iter().map(|line| ("access-control-request-headers", *line)));
        let headers = lines(&requested);
        let CorsRequest::Preflight(preflight) =
            CorsRequest::of(&Method::OPTIONS, &headers, |_| false)
        else {
            unreachable!("one origin and one method")
        };
        let lines = written(&response_headers(policy, &preflight)?);
        Ok(lines.iter().map(|line| line.replace("access-control-", "")).collect())
    }

    /// The value of one field of [`respond`]; empty if it is missing.
    fn one(
        policy: &Policy,
        method: &str,
        names: &[&str],
        name: &str,
    ) -> Result<String, PreflightError> {
        let value =
            |line: String| Some(line.split_once(": ").filter(|(n, _)| *n == name)?.1.to_owned());
        Ok(respond(policy, method, names)?.into_iter().find_map(value).unwrap_or_default())
    }

    fn listing_methods(names: &[&str]) -> Policy {
        let names = names.iter().map(|name| name.parse::<Method>().unwrap());
        Policy { methods: AllowedMethods::listed(names), ..policy() }
    }

    fn listing_headers(names: &[&str]) -> Policy {
        let names = names.iter().map(|name| name.parse::<HeaderName>().unwrap());
        Policy { headers: AllowedHeaders::listed(names), ..policy() }
    }

    #[test]
    fn rule_07_an_allowed_preflight_gets_these_headers_and_no_others() {
        assert_eq!(
            respond(&policy(), "PUT", &["x-b,x-a"]).unwrap(),
            [
                "allow-headers: x-b,x-a",
                "allow-methods: PUT",
                "allow-origin: https://app.example.com",
                "max-age: 7200"
            ]
        );
    }

    #[test]
    fn rule_09_methods() {
        let (any, listed) = (policy(), listing_methods(&["PUT", "patch", "DELETE"]));
        for (policy, requested, allowed) in [
            (&any, "PUT", Some("PUT")),
            (&any, "GET", Some("GET")),
            (&any, "put", Some("put")),
            (&any, "X-OWN", Some("X-OWN")),
            (&listed, "PUT", Some("PUT, patch, DELETE")),
            (&listed, "patch", Some("PUT, patch, DELETE")),
            (&listed, "GET", Some("PUT, patch, DELETE")),
            (&listed, "HEAD", Some("PUT, patch, DELETE")),
            (&listed, "POST", Some("PUT, patch, DELETE")),
            (&listed, "put", None),
            (&listed, "PATCH", None),
            (&listed, "get", None),
            (&listed, "OPTIONS", None),
        ] {
            let value = one(policy, requested, &[], "allow-methods");
            match allowed {
                Some(methods) => assert_eq!(value.as_deref(), Ok(methods), "{requested}"),
                None => {
                    assert_eq!(
                        value,
                        Err(PreflightError::Method(requested.parse().unwrap())),
                        "{requested}"
                    )
                }
            }
        }
    }

    #[test]
    fn rule_10_headers() {
        let (any, listed) = (policy(), listing_headers(&["X-Two", "x-one", "range"]));
        for (policy, requested, allowed) in [
            (&any, &["X-B,content-type , x-a"][..], Ok("x-b,content-type,x-a")),
            (&any, &["x-b", "X-A"], Ok("x-b,x-a")),
            (&any, &[""], Ok("")),
            (&any, &[], Ok("")),
            (&listed, &[], Ok("range, x-one, x-two")),
            (&listed, &["X-ONE"], Ok("range, x-one, x-two")),
            (&listed, &["x-two,x-one,x-two"], Ok("range, x-one, x-two")),
            (&listed, &["range"], Ok("range, x-one, x-two")),
            (
                &listed,
                &["Content-Type,accept,x-one,content-type"],
                Ok("range, x-one, x-two, accept, content-type"),
            ),
            (
                &listed,
                &["accept-language,content-language"],
                Ok("range, x-one, x-two, accept-language, content-language"),
            ),
            (&listed, &["x-one,X-Three"], Err("x-three")),
            (&listed, &["x-on"], Err("x-on")),
            (&listed, &["authorization"], Err("authorization")),
        ] {
            let allowed = allowed.map(str::to_owned);
            let allowed = allowed.map_err(|name| PreflightError::Header(name.to_owned()));
            assert_eq!(one(policy, "PUT", requested, "allow-headers"), allowed, "{requested:?}");
        }
    }

    #[test]
    fn rules_11_and_12_credentials_and_age() {
        for (credentials, max_age, expected) in [(false, 0, ""), (true, 86_400, "true")] {
            let policy = Policy { credentials, max_age, ..policy() };
            assert_eq!(one(&policy, "PUT", &[], "allow-credentials").unwrap(), expected);
            assert_eq!(one(&policy, "PUT", &[], "max-age").unwrap(), max_age.to_string());
        }
    }

    #[test]
    fn rule_08_each_denial_says_what_is_not_allowed() {
        let methods = listing_methods(&["PUT"]);
        let headers = listing_headers(&["x-a"]);
        for (policy, method, names, denial, why) in [
            (&methods, "DELETE", "", Denial::Method, "method 'DELETE' is not allowed"),
            (&headers, "PUT", "x-a,X-B", Denial::Header, "header 'x-b' is not allowed"),
            (
                &headers,
                "A B",
                "",
                Denial::Malformed,
                "Access-Control-Request-Method is not a method",
            ),
            (
                &headers,
                "PUT",
                "x a",
                Denial::Malformed,
                "Access-Control-Request-Headers has an element that is not a header name",
            ),
        ] {
            let error = respond(policy, method, &[names]).unwrap_err();
            assert_eq!(error.denial(), denial, "{why}");
            assert_eq!(error.to_string(), why);
        }
    }
}
