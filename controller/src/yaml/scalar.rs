//! Scalars of a known type, as Go's `encoding/json` writes them.

use super::float;
use serde_json::Value;
use std::borrow::Cow;

/// A scalar of a known type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar<'t> {
    Null,
    Bool(bool),
    Int(i64),
    /// An integer that is too large for an `i64`.
    Large(u64),
    Float(f64),
    Text(Cow<'t, str>),
}

impl Scalar<'_> {
    /// How many bytes its text has.
    pub(super) fn length(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Large(_) | Self::Float(_) => 0,
        }
    }

    /// The value as it reaches the API server: in JSON, a float without a fraction is an integer.
    pub(super) fn into_value(self) -> Result<Value, String> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(bool) => Value::Bool(bool),
            Self::Int(number) => Value::Number(number.into()),
            Self::Large(number) => float::in_json(number as f64),
            Self::Float(number) if number.is_finite() => float::in_json(number),
            Self::Float(_) => {
                return Err("this number can't be written in JSON: quote it".to_owned());
            }
            Self::Text(text) => Value::String(text.into_owned()),
        })
    }

    /// The key of a mapping that it becomes.
    pub(super) fn into_key(self) -> Result<String, String> {
        Ok(match self {
            Self::Null => return Err("null can't be a key: quote it".to_owned()),
            Self::Bool(bool) => bool.to_string(),
            Self::Int(number) => number.to_string(),
            Self::Large(_) => return Err("this number is too large for a key: quote it".to_owned()),
            Self::Float(number) => float::as_key(number),
            Self::Text(text) => text.into_owned(),
        })
    }
}
