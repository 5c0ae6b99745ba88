//! Events: what a parser makes of a text, be it YAML or JSON.

use super::{scalar::Scalar, token::Error};

/// An event, with its place.
#[derive(Debug)]
pub(super) struct Event<'t> {
    pub(super) kind: EventKind<'t>,
    /// The name of its anchor.
    pub(super) anchor: Option<&'t str>,
    /// The offset of its first byte, without anchor and tag.
    pub(super) start: usize,
    /// The offset behind its last byte; for a collection, behind its first one.
    pub(super) end: usize,
}

#[derive(Debug)]
pub(super) enum EventKind<'t> {
    Scalar(Scalar<'t>),
    /// `<<`, which, as a key, merges its value into the mapping.
    Merge,
    Alias(&'t str),
    SequenceStart,
    SequenceEnd,
    MappingStart,
    MappingEnd,
}

/// A source of the events of one document, balanced.
pub(super) trait Events<'t> {
    /// The next event. Not to be called once the document has ended.
    fn next(&mut self) -> Result<Event<'t>, Error>;
}
