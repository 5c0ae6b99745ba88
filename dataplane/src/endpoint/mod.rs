//! What is known of the endpoints of backends.
mod event;
mod names;
pub use event::HealthEvent;
pub(crate) use names::Names;
