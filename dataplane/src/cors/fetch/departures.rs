//! Where browsers depart from the Fetch Standard: as seen with Chromium 156 and Firefox 153, and
//! compared by `tests/tests/browser_preflights.rs`.

use super::{Cause, causes, safelist};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

/// What Chromium or Firefox do otherwise before this request than [`causes`] has it, as clauses that
/// follow it; empty if they do the same.
pub(crate) fn departures(method: &Method, headers: &HeaderMap) -> Vec<String> {
    let causes: Vec<_> = causes(method, headers).collect();
    let (spared, other): (Vec<_>, Vec<_>) = causes.into_iter().partition(is_spared_by_chromium);
    let names = |names: Vec<&HeaderName>| {
        names.into_iter().map(HeaderName::as_str).collect::<Vec<_>>().join(", ")
    };
    let spared = names(spared.iter().filter_map(Cause::header).collect());
    match (spared.as_str(), other.is_empty()) {
        ("", true) => {
            let asks = |is_asked: fn(&HeaderName, &HeaderValue) -> bool| {
                let asked = headers.iter().filter(|(name, value)| is_asked(name, value));
                names(asked.map(|(name, _)| name).collect())
            };
            [("Chromium", asks(chromium_asks)), ("Firefox", asks(firefox_asks))]
                .into_iter()
                .filter(|(_, names)| !names.is_empty())
                .map(|(browser, names)| format!("{browser} sends one, because of {names}"))
                .collect()
        }
        ("", false) => Vec::new(),
        (spared, true) => {
            vec![format!("Chromium sends none, because it lets scripts set {spared}")]
        }
        (spared, false) => vec![format!("Chromium does not ask for {spared}")],
    }
}

/// Whether Chromium does not ask for a header: it safelists client hints without `Sec-CH-` that have
/// a valid value, and does not look at `User-Agent`.
fn is_spared_by_chromium(cause: &Cause<'_>) -> bool {
    let Cause::Header { name, value } = cause else { return false };
    let value = value.as_bytes();
    if **name == header::USER_AGENT {
        return true;
    }
    safelist::is_short(value)
        && match name.as_str() {
            "intervention" => true,
            "save-data" => value.eq_ignore_ascii_case(b"on"),
            "ect" => matches!(value, b"slow-2g" | b"2g" | b"3g" | b"4g"),
            "rtt" | "width" | "viewport-width" => safelist::is_digits(value),
            "device-memory" | "downlink" | "dpr" => {
                let mut parts = value.splitn(2, |byte| *byte == b'.');
                parts.all(safelist::is_digits)
            }
            _ => false,
        }
}

/// Whether Chromium asks for a safelisted header: its ranges end before the largest 64-bit integer.
fn chromium_asks(name: &HeaderName, value: &HeaderValue) -> bool {
    let numbers = value.as_bytes().split(|byte| !byte.is_ascii_digit());
    let mut numbers = numbers.filter_map(|digits| str::from_utf8(digits).ok()?.parse::<u64>().ok());
    *name == header::RANGE && numbers.any(|number| number >= i64::MAX.unsigned_abs())
}

/// Whether Firefox asks for a safelisted header: it takes none beyond ASCII, and no media type with a
/// comma.
fn firefox_asks(name: &HeaderName, value: &HeaderValue) -> bool {
    let value = value.as_bytes();
    match *name {
        header::ACCEPT => !value.is_ascii(),
        header::CONTENT_TYPE => !value.is_ascii() || value.contains(&b','),
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn browsers_depart_from_the_standard_where_they_were_seen_to() {
        let line = |(name, value): &(&str, &str)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap())
        };
        let departures = |method: &str, lines: &[(&str, &str)]| {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            super::departures(&method, &lines.iter().map(line).collect())
        };
        for (name, value) in [
            ("user-agent", "x"),
            ("user-agent", ""),
            ("save-data", "On"),
            ("dpr", "1.5"),
            ("downlink", "10"),
            ("device-memory", "0.5"),
            ("rtt", "007"),
            ("width", "1"),
            ("viewport-width", "1"),
            ("ect", "slow-2g"),
            ("intervention", "x"),
        ] {
            let none = format!("Chromium sends none, because it lets scripts set {name}");
            assert_eq!(departures("GET", &[(name, value)]), [none], "{value}");
            let not = format!("Chromium does not ask for {name}");
            assert_eq!(departures("PUT", &[(name, value)]), [not], "{value}");
        }
        let long = "1".repeat(129);
        for (name, value) in [
            ("x-api-key", "1"),
            ("save-data", "off"),
            ("dpr", "1."),
            ("dpr", ".5"),
            ("dpr", "1.5.2"),
            ("dpr", &long),
            ("rtt", "1.5"),
            ("width", ""),
            ("ect", "4G"),
            ("lang", "1"),
            ("range", "bytes=0-9223372036854775806"),
            ("range", "bytes=-9223372036854775807"),
            ("content-type", "text/plain; charset=utf-8"),
            ("content-type", "text/plain, text/plain"),
            ("accept", "a,b"),
        ] {
            assert!(departures("GET", &[(name, value)]).is_empty(), "{name}: {value}");
        }
        for (name, value, browser) in [
            ("range", "bytes=0-9223372036854775807", "Chromium"),
            ("range", "bytes=9223372036854775808-", "Chromium"),
            ("content-type", "text/plain; charset=utf-8, x", "Firefox"),
            ("content-type", "multipart/form-data; boundary=\u{e9}", "Firefox"),
            ("accept", "caf\u{e9}", "Firefox"),
        ] {
            let sends = format!("{browser} sends one, because of {name}");
            assert_eq!(departures("GET", &[(name, value)]), [sends]);
            assert!(departures("PUT", &[(name, value)]).is_empty());
        }
    }
}
