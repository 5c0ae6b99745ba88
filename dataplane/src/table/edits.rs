//! Edits of a message's headers.

use crate::field_name;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Serialize, Serializer, ser::SerializeSeq};
use sha2::{Digest, Sha256};
use std::{
    hash::{BuildHasher, RandomState},
    sync::OnceLock,
};

/// Header edits, applied in the order remove, set, add. Values from Secrets are marked sensitive
/// and displayed as fingerprints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HeaderEdits {
    /// Fields to remove.
    #[serde(serialize_with = "names", skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<HeaderName>,
    /// Fields to replace with this one value.
    #[serde(serialize_with = "pairs", skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<(HeaderName, HeaderValue)>,
    /// Field lines to append.
    #[serde(serialize_with = "pairs", skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<(HeaderName, HeaderValue)>,
}

impl HeaderEdits {
    /// Whether there are no edits.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty() && self.add.is_empty()
    }

    /// The fields that they change.
    pub(crate) fn names(&self) -> impl Iterator<Item = &HeaderName> {
        let written = self.set.iter().chain(&self.add).map(|(name, _)| name);
        self.remove.iter().chain(written)
    }

    /// Applies the edits to a request. Fields that a backend may read as an edited one are removed
    /// first: `x_api_key` beside an injected `x-api-key` would let the client choose the value.
    pub(crate) fn apply_to_request(&self, headers: &mut HeaderMap) {
        if self.is_empty() {
            return;
        }
        let twins: Vec<_> = headers.keys().filter(|name| self.has_twin(name)).cloned().collect();
        for name in twins {
            headers.remove(name);
        }
        self.apply(headers);
    }

    /// Applies the edits to an interim response (RFC 9110 §15.2): what the final one does not have as
    /// the backend wrote it, is not hinted at. What is set or added comes with the final one.
    pub(crate) fn apply_to_interim(&self, headers: &mut HeaderMap) {
        for name in self.remove.iter().chain(self.set.iter().map(|(name, _)| name)) {
            headers.remove(name);
        }
    }

    /// Whether a field is not edited, but may be read as one that is.
    fn has_twin(&self, name: &HeaderName) -> bool {
        let is_twin = |edited: &HeaderName| {
            edited != name && field_name::is_same_variable(edited.as_str(), name.as_str())
        };
        self.names().any(is_twin) && !self.names().any(|edited| edited == name)
    }

    /// Applies the edits.
    pub fn apply(&self, headers: &mut HeaderMap) {
        for name in &self.remove {
            headers.remove(name);
        }
        for (name, value) in &self.set {
            headers.insert(name.clone(), value.clone());
        }
        for (name, value) in &self.add {
            headers.append(name.clone(), value.clone());
        }
    }
}

/// How a header value is displayed: as it is, or, if it came from a Secret, as a fingerprint: the
/// first 64 bits of its salted SHA-256. Equal values have equal fingerprints, but only within one
/// process, so that nobody who sees one can try out values elsewhere.
pub(crate) fn redacted(value: &HeaderValue) -> String {
    if value.is_sensitive() {
        let digest = Sha256::new().chain_update(salt()).chain_update(value.as_bytes()).finalize();
        let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("secret:sha256:{hex}")
    } else {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    }
}

/// The process's salt of fingerprints: 128 random bits.
fn salt() -> &'static [u8; 16] {
    static SALT: OnceLock<[u8; 16]> = OnceLock::new();
    SALT.get_or_init(|| {
        // A RandomState's keys are 128 bits of the system's randomness.
        let keys = RandomState::new();
        let half = |input: u8| u128::from(keys.hash_one(input));
        (half(0) << 64 | half(1)).to_le_bytes()
    })
}

pub(super) fn names<S: Serializer>(names: &[HeaderName], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(names.iter().map(HeaderName::as_str))
}

pub(crate) fn pairs<S: Serializer>(
    pairs: &[(HeaderName, HeaderValue)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Pair<'a> {
        name: &'a str,
        value: String,
    }
    let mut seq = serializer.serialize_seq(Some(pairs.len()))?;
    for (name, value) in pairs {
        seq.serialize_element(&Pair { name: name.as_str(), value: redacted(value) })?;
    }
    seq.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_has_64_bits_and_is_not_the_values_plain_hash() {
        let secret = |text: &'static str| {
            let mut value = HeaderValue::from_static(text);
            value.set_sensitive(true);
            redacted(&value)
        };
        let one = secret("hush");
        assert_eq!(one.strip_prefix("secret:sha256:").map(str::len), Some(16), "{one}");
        assert_eq!(one, secret("hush"));
        assert_ne!(one, secret("hush-hush"));
        let plain = Sha256::digest(b"hush");
        let plain: String = plain.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        assert!(!one.ends_with(&plain), "{one}");
        assert_eq!(redacted(&HeaderValue::from_static("open")), "open");
    }

    #[test]
    fn twins_of_edited_names_do_not_come_from_the_client() {
        let name = HeaderName::from_static;
        let value = HeaderValue::from_static;
        let edits = HeaderEdits {
            remove: vec![name("x-gone")],
            set: vec![(name("x-api-key"), value("edge")), (name("x_own"), value("edge"))],
            add: vec![(name("x-more"), value("edge")), (name("x-own"), value("edge"))],
        };
        let mut headers: HeaderMap = [
            "x-gone",
            "x_gone",
            "x_api_key",
            "x-api_key",
            "x-api-key",
            "x-more",
            "x_more",
            "x-other",
        ]
        .into_iter()
        .map(|twin| (name(twin), value("client")))
        .collect();
        edits.apply_to_request(&mut headers);
        let mut left: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        left.sort_unstable();
        let (edge, client) = (&b"edge"[..], &b"client"[..]);
        let expected = [
            ("x-api-key", edge),
            ("x-more", client),
            ("x-more", edge),
            ("x-other", client),
            ("x-own", edge),
            ("x_own", edge),
        ];
        assert_eq!(left, expected);
    }
}
