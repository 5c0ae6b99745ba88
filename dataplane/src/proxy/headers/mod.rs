//! What happens to header fields: who asked, as trusted proxies say; the request as the backend gets
//! it; and what the response says of the backend's own names.

mod client;
mod forwarded;
pub(crate) mod hop_by_hop;
mod outbound;
mod reverse;

pub(super) use client::{ClientInfo, REQUEST_ID};
pub(crate) use outbound::Via;
pub(super) use outbound::{Outbound, refuse_loops, remove_untrusted_forwarding, target};
pub(super) use reverse::ResponseRewrite;
