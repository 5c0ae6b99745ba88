//! Timestamps, as go-yaml reads them.

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
