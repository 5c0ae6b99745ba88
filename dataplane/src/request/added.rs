//! Fields that the edge adds to a request.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Fields to send behind those of a head. The head has none of their names, so that nobody need look
/// for them there.
#[derive(Debug, Default)]
pub(crate) struct AddedFields(Vec<(HeaderName, HeaderValue)>);

impl AddedFields {
    /// None yet, with room for as many.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Adds a field.
    pub(crate) fn push(&mut self, name: HeaderName, value: HeaderValue) {
        self.0.push((name, value));
    }

    /// All of them, in the order in which they were added.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// Sets them in a head, whatever it has of these names.
    pub(crate) fn move_into(&mut self, headers: &mut HeaderMap) {
        for (name, value) in self.0.drain(..) {
            headers.insert(name, value);
        }
    }
}
