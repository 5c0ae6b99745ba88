//! Origins: what a policy may list, and which of a request's are among them.

mod matcher;
mod pattern;
mod request;

pub use matcher::Origins;
pub use pattern::{OriginHost, OriginPattern, OriginPatternError, OriginPort};
