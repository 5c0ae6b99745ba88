//! The trailer fields of a message that must not pass because of what its head and its Route say.

use super::hop_by_hop;
use crate::{request::TrailerFilter, rules::Edits};
use http::{HeaderMap, HeaderName};

/// The trailer fields that pass from a client with this head, before hop-by-hop fields are removed
/// from it: none that is edited, or that decided about it.
pub(in crate::proxy) fn of_request(
    headers: &HeaderMap,
    edits: Edits<'_>,
    deciding: impl Iterator<Item = HeaderName>,
) -> TrailerFilter {
    let edited = edits.names().cloned();
    TrailerFilter::of_request(hop_by_hop(headers).chain(edited).chain(deciding).collect())
}

/// The same from a backend with this head.
pub(in crate::proxy) fn of_response(headers: &HeaderMap, edits: Edits<'_>) -> TrailerFilter {
    TrailerFilter::of_response(hop_by_hop(headers).chain(edits.names().cloned()).collect())
}

/// The fields that `Connection` lists, without the usual options, which are no trailers anyway.
fn hop_by_hop(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    hop_by_hop::named(headers).filter(|name| !matches!(name.as_str(), "close" | "keep-alive"))
}
