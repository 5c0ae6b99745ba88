//! Edits of a message's headers.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Serialize, Serializer, ser::SerializeSeq};
use sha2::{Digest, Sha256};

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

/// How a header value is displayed: as it is, or, if it came from a Secret, as the first 8 hex
/// digits of its SHA-256.
pub(crate) fn redacted(value: &HeaderValue) -> String {
    if value.is_sensitive() {
        let digest = Sha256::digest(value.as_bytes());
        let hex: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        format!("secret:sha256:{hex}")
    } else {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    }
}

fn names<S: Serializer>(names: &[HeaderName], serializer: S) -> Result<S::Ok, S::Error> {
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
