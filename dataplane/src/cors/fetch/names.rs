//! Headers that a page's script does not set: those that it can't, and those that also come from
//! elsewhere.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Whether no script can set this header of these (Fetch, "forbidden request-header").
pub(super) fn is_forbidden(name: &HeaderName, headers: &HeaderMap) -> bool {
    let name = name.as_str();
    match name {
        "accept-charset"
        | "accept-encoding"
        | "access-control-request-headers"
        | "access-control-request-method"
        | "connection"
        | "content-length"
        | "cookie"
        | "cookie2"
        | "date"
        | "dnt"
        | "expect"
        | "host"
        | "keep-alive"
        | "origin"
        | "referer"
        | "set-cookie"
        | "te"
        | "trailer"
        | "transfer-encoding"
        | "upgrade"
        | "via" => true,
        "x-http-method" | "x-http-method-override" | "x-method-override" => {
            headers.get_all(name).iter().any(names_forbidden_method)
        }
        name => name.starts_with("sec-") || name.starts_with("proxy-"),
    }
}

/// Whether an element of the value is a method that no script can use (Fetch, "forbidden method").
fn names_forbidden_method(value: &HeaderValue) -> bool {
    value.as_bytes().split(|byte| *byte == b',').any(|element| {
        let forbidden: [&[u8]; 3] = [b"CONNECT", b"TRACE", b"TRACK"];
        forbidden.iter().any(|method| method.eq_ignore_ascii_case(element.trim_ascii()))
    })
}

/// Whether a header that a script can set may also come from the browser itself, or from a proxy
/// in front that the edge trusts or does not know.
pub(super) fn may_be_ambient(name: &HeaderName, value: &HeaderValue) -> bool {
    if *name == header::AUTHORIZATION {
        return is_browsers_own_scheme(value);
    }
    is_browsers_own(name.as_str()) || is_a_proxys(name.as_str())
}

/// Whether browsers authenticate by themselves with such a value, when they have asked the user.
fn is_browsers_own_scheme(value: &HeaderValue) -> bool {
    let scheme = value.as_bytes().split(|byte| *byte == b' ').next().unwrap_or_default();
    let own: [&[u8]; 4] = [b"basic", b"digest", b"negotiate", b"ntlm"];
    own.iter().any(|own| own.eq_ignore_ascii_case(scheme))
}

/// What browsers send unbidden.
fn is_browsers_own(name: &str) -> bool {
    matches!(
        name,
        "user-agent" | "priority" | "purpose" | "upgrade-insecure-requests"
            // A reload, the HTTP cache.
            | "cache-control" | "pragma" | "if-modified-since" | "if-none-match" | "if-range"
            // EventSource, service workers.
            | "last-event-id" | "service-worker" | "service-worker-navigation-preload"
            // Client hints without `Sec-CH-`.
            | "device-memory" | "downlink" | "dpr" | "ect" | "rtt" | "save-data"
            | "viewport-width" | "width"
    )
}

/// What load balancers, content networks and meshes add, the context of traces included, which
/// scripts send too.
fn is_a_proxys(name: &str) -> bool {
    const PREFIXES: [&str; 12] = [
        "cf-",
        "cloudfront-",
        "fastly-",
        "x-amz-cf-",
        "x-amzn-",
        "x-arr-",
        "x-azure-",
        "x-b3-",
        "x-datadog-",
        "x-envoy-",
        "x-forwarded-",
        "x-original-",
    ];
    matches!(
        name,
        "b3" | "baggage"
            | "cdn-loop"
            | "forwarded"
            | "traceparent"
            | "tracestate"
            | "true-client-ip"
            | "x-client-ip"
            | "x-cloud-trace-context"
            | "x-cluster-client-ip"
            | "x-correlation-id"
            | "x-real-ip"
            | "x-request-id"
    ) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}
