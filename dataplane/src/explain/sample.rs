//! A backend's response as far as it can be known without one: every field that something may be
//! done to, each with a placeholder for its value.

use crate::table::RouteMatch;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Stands for the unknown value of a field of a backend's response.
pub(super) const BACKENDS_OWN: HeaderValue = HeaderValue::from_static("(the backend's)");

/// Stands for every further `Access-Control-*` field of a backend's response.
pub(super) const OTHER_CORS_FIELDS: HeaderName = HeaderName::from_static("access-control-*");

/// The fields by which a backend answers for itself what the policy decides here.
const CORS_FIELDS: [HeaderName; 7] = [
    OTHER_CORS_FIELDS,
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
];

/// The fields of a backend's response that the policy or the Route may change.
pub(super) fn sample(matched: Option<&RouteMatch>) -> HeaderMap {
    let mut fields: HeaderMap = CORS_FIELDS.into_iter().map(|name| (name, BACKENDS_OWN)).collect();
    fields.insert(header::VARY, BACKENDS_OWN);
    if let Some(matched) = matched {
        let edits = &matched.target.response_headers;
        let written = edits.set.iter().chain(&edits.add).map(|(name, _)| name);
        for name in edits.remove.iter().chain(written) {
            fields.insert(name.clone(), BACKENDS_OWN);
        }
    }
    fields
}
