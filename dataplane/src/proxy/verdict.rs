//! What the body of a response says of the endpoint that sends it: a head with a 2xx is no success
//! if what it announces does not come.

use super::selection::Chosen;
use crate::{endpoint::Failure, upstream::UpstreamBody};
use http::Response;
use hyper::body::Body;
use std::time::Instant;

/// Whether its head does not tell yet that a response is a success. One that is no 2xx may be
/// thrown away unread.
pub(super) fn depends_on_body(response: &Response<UpstreamBody>) -> bool {
    response.status().is_success() && !response.body().is_end_stream()
}

/// An endpoint whose response counts as a success when this is dropped: when the body is complete,
/// or whoever wanted it has left.
pub(super) struct Verdict {
    chosen: Chosen,
    has_failed: bool,
}

impl Verdict {
    /// Where it [depends on the body](depends_on_body).
    pub(super) fn awaited(chosen: Chosen, response: &Response<UpstreamBody>) -> Option<Self> {
        depends_on_body(response).then(|| Self { chosen, has_failed: false })
    }

    /// The body will not be complete, because of the endpoint.
    pub(super) fn failed(&mut self, why: Failure, now: Instant) {
        self.has_failed = true;
        self.chosen.failed(why, now);
    }
}

impl Drop for Verdict {
    fn drop(&mut self) {
        if !self.has_failed {
            self.chosen.member().endpoint.succeeded();
        }
    }
}
