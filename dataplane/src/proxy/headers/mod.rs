//! Header fields: the client's side of the request, as reported by trusted proxies; the request as
//! the backend gets it; the backend's own names in the response; and trailer fields.

mod client;
mod destination;
mod forwarded;
pub(crate) mod hop_by_hop;
mod outbound;
mod references;
mod reverse;
pub(super) mod trailers;

pub(super) use client::{ClientInfo, REQUEST_ID};
pub(super) use destination::RequestRewrite;
pub(crate) use outbound::Via;
pub(super) use outbound::{Outbound, refuse_loops, remove_untrusted_forwarding, target};
pub(super) use reverse::ResponseRewrite;
