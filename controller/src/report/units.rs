//! Numbers for people.

use k8s_openapi::jiff::Timestamp;

/// What stands for a number that is not known.
const UNKNOWN: &str = "–";

/// A time of these seconds.
pub(super) fn time(seconds: f64) -> String {
    match seconds {
        zero if zero <= 0.0 => "0 ms".to_owned(),
        short if short < 0.01 => format!("{:.2} ms", short * 1e3),
        short if short < 1.0 => format!("{:.0} ms", short * 1e3),
        some if some < 120.0 => format!("{some:.1} s"),
        minutes if minutes < 7_200.0 => format!("{:.1} min", minutes / 60.0),
        hours if hours < 172_800.0 => format!("{:.1} h", hours / 3_600.0),
        days => format!("{:.1} d", days / 86_400.0),
    }
}

/// A time that may not be known.
pub(super) fn some_time(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| UNKNOWN.to_owned(), time)
}

/// A share, in percent.
pub(super) fn percent(share: Option<f64>) -> String {
    match share {
        None => UNKNOWN.to_owned(),
        Some(0.0) => "0%".to_owned(),
        Some(small) if small < 0.001 => format!("{:.2}%", 100.0 * small),
        Some(small) if small < 0.1 => format!("{:.1}%", 100.0 * small),
        Some(share) => format!("{:.0}%", 100.0 * share),
    }
}

/// A whole number, its thousands with commas.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number that need not be whole.
pub(super) fn number(number: Option<f64>) -> String {
    match number {
        None => UNKNOWN.to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(small) if small.abs() < 10.0 => format!("{small:.2}"),
        Some(some) if some.abs() < 100.0 => format!("{some:.1}"),
        Some(large) => count(large.abs().round() as u64),
    }
}

/// Before and after, and by which share it became more or less.
pub(super) fn change(
    before: Option<f64>,
    after: Option<f64>,
    shown: impl Fn(Option<f64>) -> String,
) -> String {
    if before.is_none() && after.is_none() {
        return UNKNOWN.to_owned();
    }
    let share = match (before, after) {
        (Some(before), Some(after)) if before > 0.0 => {
            let percent = 100.0 * (after / before - 1.0);
            // Not "-0%".
            let percent = if percent.abs() < 0.5 { 0.0 } else { percent };
            format!(" ({percent:+.0}%)")
        }
        _ => String::new(),
    };
    format!("{} → {}{share}", shown(before), shown(after))
}

/// A point in time, to the minute, in UTC.
pub(super) fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_long_as_they_need_to_be() {
        for (seconds, shown) in [
            (0.0, "0 ms"),
            (0.001_234, "1.23 ms"),
            (0.0456, "46 ms"),
            (12.34, "12.3 s"),
            (600.0, "10.0 min"),
            (86_400.0, "24.0 h"),
            (604_800.0, "7.0 d"),
        ] {
            assert_eq!(time(seconds), shown);
        }
        for (number, shown) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (123_456, "123,456"), (1 << 20, "1,048,576")]
        {
            assert_eq!(count(number), shown);
        }
        assert_eq!(
            [None, Some(0.0), Some(0.0123), Some(0.5)].map(percent),
            ["–", "0%", "1.2%", "50%"]
        );
        assert_eq!(
            [None, Some(0.0), Some(1.5), Some(480.4)].map(number),
            ["–", "0", "1.50", "480"]
        );
    }

    #[test]
    fn a_change_says_by_how_much() {
        assert_eq!(change(Some(0.2), Some(0.1), some_time), "200 ms → 100 ms (-50%)");
        assert_eq!(change(Some(480.0), Some(0.0), number), "480 → 0 (-100%)");
        assert_eq!(change(Some(0.0), Some(3.0), number), "0 → 3.00");
        assert_eq!(change(None, Some(0.1), some_time), "– → 100 ms");
        assert_eq!(change(Some(1000.0), Some(999.0), number), "1,000 → 999 (+0%)");
        assert_eq!(change(None, None, number), "–");
    }
}
