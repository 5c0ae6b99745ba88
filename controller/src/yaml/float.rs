//! Floats, as Go writes them.

use serde_json::{Number, Value};

/// A float in JSON, as Go writes it and reads it again: without a fraction, it is an integer, if its
/// shortest digits make one.
pub(super) fn in_json(number: f64) -> Value {
    /// From here on, Go writes an exponent.
    const EXPONENT: f64 = 1e21;
    let is_whole = number.fract() == 0.0 && number.abs() < EXPONENT;
    match number.to_string().parse::<i64>() {
        Ok(integer) if is_whole => Value::Number(integer.into()),
        Ok(_) | Err(_) => Number::from_f64(number).map_or(Value::Null, Value::Number),
    }
}

/// A float as the key of a mapping: Go's `FormatFloat(number, 'g', -1, 32)`.
pub(super) fn as_key(number: f64) -> String {
    let number = number as f32;
    if number.is_nan() {
        return ".nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) || number == 0.0 {
        return number.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
