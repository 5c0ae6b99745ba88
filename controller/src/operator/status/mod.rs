//! Statuses and Events, written by the replica that leads.

mod desired;
mod events;
mod leader;
mod writer;

pub(super) use desired::address;
pub(super) use leader::{LeaderElector, Lease};
pub(super) use writer::Writer;
