//! How Secrets differ from other kinds. No message quotes their contents.

use k8s_openapi::{
    ByteString, api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// Decodes a manifest and merges `stringData` into `data`, as the API server does.
pub(super) fn decode(mut manifest: Value) -> Result<Secret, String> {
    if let Some(Value::Object(data)) = manifest.get_mut("data") {
        for (key, value) in data {
            if let Value::String(text) = value {
                // Base64 may be wrapped, as the API server allows.
                text.retain(|c| !matches!(c, '\n' | '\r'));
            }
            if serde_json::from_value::<ByteString>(value.clone()).is_err() {
                return Err(format!("data.{key} is not base64: plain text goes under stringData"));
            }
        }
    }
    let mut secret: Secret = serde_json::from_value(manifest).map_err(
        |_| "a field has the wrong type (stringData maps keys to strings: quote numbers, true, no)",
    )?;
    if let Some(plain) = secret.string_data.take() {
        let plain = plain.into_iter().map(|(key, value)| (key, ByteString(value.into_bytes())));
        secret.data.get_or_insert_default().extend(plain);
    }
    trim(&mut secret);
    Ok(secret)
}

/// Larger values are not read: no header is that long.
pub(crate) const MAX_VALUE_BYTES: usize = 16 << 10;
/// What, before its key, remembers a value that was too large.
const TOO_LARGE: &str = "portico.dev/too-large/";

/// Whether the value of a key is too large to be read.
pub(crate) fn is_too_large(secret: &Secret, key: &str) -> bool {
    let annotations = secret.metadata.annotations.as_ref();
    let value = secret.data.as_ref().and_then(|data| data.get(key));
    annotations.is_some_and(|it| it.contains_key(&format!("{TOO_LARGE}{key}")))
        || value.is_some_and(|value| value.0.len() > MAX_VALUE_BYTES)
}

/// Keeps only the name, type and data, without values that are too large. Annotations may contain
/// the data of an older version.
pub(super) fn trim(secret: &mut Secret) {
    let Secret { metadata, mut data, type_, .. } = std::mem::take(secret);
    let mut annotations = BTreeMap::new();
    data.iter_mut().for_each(|data| {
        data.retain(|key, value| {
            let is_too_large = value.0.len() > MAX_VALUE_BYTES;
            if is_too_large {
                annotations.insert(format!("{TOO_LARGE}{key}"), String::new());
            }
            !is_too_large
        });
    });
    let metadata = ObjectMeta {
        name: metadata.name,
        namespace: metadata.namespace,
        annotations: (!annotations.is_empty()).then_some(annotations),
        ..ObjectMeta::default()
    };
    *secret = Secret { metadata, data, type_, ..Secret::default() };
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn of_a_value_that_is_too_large_the_key_is_kept() {
        let value = |bytes| "x".repeat(bytes);
        let (fits, large) = (value(MAX_VALUE_BYTES), value(MAX_VALUE_BYTES + 1));
        let secret = json!({
            "metadata": {"name": "s", "annotations": {format!("{TOO_LARGE}fits"): ""}},
            "stringData": {"fits": fits, "large": large},
        });
        let secret = decode(secret).unwrap();
        let data = secret.data.as_ref().unwrap();
        assert_eq!(data.keys().collect::<Vec<_>>(), ["fits"]);
        assert!(is_too_large(&secret, "large") && !is_too_large(&secret, "fits"));
        assert!(!is_too_large(&secret, "missing"));
    }
}
