//! Header fields: the client's side of the request, as reported by trusted proxies; the request as
//! the backend gets it; the backend's own names in the response; and trailer fields.

mod client;
mod cookies;
mod destination;
mod forwarded;
mod hop;
pub(crate) mod hop_by_hop;
mod isolation;
mod max_forwards;
mod names;
mod outbound;
mod present;
mod references;
mod report;
mod reverse;
pub(super) mod trailers;
mod untrusted;

pub(super) use client::ClientInfo;
pub(super) use cookies::{cookies, map_lines, pieces};
pub(super) use destination::RequestRewrite;
pub(super) use isolation::KeptApart;
pub(crate) use isolation::{remove_always, removed_names};
pub(super) use max_forwards::{count_hop, remaining_hops};
pub(super) use names::REQUEST_ID;
pub(crate) use outbound::Via;
pub(super) use outbound::{Outbound, refuse_loops, target};
pub(super) use present::Field;
pub(crate) use present::Present;
pub(super) use reverse::ResponseRewrite;
pub(super) use untrusted::remove_untrusted;
