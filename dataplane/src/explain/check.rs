//! What a browser makes of a response's CORS fields (Fetch, "CORS check").

use super::sample::BACKENDS_OWN;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// A browser's verdict on a response's CORS headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// The response may be read, and whether with credentials as well.
    Passes { credentials: bool },
    /// The response may not be read, for this reason.
    Fails(String),
    /// The backend decides.
    Unknown,
}

/// A browser's check of a response (Fetch, "CORS check").
pub(super) fn cors_check(answer: &HeaderMap, origin: &HeaderValue) -> Check {
    let mut lines = answer.get_all(header::ACCESS_CONTROL_ALLOW_ORIGIN).iter();
    let allowed = match (lines.next(), lines.next()) {
        (None, _) => {
            return Check::Fails("the response has no Access-Control-Allow-Origin".to_owned());
        }
        (Some(_), Some(_)) => {
            return Check::Fails(
                "the response has more than one Access-Control-Allow-Origin".to_owned(),
            );
        }
        (Some(allowed), None) => allowed,
    };
    if *allowed == BACKENDS_OWN {
        return Check::Unknown;
    }
    let credentials =
        answer.get(header::ACCESS_CONTROL_ALLOW_CREDENTIALS).is_some_and(|value| value == "true");
    if allowed == "*" {
        Check::Passes { credentials: false }
    } else if allowed == origin {
        Check::Passes { credentials }
    } else {
        let allowed = String::from_utf8_lossy(allowed.as_bytes());
        Check::Fails(format!("the response's Access-Control-Allow-Origin is {allowed}"))
    }
}

/// The elements of a list field, without a backend's own, which are unknown.
pub(super) fn list(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let lines = headers.get_all(name).iter().filter(|line| **line != BACKENDS_OWN);
    let elements = lines.flat_map(|line| line.to_str().unwrap_or_default().split(','));
    elements.map(str::trim).filter(|element| !element.is_empty()).map(str::to_owned).collect()
}
