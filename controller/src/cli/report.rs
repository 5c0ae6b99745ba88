//! What a report is about.

use super::values;
use std::time::Duration;

/// The longest time of a report.
const MAX_SINCE: Duration = Duration::from_hours(366 * 24);

/// A time that a report can be about: what `--drain-timeout` takes, or a number of days.
pub fn since(text: &str) -> Result<Duration, &'static str> {
    const USAGE: &str = "must be a number and a unit (d, h, m, s), such as 90m, 24h or 7d";
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    let days = days.and_then(|days| Duration::from_hours(24).checked_mul(days));
    let time = days.map_or_else(|| values::time(text), Ok).map_err(|_| USAGE)?;
    if time < Duration::from_secs(1) || time > MAX_SINCE {
        return Err("must be from 1s to 366d, such as 90m, 24h or 7d");
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_days_or_a_duration() {
        let hours = |hours| Ok(Duration::from_hours(hours));
        assert_eq!(since("24h"), hours(24));
        assert_eq!(since("7d"), hours(168));
        assert_eq!(since("1h30m"), Ok(Duration::from_mins(90)));
        for bad in ["", "7", "d", "-1h", "1w", "0s", "367d", "99999999999999999999d"] {
            assert!(since(bad).is_err(), "{bad}");
        }
    }
}
