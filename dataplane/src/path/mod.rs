//! Paths: normalising a request's path (RFC 3986 §6.2.2), the patterns that match it, and the
//! templates that rewrite it.

mod error;
mod normalise;
mod pattern;
mod segments;
mod template;

pub use error::{PathError, PathPatternError};
pub use normalise::{Slashes, normalise};
pub use pattern::PathPattern;
pub use segments::Captures;
pub use template::PathTemplate;

pub(crate) use segments::{Segment, split};
