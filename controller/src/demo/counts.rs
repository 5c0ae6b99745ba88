//! Counts the requests that a service of the demo receives.

use http::{HeaderMap, Method, header};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Mutex};

/// A header that the example Routes set, and browsers never do: the request came through the front
/// door.
pub(super) const FRONT_DOOR_HEADER: &str = "x-front-door";

/// The counters of one service, by path and kind of request.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<Tally>);

/// A copy of the counters. The keys are methods, and `preflight` for OPTIONS requests that are CORS
/// preflights.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tally {
    direct: BTreeMap<&'static str, u64>,
    front_door: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// Counts a request.
    pub(super) fn add(&self, method: &Method, headers: &HeaderMap) {
        let kind = if is_preflight(method, headers) { "preflight" } else { label(method) };
        let mut tally = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let way = if headers.contains_key(FRONT_DOOR_HEADER) {
            &mut tally.front_door
        } else {
            &mut tally.direct
        };
        *way.entry(kind).or_default() += 1;
    }

    /// The current counters.
    pub(super) fn tally(&self) -> Tally {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

/// Whether the request is a CORS preflight (Fetch, "CORS-preflight request").
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// A bounded set of labels, whatever clients send.
fn label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let fields = fields
            .iter()
            .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        fields.collect()
    }

    #[test]
    fn tells_ways_and_preflights_apart() {
        let counts = Counts::default();
        let preflight = [("origin", "http://a"), ("access-control-request-method", "PUT")];
        counts.add(&Method::OPTIONS, &headers(&preflight));
        counts.add(&Method::OPTIONS, &headers(&preflight[..1]));
        counts.add(&Method::PUT, &headers(&preflight[..1]));
        counts.add(&Method::PUT, &headers(&[("x-front-door", "ep")]));
        counts.add(&Method::PUT, &headers(&[("x-front-door", "ep")]));
        assert_eq!(
            counts.tally(),
            Tally {
                direct: [("OPTIONS", 1), ("PUT", 1), ("preflight", 1)].into(),
                front_door: [("PUT", 2)].into(),
            }
        );
    }
}
