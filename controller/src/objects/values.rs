//! The values in Secrets and ConfigMaps: how large they may be, and how they are looked up.

use k8s_openapi::{
    api::core::v1::{ConfigMap, Secret},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use std::collections::BTreeMap;

/// Larger values are not read, unless they are PEM: no header is that long.
pub(crate) const MAX_VALUE_BYTES: usize = 16 << 10;
/// Larger values are never read. An API server keeps none.
const MAX_PEM_BYTES: usize = 1 << 20;
/// What PEM contains (RFC 7468 §2), maybe after explanatory text.
const PEM: &[u8] = b"-----BEGIN ";
/// What, before its key, remembers a value that was too large.
const TOO_LARGE: &str = "portico.dev/too-large/";

/// A value that was looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'v> {
    /// The object has no such key.
    Missing,
    /// It is too large, and so was not read.
    TooLarge,
    /// It is this.
    Bytes(&'v [u8]),
}

impl<'v> Value<'v> {
    fn of(bytes: Option<&'v [u8]>, metadata: &ObjectMeta, key: &str) -> Self {
        match bytes {
            Some(bytes) => Self::Bytes(bytes),
            None if was_too_large(metadata, key) => Self::TooLarge,
            None => Self::Missing,
        }
    }

    /// The value of a Secret's key.
    pub(crate) fn of_secret(secret: &'v Secret, key: &str) -> Self {
        let data = secret.data.as_ref().and_then(|data| data.get(key));
        let plain = secret.string_data.as_ref().and_then(|data| data.get(key));
        let bytes = plain.map(String::as_bytes).or(data.map(|data| data.0.as_slice()));
        Self::of(bytes, &secret.metadata, key)
    }

    /// The value of a ConfigMap's key.
    pub(crate) fn of_config_map(config_map: &'v ConfigMap, key: &str) -> Self {
        let text = config_map.data.as_ref().and_then(|data| data.get(key));
        let data = config_map.binary_data.as_ref().and_then(|data| data.get(key));
        let bytes = text.map(String::as_bytes).or(data.map(|data| data.0.as_slice()));
        Self::of(bytes, &config_map.metadata, key)
    }
}

fn was_too_large(metadata: &ObjectMeta, key: &str) -> bool {
    let annotations = metadata.annotations.as_ref();
    annotations.is_some_and(|it| it.contains_key(&format!("{TOO_LARGE}{key}")))
}

/// Removes what Portico does not read from a Secret: all but name, type and data. Annotations may
/// contain the data of an older version.
pub(super) fn trim_secret(secret: &mut Secret) {
    let Secret { metadata, mut data, type_, .. } = std::mem::take(secret);
    let large = remove_large(&mut data, |value| &value.0);
    let metadata = kept(metadata, large);
    *secret = Secret { metadata, data, type_, ..Secret::default() };
}

/// Removes what Portico does not read from a ConfigMap: all but name and data.
pub(super) fn trim_config_map(config_map: &mut ConfigMap) {
    let ConfigMap { metadata, mut data, mut binary_data, .. } = std::mem::take(config_map);
    let mut large = remove_large(&mut data, String::as_bytes);
    large.extend(remove_large(&mut binary_data, |value| &value.0));
    let metadata = kept(metadata, large);
    *config_map = ConfigMap { metadata, data, binary_data, ..ConfigMap::default() };
}

/// Removes values that are too large. Returns their keys.
fn remove_large<V>(
    data: &mut Option<BTreeMap<String, V>>,
    bytes: impl Fn(&V) -> &[u8],
) -> Vec<String> {
    let data = data.iter_mut();
    data.flat_map(|data| data.extract_if(.., |_, value| is_too_large(bytes(value))))
        .map(|(key, _)| key)
        .collect()
}

fn is_too_large(value: &[u8]) -> bool {
    let is_pem = || value.windows(PEM.len()).any(|part| part == PEM);
    value.len() > MAX_VALUE_BYTES && (value.len() > MAX_PEM_BYTES || !is_pem())
}

/// The metadata that is kept, with the keys of values that were too large.
fn kept(metadata: ObjectMeta, large: Vec<String>) -> ObjectMeta {
    let annotations: BTreeMap<_, _> =
        large.into_iter().map(|key| (format!("{TOO_LARGE}{key}"), String::new())).collect();
    ObjectMeta {
        name: metadata.name,
        namespace: metadata.namespace,
        annotations: (!annotations.is_empty()).then_some(annotations),
        ..ObjectMeta::default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn of_a_value_that_is_too_large_the_key_is_kept() {
        let value = |bytes| "x".repeat(bytes);
        let pem = |bytes| format!("-----BEGIN CERTIFICATE-----{}", value(bytes));
        let (fits, large) = (value(MAX_VALUE_BYTES), value(MAX_VALUE_BYTES + 1));
        let object = json!({
            "metadata": {"name": "s", "annotations": {format!("{TOO_LARGE}fits"): ""}},
            "stringData": {"fits": fits, "large": large, "pem": pem(MAX_VALUE_BYTES), "huge": pem(MAX_PEM_BYTES)},
        });
        let secret = super::super::secret::decode(object.clone()).unwrap();
        let keys: Vec<_> = secret.data.as_ref().unwrap().keys().collect();
        assert_eq!(keys, ["fits", "pem"]);
        let look_up = |key| Value::of_secret(&secret, key);
        assert_eq!(look_up("fits"), Value::Bytes(fits.as_bytes()));
        assert_eq!([look_up("large"), look_up("huge")], [Value::TooLarge; 2]);
        assert_eq!(look_up("missing"), Value::Missing);

        let mut config_map: ConfigMap = serde_json::from_value(json!({
            "metadata": object["metadata"],
            "data": object["stringData"],
            "binaryData": {"binary": "eA=="},
        }))
        .unwrap();
        trim_config_map(&mut config_map);
        let look_up = |key| Value::of_config_map(&config_map, key);
        assert_eq!(look_up("fits"), Value::Bytes(fits.as_bytes()));
        assert_eq!(look_up("binary"), Value::Bytes(b"x"));
        assert_eq!(look_up("pem"), Value::Bytes(pem(MAX_VALUE_BYTES).as_bytes()));
        assert_eq!([look_up("large"), look_up("huge")], [Value::TooLarge; 2]);
        assert_eq!(look_up("missing"), Value::Missing);
    }
}
