//! `Date` (RFC 9110 §6.6.1), which the HTTP library writes over HTTP/1.1 only.

use http::HeaderValue;
use std::{
    cell::RefCell,
    time::{SystemTime, UNIX_EPOCH},
};

thread_local! {
    /// The last value, and the second that it is for.
    static LAST: RefCell<Option<(u64, HeaderValue)>> = const { RefCell::new(None) };
}

/// The current date.
pub(super) fn now() -> HeaderValue {
    let now = SystemTime::now();
    let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    LAST.with_borrow_mut(|last| match last {
        Some((of, date)) if *of == second => date.clone(),
        _ => {
            let date = httpdate::fmt_http_date(now);
            // A date is visible ASCII and spaces.
            let date = HeaderValue::try_from(date).unwrap_or(HeaderValue::from_static(""));
            *last = Some((second, date.clone()));
            date
        }
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_date_is_that_of_http() {
        let date = super::now();
        let parsed = date.to_str().ok().and_then(|date| httpdate::parse_http_date(date).ok());
        assert!(parsed.is_some_and(|date| date.elapsed().is_ok_and(|past| past.as_secs() < 60)));
        assert_eq!(date.len(), "Sun, 06 Nov 1994 08:49:37 GMT".len());
    }
}
