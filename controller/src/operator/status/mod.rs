//! Statuses and Events, written by the replica that leads.

mod desired;
mod events;
mod health;
mod holds;
mod leader;
mod writer;

pub(super) use desired::address;
pub(super) use events::EventQueue;
pub(super) use health::HealthEvents;
pub(super) use leader::LeaderElector;
pub(super) use writer::Writer;
