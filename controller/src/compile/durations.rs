//! Durations as Gateway API writes them (GEP-2257).

use crate::schema;
use std::time::Duration;

/// Parses one to four of `[0-9]{1,5}(h|m|s|ms)`; anything else is `None`.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let (mut rest, mut total) = (text, Duration::ZERO);
    for _ in 0..4 {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let number: u64 = (digits <= 5).then(|| number.parse().ok())??;
        let (unit, after) = unit(after)?;
        total += Duration::from_millis(number * unit);
        if after.is_empty() {
            return Some(total);
        }
        rest = after;
    }
    None
}

/// Why a text is refused as a duration: a sentence. `examples` are what to write otherwise.
pub(super) fn refusal(text: &str, examples: &str) -> String {
    let meant = schema::durations(text).into_iter().find(|meant| parse(meant).is_some());
    let meant = meant.unwrap_or_else(|| examples.to_owned());
    format!("'{text}' is not a duration: write {meant}")
}

/// The milliseconds of the unit at the start of `text`, and the rest.
fn unit(text: &str) -> Option<(u64, &str)> {
    [("ms", 1), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)]
        .into_iter()
        .find_map(|(name, millis)| Some((millis, text.strip_prefix(name)?)))
}

#[cfg(test)]
mod tests {
    use super::parse;
    use std::time::Duration;

    #[test]
    fn durations_of_gep_2257() {
        for (text, millis) in [
            ("0s", 0),
            ("0h", 0),
            ("30s", 30_000),
            ("500ms", 500),
            ("1h30m", 5_400_000),
            ("1h1m1s1ms", 3_661_001),
            ("10s30m1h", 5_410_000),
            ("99999h", 359_996_400_000),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        for text in [
            "",
            "0",
            "1",
            "s",
            "1.5s",
            "-1s",
            "+1s",
            " 1s",
            "1s ",
            "1d",
            "1S",
            "100000s",
            "1h1h1h1h1h",
            "1s1",
            "१s",
            "1µs",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
