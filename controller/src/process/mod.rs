//! What every serving process has: the server, its admin pages, its log, its signals.

mod admin;
pub(crate) mod logging;
pub(crate) mod server;
pub(crate) mod signals;
