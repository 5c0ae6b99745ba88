//! The trailer fields of a message that must not pass because of what its head and its Route say.

use super::hop_by_hop;
use crate::{request::TrailerFilter, table::RouteMatch};
use http::{HeaderMap, HeaderName};

/// The trailer fields that pass from a client with this head, before hop-by-hop fields are removed
/// from it: none that the Route edits, or that decided about it.
pub(in crate::proxy) fn of_request(headers: &HeaderMap, matched: &RouteMatch) -> TrailerFilter {
    let predicates = matched.predicates.headers.iter();
    let deciding =
        predicates.filter_map(|header| HeaderName::from_bytes(header.name.as_bytes()).ok());
    let edited = matched.target.request_headers.names().cloned();
    TrailerFilter::of_request(hop_by_hop(headers).chain(edited).chain(deciding).collect())
}

/// The same from a backend with this head.
pub(in crate::proxy) fn of_response(headers: &HeaderMap, matched: &RouteMatch) -> TrailerFilter {
    let edited = matched.target.response_headers.names().cloned();
    TrailerFilter::of_response(hop_by_hop(headers).chain(edited).collect())
}

/// The fields that `Connection` lists, without the usual options, which are no trailers anyway.
fn hop_by_hop(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    hop_by_hop::named(headers).filter(|name| !matches!(name.as_str(), "close" | "keep-alive"))
}
