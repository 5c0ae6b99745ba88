//! How Secrets differ from other kinds. No message quotes their contents.

use super::{undecoded::Undecoded, values};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use serde::Deserialize;
use serde_json::Value;

/// Decodes a manifest and merges `stringData` into `data`, as the API server does.
pub(super) fn decode(manifest: Value) -> Result<Secret, Undecoded> {
    if let Some(Value::Object(data)) = manifest.get("data") {
        for (key, value) in data {
            if ByteString::deserialize(value).is_err() {
                return Err(Undecoded {
                    field: format!("data.{key}"),
                    message: "is not base64: plain text goes under stringData".to_owned(),
                });
            }
        }
    }
    let mut secret: Secret =
        serde_path_to_error::deserialize(manifest).map_err(|error| Undecoded {
            message:
                "has the wrong type (stringData maps keys to strings: quote numbers, true, no)"
                    .to_owned(),
            ..Undecoded::new(error)
        })?;
    if let Some(plain) = secret.string_data.take() {
        let plain = plain.into_iter().map(|(key, value)| (key, ByteString(value.into_bytes())));
        secret.data.get_or_insert_default().extend(plain);
    }
    values::trim_secret(&mut secret);
    Ok(secret)
}
