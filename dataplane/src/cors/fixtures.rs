//! Fixtures shared by the unit tests.

use super::{AllowedHeaders, AllowedMethods, DisallowedOrigin, Origins, Policy, PreflightHandling};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The page's origin that [`policy`] allows.
pub(super) const PAGE: &str = "https://app.example.com";

/// A policy that allows [`PAGE`] and otherwise has the defaults.
pub(super) fn policy() -> Policy {
    Policy {
        origins: Origins::new(vec![PAGE.parse().unwrap()], Vec::new()),
        credentials: false,
        methods: AllowedMethods::Any,
        headers: AllowedHeaders::Any,
        expose_headers: None,
        max_age: 7200,
        preflight: PreflightHandling::Answer,
        disallowed_origin: DisallowedOrigin::Forward,
        timing: false,
        report_only: false,
        debug: false,
    }
}

/// Builds headers from field lines, in order.
pub(super) fn lines(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let value = HeaderValue::from_str(value).unwrap();
        headers.append(HeaderName::from_static(name), value);
    }
    headers
}

/// All field lines of the headers, sorted.
pub(super) fn written(headers: &HeaderMap) -> Vec<String> {
    let line =
        |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", value.to_str().unwrap());
    let mut lines: Vec<_> = headers.iter().map(line).collect();
    lines.sort_unstable();
    lines
}
