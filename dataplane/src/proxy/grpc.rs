//! Refusals as clients of gRPC read them: the only head of an HTTP/2 response, with the status in
//! its fields (gRPC over HTTP2, "Trailers-Only").

use super::headers::REQUEST_ID;
use crate::refusal::Refusal;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// What a message escapes.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

/// Whether a request is a call of gRPC, which is one over HTTP/2 only.
pub(super) fn is_call(version: Version, headers: &HeaderMap) -> bool {
    version == Version::HTTP_2
        && headers.get(header::CONTENT_TYPE).is_some_and(|kind| {
            kind.as_bytes()
                .strip_prefix(b"application/grpc")
                .is_some_and(|rest| matches!(rest, [] | [b'+', ..]))
        })
}

/// The response to a call that is refused.
pub(super) fn refuse(refusal: Refusal, id: &HeaderValue) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(GRPC_STATUS, HeaderValue::from(status(refusal.status())));
    let detail = refusal.detail();
    let message = utf8_percent_encode(&detail, ESCAPED).to_string();
    if let Ok(message) = HeaderValue::try_from(message) {
        headers.insert(GRPC_MESSAGE, message);
    }
    headers.insert(REQUEST_ID, id.clone());
    response
}

/// The status of gRPC that says most nearly what a status code does.
fn status(status: StatusCode) -> u16 {
    match status.as_u16() {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        413 | 431 => 8,
        502 | 503 => 14,
        504 => 4,
        _ => 2,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::path::PathError;

    #[test]
    fn only_calls_over_http_2_are_calls() {
        for (kind, version, expected) in [
            ("application/grpc", Version::HTTP_2, true),
            ("application/grpc+proto", Version::HTTP_2, true),
            ("application/grpc", Version::HTTP_11, false),
            ("application/grpc-web", Version::HTTP_2, false),
            ("application/json", Version::HTTP_2, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            assert_eq!(is_call(version, &headers), expected, "{kind} {version:?}");
        }
        assert!(!is_call(Version::HTTP_2, &HeaderMap::new()));
    }

    #[test]
    fn a_refusal_is_all_in_the_head() {
        let id = HeaderValue::from_static("id");
        for (refusal, status) in [
            (Refusal::NoRoute, "12"),
            (Refusal::NoEndpoint, "14"),
            (Refusal::Overloaded, "14"),
            (Refusal::BackendBroken, "14"),
            (Refusal::BackendTimeout, "4"),
            (Refusal::BodyTooLarge, "8"),
            (Refusal::HeadTooLarge, "8"),
            (Refusal::InvalidPath(PathError::Backslash), "13"),
            (Refusal::Loop, "2"),
        ] {
            let response = refuse(refusal, &id);
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(response.headers()[GRPC_STATUS], status);
            assert!(!response.headers()[GRPC_MESSAGE].is_empty());
            assert!(response.body().is_empty());
        }
    }
}
