//! What an API server makes of a manifest before it stores the object.

use crate::yaml::BASE64;
use serde_json::{Map, Value};

/// Maps of text, by their paths. To Go, a null text is an empty one.
const TEXTS: [&[&str]; 5] = [
    &["metadata", "labels"],
    &["metadata", "annotations"],
    &["spec", "selector"],
    &["data"],
    &["stringData"],
];

/// Maps of base64. In Go, line breaks and the unused bits of its last character
/// don't count.
const BASE64_TEXTS: [(&str, &str); 2] = [("Secret", "data"), ("ConfigMap", "binaryData")];

/// Does to an object of one of Portico's own kinds what the API server does to its metadata.
pub(super) fn metadata(value: &mut Value) {
    for path in &TEXTS[..2] {
        fill_nulls(value, path);
    }
}

/// Does to an object of Kubernetes' own kinds what the API server does to it.
pub(super) fn object(value: &mut Value) {
    for path in &TEXTS {
        fill_nulls(value, path);
    }
    for (kind, field) in BASE64_TEXTS {
        if value["kind"] == *kind
            && let Some(texts) = map_at(value, &[field])
        {
            texts.values_mut().for_each(strict_base64);
        }
    }
}

fn map_at<'v>(value: &'v mut Value, path: &[&str]) -> Option<&'v mut Map<String, Value>> {
    path.iter().try_fold(value, |value, step| value.get_mut(step))?.as_object_mut()
}

fn fill_nulls(value: &mut Value, path: &[&str]) {
    for text in map_at(value, path).into_iter().flat_map(Map::values_mut) {
        if text.is_null() {
            *text = Value::String(String::new());
        }
    }
}

fn strict_base64(value: &mut Value) {
    if let Value::String(text) = value
        && let Ok(bytes) = BASE64.decode(text.as_bytes())
    {
        *text = data_encoding::BASE64.encode(&bytes);
    }
}
