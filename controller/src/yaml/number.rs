//! Numbers, as Go reads them.

use super::scalar::Scalar;

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
