//! How Secrets differ from other kinds. No message quotes their contents.

use super::values;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use serde_json::Value;

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
    values::trim_secret(&mut secret);
    Ok(secret)
}
