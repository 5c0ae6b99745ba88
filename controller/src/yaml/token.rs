//! Tokens: what the scanner makes of a text.

use super::MAX_DEPTH;
use std::borrow::Cow;

/// A position in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The offset in bytes.
    pub(super) at: usize,
    /// The offset of the line's first byte.
    pub(super) line: usize,
}

impl Mark {
    /// How far into its line it is, in bytes: indentation is ASCII.
    pub(super) fn column(self) -> usize {
        self.at - self.line
    }

    /// The same, to compare with the indentation of collections: -1 outside of any.
    pub(super) fn indent(self) -> isize {
        isize::try_from(self.column()).unwrap_or(isize::MAX)
    }
}

/// A token and where it is.
#[derive(Debug)]
pub(super) struct Token<'t> {
    pub(super) kind: TokenKind<'t>,
    /// The offset of its first byte.
    pub(super) start: usize,
    /// The offset behind its last byte.
    pub(super) end: usize,
}

/// The kinds of tokens, named as in libyaml.
#[derive(Debug)]
pub(super) enum TokenKind<'t> {
    StreamEnd,
    VersionDirective(u8, u8),
    /// Handle and prefix.
    TagDirective(Box<(String, String)>),
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(&'t str),
    Anchor(&'t str),
    /// Handle and suffix.
    Tag(Box<(String, String)>),
    /// The text, and whether it is plain: neither quoted nor a block.
    Scalar(Cow<'t, str>, bool),
}

/// Why a text can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    /// The reason, without the place.
    pub(crate) message: String,
    /// The offset in bytes where it was noticed.
    pub(crate) at: usize,
    /// Whether it is a bound that has been reached: the text may be well-formed.
    pub(crate) is_bound: bool,
    /// Which values must be quoted, if the lack of quotes explains it.
    pub(crate) unquoted: Option<&'static str>,
}

impl Error {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), at, is_bound: false, unquoted: None }
    }

    /// One that is explained by a value like these without quotes.
    pub(super) fn unquoted(at: usize, message: impl Into<String>, values: &'static str) -> Self {
        Self { unquoted: Some(values), ..Self::new(at, message) }
    }

    pub(super) fn bound(at: usize, message: impl Into<String>) -> Self {
        Self { is_bound: true, ..Self::new(at, message) }
    }

    pub(super) fn too_deep(at: usize) -> Self {
        Self::bound(at, format!("is nested more than {MAX_DEPTH} levels deep"))
    }
}
