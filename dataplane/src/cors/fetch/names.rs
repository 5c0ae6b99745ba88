//! Headers that a page's script does not set: those that it can't, and those that others set too.

use http::{HeaderName, HeaderValue, header};

/// Whether no script can set this header to this value (Fetch, "forbidden request-header").
pub(super) fn is_forbidden(name: &HeaderName, value: &HeaderValue) -> bool {
    // Compares well-known names by number and only the others as strings.
    match *name {
        header::ACCEPT_CHARSET
        | header::ACCEPT_ENCODING
        | header::ACCESS_CONTROL_REQUEST_HEADERS
        | header::ACCESS_CONTROL_REQUEST_METHOD
        | header::CONNECTION
        | header::CONTENT_LENGTH
        | header::COOKIE
        | header::DATE
        | header::DNT
        | header::EXPECT
        | header::HOST
        | header::ORIGIN
        | header::REFERER
        | header::SET_COOKIE
        | header::TE
        | header::TRAILER
        | header::TRANSFER_ENCODING
        | header::UPGRADE
        | header::VIA => true,
        _ => match name.as_str() {
            text if text.starts_with("sec-") || text.starts_with("proxy-") => true,
            "cookie2" | "keep-alive" => true,
            "x-http-method" | "x-http-method-override" | "x-method-override" => {
                names_forbidden_method(value)
            }
            _ => false,
        },
    }
}

/// Whether an element of the value is a method that no script can use.
fn names_forbidden_method(value: &HeaderValue) -> bool {
    let mut elements = value.as_bytes().split(|byte| *byte == b',');
    elements.any(|element| is_forbidden_method(element.trim_ascii()))
}

/// Whether no script can use this method, in any case (Fetch, "forbidden method").
pub(super) fn is_forbidden_method(method: &[u8]) -> bool {
    let forbidden: [&[u8]; 3] = [b"CONNECT", b"TRACE", b"TRACK"];
    forbidden.iter().any(|forbidden| forbidden.eq_ignore_ascii_case(method))
}

/// Whether a header that a script can set may also come from the browser itself, or from a proxy in
/// front of Portico.
pub(super) fn may_be_ambient(name: &HeaderName, value: &HeaderValue) -> bool {
    may_be_browsers(name, value) || is_added_by_proxies(name.as_str())
}

/// Whether a header that a script can set may also come from the browser itself.
pub(super) fn may_be_browsers(name: &HeaderName, value: &HeaderValue) -> bool {
    match *name {
        header::AUTHORIZATION => is_browser_auth_scheme(value),
        header::USER_AGENT | header::UPGRADE_INSECURE_REQUESTS => true,
        // Reloads and the HTTP cache.
        header::CACHE_CONTROL
        | header::PRAGMA
        | header::IF_MODIFIED_SINCE
        | header::IF_NONE_MATCH
        | header::IF_RANGE => true,
        _ => is_sent_by_browsers(name.as_str()),
    }
}

/// Whether browsers send such credentials by themselves, after asking the user.
fn is_browser_auth_scheme(value: &HeaderValue) -> bool {
    let scheme = value.as_bytes().split(|byte| *byte == b' ').next().unwrap_or_default();
    let own: [&[u8]; 4] = [b"basic", b"digest", b"negotiate", b"ntlm"];
    own.iter().any(|own| own.eq_ignore_ascii_case(scheme))
}

/// Headers that browsers send on their own.
fn is_sent_by_browsers(name: &str) -> bool {
    matches!(
        name,
        "intervention" | "priority" | "purpose"
            // EventSource, service workers.
            | "last-event-id" | "service-worker" | "service-worker-navigation-preload"
            // Client hints without `Sec-CH-`.
            | "device-memory" | "downlink" | "dpr" | "ect" | "rtt" | "save-data"
            | "viewport-width" | "width"
    )
}

/// Headers that load balancers, CDNs and service meshes add, including trace contexts, which
/// scripts send too.
fn is_added_by_proxies(name: &str) -> bool {
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
