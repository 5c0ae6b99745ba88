//! `allowMethods`, `allowHeaders` and `exposeHeaders`.

use crate::{
    compile::report::Report,
    diagnostic::{FieldPath, Reason},
};
use http::{HeaderName, HeaderValue, Method};
use portico_crds as crds;
use portico_dataplane::cors::{AllowedHeaders, AllowedMethods};
use std::collections::HashSet;

/// Methods that browsers always send in upper case, however a script spells them (Fetch, "normalize
/// a method").
const NORMALIZED: [&str; 6] = ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"];

/// Compiles `allowMethods`: an empty list, or one with `*`, allows any method.
pub(super) fn methods(given: &[String], at: &FieldPath<'_>, report: &mut Report) -> AllowedMethods {
    let mut good: Vec<Method> = Vec::with_capacity(given.len());
    for (index, text) in given.iter().enumerate() {
        let at = at.index(index);
        match Method::from_bytes(text.as_bytes()) {
            Ok(_) if crds::FORBIDDEN_METHODS.contains(&text.to_ascii_uppercase().as_str()) => {
                report.invalid(
                    &at,
                    format!("no script can use '{text}' (Fetch, forbidden method): remove it"),
                );
            }
            Ok(method) => {
                warn_of_case(&method, &at, report);
                if !good.contains(&method) {
                    good.push(method);
                }
            }
            Err(_) => report.invalid(&at, format!("'{}' is not a method", text.escape_debug())),
        }
    }
    if good.is_empty() || good.iter().any(|method| method.as_str() == "*") {
        AllowedMethods::Any
    } else {
        AllowedMethods::listed(good)
    }
}

fn warn_of_case(method: &Method, at: &FieldPath<'_>, report: &mut Report) {
    let upper = method.as_str().to_ascii_uppercase();
    if upper == method.as_str() {
        return;
    }
    let message = if NORMALIZED.contains(&upper.as_str()) {
        format!(
            "methods are case-sensitive, and browsers ask for {upper}, never for '{method}': write {upper}"
        )
    } else {
        format!(
            "methods are case-sensitive: this allows '{method}' and not {upper}, which is the usual spelling"
        )
    };
    report.warn(at, Reason::NoEffect, message);
}

/// Compiles `allowHeaders`: an empty list, or one with `*`, allows any header.
pub(super) fn headers(given: &[String], at: &FieldPath<'_>, report: &mut Report) -> AllowedHeaders {
    let good = names(given, at, report, |name| {
        let prefix = crds::FORBIDDEN_HEADER_PREFIXES.iter().find(|p| name.starts_with(**p));
        if let Some(prefix) = prefix {
            Some(format!(
                "no script can set headers that start with {prefix} (Fetch, forbidden request-header): remove it"
            ))
        } else if crds::FORBIDDEN_REQUEST_HEADERS.contains(&name) {
            Some("no script can set it (Fetch, forbidden request-header): remove it".to_owned())
        } else {
            None
        }
    });
    if good.is_empty() || good.iter().any(|name| name.as_str() == "*") {
        AllowedHeaders::Any
    } else {
        AllowedHeaders::listed(good)
    }
}

/// Compiles `exposeHeaders` into a header value; a list with `*` becomes `*`.
pub(super) fn exposed(
    given: &[String],
    at: &FieldPath<'_>,
    report: &mut Report,
) -> Option<HeaderValue> {
    let mut good = names(given, at, report, |name| match name {
        "set-cookie" | "set-cookie2" => Some(
            "no script can read it (Fetch, forbidden response-header name): remove it".to_owned(),
        ),
        _ if name.starts_with("access-control-") => {
            Some("the CORS policy itself sets Access-Control-* headers: remove it".to_owned())
        }
        _ => None,
    });
    if good.iter().any(|name| name.as_str() == "*") {
        return Some(HeaderValue::from_static("*"));
    }
    let mut seen = HashSet::new();
    good.retain(|name| seen.insert(name.clone()));
    let joined = good.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(", ");
    HeaderValue::from_str(&joined).ok().filter(|value| !value.is_empty())
}

/// Parses header names, in lower case, and leaves out those to which there is an `objection`.
fn names(
    given: &[String],
    at: &FieldPath<'_>,
    report: &mut Report,
    objection: impl Fn(&str) -> Option<String>,
) -> Vec<HeaderName> {
    let mut good = Vec::with_capacity(given.len());
    for (index, text) in given.iter().enumerate() {
        let at = at.index(index);
        let Ok(name) = HeaderName::from_bytes(text.as_bytes()) else {
            report.invalid(&at, format!("'{}' is not a header name", text.escape_debug()));
            continue;
        };
        match objection(name.as_str()) {
            Some(objection) => report.invalid(&at, format!("'{text}': {objection}")),
            None => good.push(name),
        }
    }
    good
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use portico_dataplane::cors::fetch;

    #[test]
    fn rule_33_what_no_script_can_set_the_dataplane_does_not_take_for_a_scripts() {
        let prefixed = ["proxy-x", "sec-x"];
        for name in crds::FORBIDDEN_REQUEST_HEADERS.into_iter().chain(prefixed) {
            let value = HeaderValue::from_static("x");
            let headers = HeaderMap::from_iter([(HeaderName::from_static(name), value)]);
            assert_eq!(fetch::causes(&Method::GET, &headers).next(), None, "{name}");
        }
    }
}
