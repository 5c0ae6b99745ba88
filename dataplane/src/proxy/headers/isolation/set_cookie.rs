//! A `Set-Cookie` line as browsers read it.

use super::{names, path};
use crate::{table::CookieTag, telemetry::IsolationChange};

/// Browsers ignore an attribute whose value is longer, in bytes (RFC 6265bis §5.6).
const MAX_ATTRIBUTE: usize = 1024;

/// What browsers get of a cookie that a backend sets.
pub(super) enum Outcome {
    /// The cookie as it is.
    Same,
    /// This line instead.
    Changed(Vec<u8>, IsolationChange),
    /// Nothing.
    Removed,
}

/// A `Set-Cookie` line, taken apart as in RFC 6265bis §5.6.
pub(super) struct SetCookie<'l> {
    /// The name, which may be empty.
    pub(super) name: &'l [u8],
    value: &'l [u8],
    /// What stands in front of the first `;`.
    pair: &'l [u8],
    /// The rest, which is empty or begins with that `;`.
    attributes: &'l [u8],
}

impl<'l> SetCookie<'l> {
    pub(super) fn parse(line: &'l [u8]) -> Self {
        let end = memchr::memchr(b';', line).unwrap_or(line.len());
        let (pair, attributes) = line.split_at(end);
        let (name, value) = match memchr::memchr(b'=', pair) {
            Some(equals) => (&pair[..equals], &pair[equals + 1..]),
            None => (&pair[..0], pair),
        };
        Self { name: name.trim_ascii(), value: value.trim_ascii(), pair, attributes }
    }

    /// The name that a server reads when the cookie comes back: one without a name comes as its
    /// value, which may look like a name and a value.
    pub(super) fn name_when_sent(&self) -> &'l [u8] {
        match memchr::memchr(b'=', self.value) {
            Some(equals) if self.name.is_empty() => self.value[..equals].trim_ascii_end(),
            Some(_) | None => self.name,
        }
    }

    /// Renames it for the tag's Route. What browsers ignore as it is must not get a name.
    pub(super) fn renamed(&self, tag: &CookieTag) -> Outcome {
        if self.name.is_empty() && names::is_ignored_without_name(self.value) {
            return Outcome::Removed;
        }
        let name = names::renamed(tag, self.name);
        let line = [&name, &b"="[..], self.value, self.attributes].concat();
        Outcome::Changed(line, IsolationChange::CookieRenamed)
    }

    /// Confines it to `prefix` and the paths below, where it is set in the response to a request for
    /// `request`.
    pub(super) fn confined(&self, prefix: &str, request: &str) -> Outcome {
        if names::is_host(self.name) && prefix != "/" {
            // It can't have another path.
            return Outcome::Removed;
        }
        let default = path::default(request);
        let effective = |value: &'l [u8]| {
            let counts = value.first() == Some(&b'/') && value.len() <= MAX_ATTRIBUTE;
            if counts { value } else { default.as_bytes() }
        };
        let paths = || self.attributes().filter(|(name, ..)| is_path(name));
        let last = paths().last().map_or(default.as_bytes(), |(_, value, _)| effective(value));
        let is_inside = |value| path::matches(prefix.as_bytes(), value);
        // If there are several, not all browsers may take the last one.
        let are_all_inside = |value: &'l [u8]| {
            is_inside(effective(value)) && (value.first() != Some(&b'/') || is_inside(value))
        };
        if is_inside(last) && paths().all(|(_, value, _)| are_all_inside(value)) {
            return Outcome::Same;
        }
        let path = if is_inside(last) { last } else { prefix.as_bytes() };
        if path.len() > MAX_ATTRIBUTE {
            // Browsers would ignore it, and derive one that may be outside.
            return Outcome::Removed;
        }
        let mut line = self.pair.to_vec();
        for (.., attribute) in self.attributes().filter(|(name, ..)| !is_path(name)) {
            line.push(b';');
            line.extend_from_slice(attribute);
        }
        line.extend_from_slice(b"; Path=");
        line.extend_from_slice(path);
        Outcome::Changed(line, IsolationChange::CookiePath)
    }

    /// The name, the value and the text of each attribute.
    fn attributes(&self) -> impl Iterator<Item = (&'l [u8], &'l [u8], &'l [u8])> {
        self.attributes.split(|byte| *byte == b';').skip(1).map(|attribute| {
            let equals = memchr::memchr(b'=', attribute).unwrap_or(attribute.len());
            let (name, value) = attribute.split_at(equals);
            (name.trim_ascii(), value.get(1..).unwrap_or_default().trim_ascii(), attribute)
        })
    }
}

fn is_path(attribute: &[u8]) -> bool {
    attribute.eq_ignore_ascii_case(b"path")
}
