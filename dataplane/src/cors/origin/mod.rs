//! Origins: what a policy may list, and whether it allows a request's `Origin`. A policy's entries
//! are parsed once, by a strict parser that knows what browsers send; a request's `Origin` by a
//! cheap one, then compared byte by byte.

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
