//! Interim responses of backends (RFC 9110 §15.2) on their way to the client, for example a 103 with
//! the links of a page (RFC 8297). They hint at the final response, and never replace it.

use super::{
    context::ForwardContext,
    headers::{Present, REQUEST_ID, ResponseRewrite, hop_by_hop, remove_always},
};
use crate::cors;
use http::{
    HeaderName, Response,
    header::{CONTENT_LENGTH, SET_COOKIE, STRICT_TRANSPORT_SECURITY, TRAILER},
};

/// Fields that a hint does not carry. It has neither content nor trailers (RFC 9110 §8.6), must not
/// affect how the final response is processed (RFC 8297 §2), as a cookie would, and says nothing of
/// what the edge adds to the final one.
const NOT_INTERIM: [HeaderName; 5] =
    [CONTENT_LENGTH, TRAILER, SET_COOKIE, STRICT_TRANSPORT_SECURITY, REQUEST_ID];

impl ForwardContext<'_, '_> {
    /// Turns a backend's interim response into that of the front door: through the same filters as
    /// a final one, without what only that carries.
    pub(super) fn rewrite_interim(
        &self,
        rewrite: &ResponseRewrite<'_>,
        response: &mut Response<()>,
    ) {
        let headers = response.headers_mut();
        for name in &NOT_INTERIM {
            headers.remove(name);
        }
        let present = Present::of(headers);
        hop_by_hop::remove_from_response(headers, present, false);
        remove_always(headers, present);
        rewrite.apply(headers, present);
        self.arrived.response_edits().apply_to_interim(headers);
        if let Some(kept_apart) = self.arrived.kept_apart() {
            kept_apart.strip(headers);
        }
        cors::remove_from_interim(headers);
    }
}
