//! Origins: what a policy may list, and which of a request's are among them. A policy's entries
//! are read once, by a strict parser that knows what browsers write; a request's `Origin` by a
//! cheap one, and then compared byte by byte.

mod error;
mod matcher;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod oracle;
mod parse;
mod pattern;
mod request;
mod syntax;

pub use error::{OriginMistake, OriginPatternError};
pub use matcher::Origins;
pub use pattern::{OriginHost, OriginPattern, OriginPort};
pub(super) use syntax::MAX_BYTES;
