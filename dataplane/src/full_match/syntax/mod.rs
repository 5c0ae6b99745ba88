//! The syntax of expressions, RE2's (<https://github.com/google/re2/wiki/Syntax>), read into the
//! regex crate's representation. Nothing but that is taken from the regex crate, whose syntax means
//! other things: `[a&&b]` is two characters here, and an intersection there.

mod class;
mod escape;
mod group;
mod mistake;
mod names;
mod parser;
mod reader;
mod set;

use super::{FullMatch, FullMatchError};
use regex_syntax::hir::Hir;

/// A pattern that was read.
pub(super) struct Parsed {
    pub(super) hir: Hir,
    /// How much reading it took that is in proportion to no size of the result, in bytes.
    pub(super) bytes: usize,
}

/// Reads a pattern whose groups are nested at most `max_depth` deep. The cost is limited, whatever
/// the pattern.
pub(super) fn parse(pattern: &str, max_depth: usize) -> Result<Parsed, FullMatchError> {
    if pattern.len() > FullMatch::MAX_PATTERN_BYTES {
        return Err(FullMatchError::TooLong);
    }
    parser::Parser::new(pattern, max_depth).parse()
}
