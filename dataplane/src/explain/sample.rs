//! A stand-in for a backend's response: every field that the policy, the Route or a rule may change, each
//! with a placeholder value.

use crate::{cors::TIMING_ALLOW_ORIGIN, proxy::removed_names, rules::Edits, table::OriginWide};
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Placeholder for the unknown value of a field in a backend's response.
pub(super) const BACKENDS_OWN: HeaderValue = HeaderValue::from_static("(the backend's)");

/// Placeholder for any other `Access-Control-*` field in a backend's response.
pub(super) const OTHER_CORS_FIELDS: HeaderName = HeaderName::from_static("access-control-*");

/// The fields of a backend's own CORS response.
const CORS_FIELDS: [HeaderName; 8] = [
    OTHER_CORS_FIELDS,
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
    TIMING_ALLOW_ORIGIN,
];

/// The fields of a backend's response that the policy, the isolation or these edits may change.
pub(super) fn sample(edits: Edits<'_>, origin_wide: OriginWide) -> HeaderMap {
    let mut fields: HeaderMap = CORS_FIELDS.into_iter().map(|name| (name, BACKENDS_OWN)).collect();
    fields.insert(header::VARY, BACKENDS_OWN);
    for name in removed_names(origin_wide) {
        fields.insert(name, BACKENDS_OWN);
    }
    for name in edits.names() {
        fields.insert(name.clone(), BACKENDS_OWN);
    }
    fields
}
