//! Numbers, as Go reads and writes them.

use super::scalar::Scalar;
use serde_json::{Number, Value};

/// An integer or a float, by go-yaml's rules: `_` is left out, `0x10`, `0b10`, `0o10` and `010` are
/// integers, and `080` is 80.
pub(super) fn parse(text: &str) -> Option<Scalar<'static>> {
    if text.starts_with('.') {
        return fraction(text).map(Scalar::Float);
    }
    if !text.starts_with(['+', '-']) && !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let plain = text.replace('_', "");
    if let Some(integer) = integer(&plain) {
        return Some(integer);
    }
    if let Some(number) = float_of(&plain) {
        return Some(Scalar::Float(number));
    }
    // What is left of Go's own prefix: a sign behind it.
    let (negative, digits) = sign(plain.strip_prefix("0b")?);
    signed(negative, u64_of(digits, 2)?).map(Scalar::Int)
}

/// An integer, with the prefixes of Go's `ParseInt` for base 0.
pub(super) fn integer(text: &str) -> Option<Scalar<'static>> {
    let (negative, digits) = sign(text);
    let magnitude = match digits.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => u64_of(&digits[2..], 16)?,
        [b'0', b'o' | b'O', _, ..] => u64_of(&digits[2..], 8)?,
        [b'0', b'b' | b'B', _, ..] => u64_of(&digits[2..], 2)?,
        [b'0'] => 0,
        [b'0', ..] => u64_of(&digits[1..], 8)?,
        _ => u64_of(digits, 10)?,
    };
    match signed(negative, magnitude) {
        Some(number) => Some(Scalar::Int(number)),
        None => (!text.starts_with(['+', '-'])).then_some(Scalar::Large(magnitude)),
    }
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn u64_of(digits: &str, radix: u32) -> Option<u64> {
    // Rust would accept a sign.
    let is_digits = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_digits { u64::from_str_radix(digits, radix).ok() } else { None }
}

fn signed(negative: bool, magnitude: u64) -> Option<i64> {
    if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// A number that begins with a point. Here, `_` must be between digits.
fn fraction(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let misplaced = |at: usize| !(at > 0 && digit(at - 1) && digit(at + 1));
    if text.match_indices('_').any(|(at, _)| misplaced(at)) {
        return None;
    }
    float_of(&text.replace('_', ""))
}

/// A decimal float, if it is finite.
fn float_of(text: &str) -> Option<f64> {
    let (_, unsigned) = sign(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(sign(exponent).1)),
        None => (unsigned, None),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let good = digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent));
    if !good {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A float in JSON, as Go writes it and reads it again: without a fraction, it is an integer, if its
/// shortest digits make one.
pub(super) fn float(number: f64) -> Value {
    /// From here on, Go writes an exponent.
    const EXPONENT: f64 = 1e21;
    let is_whole = number.fract() == 0.0 && number.abs() < EXPONENT;
    match number.to_string().parse::<i64>() {
        Ok(integer) if is_whole => Value::Number(integer.into()),
        Ok(_) | Err(_) => Number::from_f64(number).map_or(Value::Null, Value::Number),
    }
}

/// A float as the key of a mapping: Go's `FormatFloat(number, 'g', -1, 32)`.
pub(super) fn key(number: f64) -> String {
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

/// Whether go-yaml takes a text as a timestamp: a date, or a date and a time, in RFC 3339's form or
/// with a space between them and no zone.
pub(super) fn is_timestamp(text: &str) -> bool {
    let Some((year, rest)) = text.split_once('-') else { return false };
    let Some((month, rest)) = rest.split_once('-') else { return false };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (day, time) = rest.split_at(end);
    let is_date = year.len() == 4
        && number_within(year, 4, 0..=9999)
        && number_within(month, 2, 1..=12)
        && number_within(day, 2, 1..=days(year, month));
    is_date && (time.is_empty() || is_time(time))
}

fn days(year: &str, month: &str) -> u32 {
    let year: u32 = year.parse().unwrap_or(1);
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month.parse() {
        Ok(2) if is_leap => 29,
        Ok(2) => 28,
        Ok(4 | 6 | 9 | 11) => 30,
        Ok(_) | Err(_) => 31,
    }
}

fn number_within(text: &str, digits: usize, range: std::ops::RangeInclusive<u32>) -> bool {
    let is_number = text.len() <= digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number && text.parse().is_ok_and(|number| range.contains(&number))
}

/// A time with what is before it: `T` and with a zone, or a space and without one.
fn is_time(text: &str) -> bool {
    let has_zone = text.starts_with(['T', 't']);
    if !has_zone && !text.starts_with(' ') {
        return false;
    }
    let mut rest = text[1..].trim_start_matches(if has_zone { '\0' } else { ' ' });
    for (most, separator) in [(23, ':'), (59, ':'), (59, '\0')] {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        if !number_within(&rest[..end.min(3)], 2, 0..=most) || end == 0 {
            return false;
        }
        rest = &rest[end..];
        if separator != '\0' {
            let Some(after) = rest.strip_prefix(separator) else { return false };
            rest = after;
        }
    }
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        let end = fraction.find(|c: char| !c.is_ascii_digit()).unwrap_or(fraction.len());
        if end == 0 {
            return false;
        }
        rest = &fraction[end..];
    }
    if has_zone { is_zone(rest) } else { rest.is_empty() }
}

fn is_zone(text: &str) -> bool {
    let Some(offset) = text.strip_prefix(['+', '-']) else { return text == "Z" };
    let Some((hours, minutes)) = offset.split_once(':') else { return false };
    let two = |part: &str, most| part.len() == 2 && number_within(part, 2, 0..=most);
    two(hours, 24) && two(minutes, 60)
}
