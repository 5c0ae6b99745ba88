//! Paths of cookies (RFC 6265bis §5.1.4).

/// The path of a cookie that is set without one, in the response to a request for `request`.
pub(super) fn default(request: &str) -> &str {
    match request.rfind('/') {
        Some(end @ 1..) if request.starts_with('/') => &request[..end],
        Some(_) | None => "/",
    }
}

/// Whether a path lies below that of a cookie, or is the same.
pub(super) fn matches(cookie: &[u8], path: &[u8]) -> bool {
    path.strip_prefix(cookie)
        .is_some_and(|rest| rest.is_empty() || cookie.ends_with(b"/") || rest.starts_with(b"/"))
}
