//! Fields that the edge adds to a request.

use http::{HeaderMap, HeaderName, HeaderValue};
use std::rc::Rc;

/// Fields to send behind those of a head. The head has none of their names, so that nobody need look
/// for them there.
#[derive(Debug, Default)]
pub(crate) struct AddedFields {
    /// Those that other requests have too.
    shared: Option<Rc<SharedFields>>,
    /// Those of this one.
    own: Vec<(HeaderName, HeaderValue)>,
}

/// Fields that several requests get, as such and as HTTP/1.1 writes them.
#[derive(Debug)]
pub(crate) struct SharedFields {
    fields: Vec<(HeaderName, HeaderValue)>,
    lines: Vec<u8>,
}

impl SharedFields {
    /// These fields.
    pub(crate) fn new(fields: Vec<(HeaderName, HeaderValue)>) -> Self {
        let mut lines = Vec::new();
        for (name, value) in &fields {
            write_field(&mut lines, name, value);
        }
        Self { fields, lines }
    }
}

impl From<Rc<SharedFields>> for AddedFields {
    fn from(shared: Rc<SharedFields>) -> Self {
        Self { shared: Some(shared), own: Vec::new() }
    }
}

impl From<Vec<(HeaderName, HeaderValue)>> for AddedFields {
    fn from(own: Vec<(HeaderName, HeaderValue)>) -> Self {
        Self { shared: None, own }
    }
}

impl AddedFields {
    /// Adds a field.
    pub(crate) fn push(&mut self, name: HeaderName, value: HeaderValue) {
        self.own.push((name, value));
    }

    /// All of them, in the order in which they are sent.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        let shared = self.shared.iter().flat_map(|shared| &shared.fields);
        shared.chain(&self.own).map(|(name, value)| (name, value))
    }

    /// Sets them in a head, whatever it has of these names.
    pub(crate) fn move_into(&mut self, headers: &mut HeaderMap) {
        let Self { shared, own } = std::mem::take(self);
        let shared = shared.iter().flat_map(|shared| &shared.fields).cloned();
        for (name, value) in shared.chain(own) {
            headers.insert(name, value);
        }
    }

    /// Writes them as HTTP/1.1 does.
    pub(crate) fn write(&self, to: &mut Vec<u8>) {
        if let Some(shared) = &self.shared {
            to.extend_from_slice(&shared.lines);
        }
        for (name, value) in &self.own {
            write_field(to, name, value);
        }
    }
}

/// Writes a field line (RFC 9112 §5).
pub(crate) fn write_field(to: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    to.extend_from_slice(name.as_str().as_bytes());
    to.extend_from_slice(b": ");
    to.extend_from_slice(value.as_bytes());
    to.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_all_fields_in_their_order() {
        let field = |name, value| (HeaderName::from_static(name), HeaderValue::from_static(value));
        let (first, second) = (field("a", "1"), field("b", ""));
        let shared = Rc::new(SharedFields::new(vec![first.clone(), second.clone()]));
        for mut added in [AddedFields::from(vec![first, second]), AddedFields::from(shared)] {
            added.push(HeaderName::from_static("c"), HeaderValue::from_static("3"));
            let (mut lines, mut all) = (Vec::new(), Vec::new());
            added.write(&mut lines);
            added.iter().for_each(|(name, value)| write_field(&mut all, name, value));
            assert_eq!(lines, b"a: 1\r\nb: \r\nc: 3\r\n");
            assert_eq!(all, lines);
            let mut headers = HeaderMap::new();
            headers.append("a", HeaderValue::from_static("0"));
            added.move_into(&mut headers);
            assert_eq!((headers.len(), headers["a"].as_bytes()), (3, &b"1"[..]));
            assert_eq!(added.iter().count(), 0);
        }
    }
}
