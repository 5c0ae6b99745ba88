//! Where objects and their fields are written.

use super::ObjectRef;
use std::{path::Path, sync::Arc};

/// A field of an object, whose place is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'s> {
    /// The object.
    pub object: &'s ObjectRef,
    /// The field's path; empty for the object itself.
    pub field: &'s str,
    /// Whether its name is wanted, rather than its value.
    pub is_name: bool,
}

/// Where something is written, as far as that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WrittenAt {
    /// The file.
    pub file: Option<Arc<Path>>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The column, from 1, in characters.
    pub column: Option<usize>,
}

impl<'s> Subject<'s> {
    /// An object itself.
    pub fn object(object: &'s ObjectRef) -> Self {
        Self { object, field: "", is_name: false }
    }
}
