//! Values of flags.

use std::{
    hash::{BuildHasher, RandomState},
    net::SocketAddr,
    num::NonZeroUsize,
    time::Duration,
};

/// A number of things, at least one.
pub(super) fn count(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse().map_err(|_| "write a whole number above 0: 4")
}

/// An address and a port.
pub(super) fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| {
        "write an IP address and a port: 0.0.0.0:8080 (every address), 127.0.0.1:8080, [::]:8080"
    })
}

/// Bytes: a plain number, or one with KiB, MiB or GiB.
pub(super) fn size(text: &str) -> Result<usize, &'static str> {
    const UNITS: [(&str, u32); 4] = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("", 0)];
    let (digits, shift) = UNITS
        .iter()
        .find_map(|(unit, shift)| Some((text.strip_suffix(unit)?, *shift)))
        .unwrap_or((text, 0));
    digits
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_mul(1 << shift))
        .filter(|bytes| *bytes > 0)
        .ok_or("write a number of bytes, KiB, MiB or GiB above 0: 65536, 64KiB, 10MiB")
}

/// A span of time: `500ms`, `30s`, `1m30s`, `2h`, `0s`.
pub(super) fn time(text: &str) -> Result<Duration, &'static str> {
    match text.parse::<kube::core::Duration>() {
        Ok(duration) if !duration.is_negative() => Ok(duration.into()),
        Ok(_) | Err(_) => Err("write a number and a unit (h, m, s, ms): 30s, 1m30s, 500ms"),
    }
}

/// A span of time that is not nothing.
pub(super) fn some_time(text: &str) -> Result<Duration, &'static str> {
    match time(text)? {
        Duration::ZERO => Err("must be more than 0"),
        time => Ok(time),
    }
}

/// A pseudonym as Via may carry it: a token (RFC 9110 §5.6.2).
pub(super) fn token(text: &str) -> Result<String, &'static str> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !text.is_empty() && text.bytes().all(is_token) {
        Ok(text.to_owned())
    } else {
        Err("write letters, digits, '-', '.' and '_'")
    }
}

/// `portico-` and 8 hex digits; another one each time.
pub(super) fn drawn_name() -> String {
    // Each RandomState has keys of its own, the first of them from the system's randomness.
    format!("portico-{:08x}", RandomState::new().hash_one(0) >> 32)
}
