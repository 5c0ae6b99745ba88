//! What is known of the endpoints of backends: one place for all workers, which outlives a change of
//! the table. No request takes a lock here, unless something fails.
//!
//! - A worker's requests write what they see: requests in flight, latency, failures in a row,
//!   connections that are not accepted ([`Endpoint`]). The checker writes the results of active
//!   checks ([`CheckState`]).
//! - Where a backend is chosen, both are read: [`Member`] tells whether an endpoint may be taken,
//!   [`BackendSet`] how fast a backend is.
//! - [`Names`] looks up the addresses of external backends.
//! - [`Registry`] holds all of them, and forgets those that no Route names any longer.

mod attempt;
mod backends;
mod backoff;
mod candidates;
mod check;
mod ejection;
mod exposition;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod fixtures;
mod latency;
mod names;
mod queue;
mod registry;
mod retry_budget;
mod shown;
mod sockets;
mod state;

pub(crate) use attempt::{Attempt, Fault};
pub(crate) use backends::{BackendSet, Missing};
pub(crate) use backoff::Use;
pub(crate) use candidates::Candidates;
pub(crate) use check::{CheckFailure, CheckState, Transition};
pub(crate) use exposition::encode;
pub(crate) use names::Names;
pub(crate) use queue::{InFlight, QueueFull};
pub(crate) use registry::{Checked, Registry};
pub(crate) use retry_budget::RetryShare;
pub use shown::{ShownBackend, ShownEndpoint, State};
pub(crate) use sockets::{Reclaim, Socket};
pub(crate) use state::{Endpoint, EndpointKey, Failure, Member};
