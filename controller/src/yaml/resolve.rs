//! What a scalar means, as go-yaml v2 has it.

use super::{number, scalar::Scalar, timestamp::is_timestamp};
use data_encoding::{Encoding, Specification};
use std::{borrow::Cow, sync::LazyLock};

/// What `!!` stands for.
pub(super) const TAG_PREFIX: &str = "tag:yaml.org,2002:";
/// The tag of `<<`.
pub(super) const MERGE_TAG: &str = "tag:yaml.org,2002:merge";

/// Resolves a scalar that is plain, or has a tag.
pub(super) fn resolve<'t>(tag: &str, text: Cow<'t, str>) -> Result<Scalar<'t>, String> {
    let known = if tag.is_empty() { Some("") } else { tag.strip_prefix(TAG_PREFIX) };
    match known {
        Some("binary") => return binary(&text).map(|text| Scalar::Text(Cow::Owned(text))),
        Some("") if tag.is_empty() => return Ok(plain(text)),
        Some("bool" | "int" | "float" | "null") => {}
        Some("timestamp") => {
            return if is_timestamp(&text) {
                Ok(Scalar::Text(text))
            } else {
                Err(format!("'{text}' is not a timestamp"))
            };
        }
        Some(_) | None => return Ok(Scalar::Text(text)),
    }
    match (known, plain(text.clone())) {
        (Some("bool"), scalar @ Scalar::Bool(_))
        | (Some("int"), scalar @ (Scalar::Int(_) | Scalar::Large(_)))
        | (Some("float"), scalar @ Scalar::Float(_))
        | (Some("null"), scalar @ Scalar::Null) => Ok(scalar),
        (Some("float"), Scalar::Int(number)) => Ok(Scalar::Float(number as f64)),
        (known, _) => Err(format!("'{text}' is not a valid {}", known.unwrap_or_default())),
    }
}

/// A plain scalar without a tag.
fn plain(text: Cow<'_, str>) -> Scalar<'_> {
    match text.as_bytes().first() {
        None => Scalar::Null,
        Some(
            b'+'
            | b'-'
            | b'0'..=b'9'
            | b'.'
            | b'y'
            | b'Y'
            | b'n'
            | b'N'
            | b't'
            | b'T'
            | b'f'
            | b'F'
            | b'o'
            | b'O'
            | b'~',
        ) => word(&text).or_else(|| number::parse(&text)).unwrap_or(Scalar::Text(text)),
        Some(_) => Scalar::Text(text),
    }
}

/// A word with a meaning. All of them are in lower case, capitalised, or in upper case.
fn word(text: &str) -> Option<Scalar<'static>> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

/// Base64 as Go decodes it: line breaks don't count, nor do the unused bits of the last character.
pub(crate) static BASE64: LazyLock<Encoding> = LazyLock::new(|| {
    let mut base64 = Specification::new();
    base64.symbols.push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    base64.padding = Some('=');
    base64.ignore.push_str("\r\n");
    base64.check_trailing_bits = false;
    // Invariant: this specification is valid, as a test shows.
    base64.encoding().unwrap_or(data_encoding::BASE64)
});

/// Bytes that are not text become U+FFFD, one by one, as in Go's JSON.
fn binary(text: &str) -> Result<String, String> {
    let bytes = BASE64.decode(text.as_bytes()).map_err(|_| "this is not base64".to_owned())?;
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    Ok(text)
}
