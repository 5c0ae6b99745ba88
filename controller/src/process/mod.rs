//! What all serving processes share: the server, its admin pages, logging and signals.

mod admin;
mod allocator;
pub(crate) mod logging;
mod metrics;
mod otlp;
pub(crate) mod server;
pub(crate) mod signals;
