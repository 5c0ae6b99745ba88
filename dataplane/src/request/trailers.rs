//! Trailer fields (RFC 9110 §6.5): which of them pass, in both directions. A recipient may merge
//! them into the header section, so they must not say what the header section could not.

use crate::field_name::{self, FOLDED_BYTES};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use hyper::body::Frame;

/// Limit for the number of a message's trailer fields.
const MAX_FIELDS: usize = 100;

/// Limit in bytes for names and values of a message's trailer fields.
const MAX_BYTES: usize = 16 * 1024;

/// Fields that never pass as trailers: framing, routing, authentication, request modifiers, response
/// control and content format (RFC 9110 §6.5.1), what affects a whole origin, and what the edge
/// itself writes. Sorted. Those that clients may not send at all are in [`field_name`].
const FORBIDDEN: [&str; 67] = [
    "accept",
    "age",
    "allow",
    "alt-svc",
    "authorization",
    "cache-control",
    "cdn-cache-control",
    "cdn-loop",
    "clear-site-data",
    "connection",
    "cookie",
    "cookie2",
    "critical-ch",
    "date",
    "depth",
    "destination",
    "early-data",
    "expect",
    "expect-ct",
    "expires",
    "from",
    "host",
    "http2-settings",
    "if",
    "keep-alive",
    "link",
    "location",
    "max-forwards",
    "nel",
    "origin",
    "origin-agent-cluster",
    "overwrite",
    "permissions-policy",
    "pragma",
    "prefer",
    "priority",
    "public-key-pins",
    "range",
    "referer",
    "referrer-policy",
    "refresh",
    "report-to",
    "reporting-endpoints",
    "retry-after",
    "service-worker-allowed",
    "set-cookie",
    "set-cookie2",
    "set-login",
    "speculation-rules",
    "strict-transport-security",
    "surrogate-control",
    "te",
    "timing-allow-origin",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "use-as-dictionary",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "x-content-type-options",
    "x-frame-options",
    "x-sendfile",
    "x-xss-protection",
];

/// Beginnings of the names of further such fields.
const FORBIDDEN_PREFIXES: [&str; 11] = [
    "accept-",
    "access-control-",
    "cf-",
    "content-",
    "cross-origin-",
    "if-",
    "portico-",
    "proxy-",
    "sec-",
    "x-accel-",
    "x-auth-",
];

/// Fields with such a beginning that can only be known after the content.
const DIGESTS: [&str; 2] = ["content-digest", "content-md5"];

/// A message has more trailer fields than any needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyTrailers;

/// Which trailer fields of one message pass: all but [`FORBIDDEN`] ones and some of its own.
#[derive(Debug, Default)]
pub(crate) struct TrailerFilter {
    /// The names that do not pass either, and those that a server may read as the same.
    withheld: Vec<HeaderName>,
    /// Whether names with an underscore pass.
    underscores: bool,
}

impl TrailerFilter {
    /// The filter of a request. Names with underscores are withheld: a server may read them as any
    /// other.
    pub(crate) fn of_request(withheld: Vec<HeaderName>) -> Self {
        Self { withheld, underscores: false }
    }

    /// The filter of a response.
    pub(crate) fn of_response(withheld: Vec<HeaderName>) -> Self {
        Self { withheld, underscores: true }
    }

    /// Whether a field passes.
    pub(crate) fn admits(&self, name: &HeaderName) -> bool {
        let name = name.as_str();
        // Servers that turn names into variables can't tell punctuation apart (RFC 3875 §4.1.18).
        let mut buffer = [0; FOLDED_BYTES];
        let folded = field_name::folded(name, &mut buffer);
        let is_forbidden = FORBIDDEN.binary_search(&folded).is_ok()
            || field_name::is_claim(folded)
            || (FORBIDDEN_PREFIXES.iter().any(|prefix| folded.starts_with(prefix))
                && !DIGESTS.contains(&folded));
        let is = |withheld: &HeaderName| field_name::is_same_variable(withheld.as_str(), name);
        let is_withheld = self.withheld.iter().any(is);
        (self.underscores || !field_name::has_underscore(name)) && !is_forbidden && !is_withheld
    }

    /// A frame of a body with only those fields that pass; `None` if nothing is left of it. Data
    /// passes.
    pub(crate) fn apply(
        &self,
        frame: Frame<Bytes>,
    ) -> Result<Option<Frame<Bytes>>, TooManyTrailers> {
        match frame.into_trailers() {
            Ok(trailers) => Ok(self.reduced(trailers)?.map(Frame::trailers)),
            Err(frame) => Ok(Some(frame)),
        }
    }

    fn reduced(&self, mut trailers: HeaderMap) -> Result<Option<HeaderMap>, TooManyTrailers> {
        let bytes: usize =
            trailers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        if trailers.len() > MAX_FIELDS || bytes > MAX_BYTES {
            return Err(TooManyTrailers);
        }
        let withheld: Vec<_> = trailers.keys().filter(|name| !self.admits(name)).cloned().collect();
        for name in withheld {
            trailers.remove(name);
        }
        Ok(Some(trailers).filter(|trailers| !trailers.is_empty()))
    }

    /// Reduces `Trailer` (RFC 9110 §6.6.2) to the fields that pass, of the first that it lists.
    pub(crate) fn announce(&self, headers: &mut HeaderMap) {
        let mut names: Vec<HeaderName> = Vec::new();
        let lines = headers.get_all(header::TRAILER).iter();
        let elements = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        // Of a longer list, not all that pass can follow.
        let elements = elements.take(MAX_FIELDS);
        for name in elements.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok()) {
            if self.admits(&name) && !names.contains(&name) {
                names.push(name);
            }
        }
        let names: Vec<_> = names.iter().map(HeaderName::as_str).collect();
        match HeaderValue::from_str(&names.join(", ")) {
            Ok(list) if !list.is_empty() => drop(headers.insert(header::TRAILER, list)),
            Ok(_) | Err(_) => drop(headers.remove(header::TRAILER)),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn name(name: &str) -> HeaderName {
        name.parse().unwrap()
    }

    #[test]
    fn names_are_sorted() {
        assert!(FORBIDDEN.is_sorted());
        assert!(FORBIDDEN.iter().chain(&DIGESTS).all(|name| name.len() < FOLDED_BYTES));
    }

    /// Names of fields of every kind that is forbidden.
    const NO_TRAILERS: &str = "\
        Host Content-Length Transfer-Encoding TE Trailer Connection Keep-Alive Upgrade \
        Proxy-Authorization Proxy-Connection Max-Forwards Expect Range If-Match \
        Cache-Control Pragma Authorization WWW-Authenticate Cookie Set-Cookie Content-Type \
        Content-Encoding Content-Range Content-Location Content-Security-Policy Location \
        Link Refresh Vary Age Date Expires Retry-After Origin Referer Sec-Fetch-Site \
        Access-Control-Allow-Origin Access-Control-Request-Method Forwarded Via \
        X-Forwarded-For X-Forwarded-Anything X-Real-IP X-Request-Id X-Original-URL \
        X-HTTP-Method-Override True-Client-IP Portico-Cors Strict-Transport-Security \
        Alt-Svc Public-Key-Pins Clear-Site-Data NEL Report-To Accept-CH Timing-Allow-Origin";

    /// Names of fields that can only be known after the content, and others.
    const ADMITTED: &str = "\
        X-Sum X-Checksum X-Amz-Checksum-Crc32 Digest Content-Digest Repr-Digest \
        Content-MD5 ETag Server-Timing Signature Grpc-Status Grpc-Message \
        Grpc-Status-Details-Bin Any.Metadata-Bin";

    #[test]
    fn what_a_header_section_must_say_is_no_trailer() {
        for underscores in [false, true] {
            let filter = TrailerFilter { withheld: vec![], underscores };
            for forbidden in NO_TRAILERS.split(' ') {
                assert!(!filter.admits(&name(forbidden)), "{forbidden} {underscores}");
                for twin in ["_", ".", "~"].map(|other| forbidden.replace('-', other)) {
                    assert!(!filter.admits(&name(&twin)), "{twin} {underscores}");
                }
            }
            for admitted in ADMITTED.split(' ') {
                assert!(filter.admits(&name(admitted)), "{admitted} {underscores}");
            }
            assert_eq!(filter.admits(&name("my_metadata")), underscores);
        }
    }

    #[test]
    fn what_is_withheld_is_so_under_every_spelling() {
        let withheld = || vec![name("x-api-key"), name("x_tenant")];
        for filter in
            [TrailerFilter::of_request(withheld()), TrailerFilter::of_response(withheld())]
        {
            for spelling in
                ["X-API-Key", "x_api_key", "X-Api_Key", "x.api.key", "x-tenant", "X_Tenant"]
            {
                assert!(!filter.admits(&name(spelling)), "{spelling}");
            }
            assert!(filter.admits(&name("x-api-keys")));
        }
    }

    #[test]
    fn only_fields_that_pass_are_announced() {
        for (lines, announced) in [
            (&["X-Sum"][..], Some("x-sum")),
            (&["X-Sum, Cookie,X-Sum", " grpc-status ,, é"], Some("x-sum, grpc-status")),
            (&["Host, x-key"], None),
            (&[""], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                let value = HeaderValue::from_bytes(line.as_bytes()).unwrap();
                headers.append(header::TRAILER, value);
            }
            TrailerFilter::of_response(vec![name("x-key")]).announce(&mut headers);
            let left: Vec<_> = headers.get_all(header::TRAILER).iter().collect();
            assert_eq!(left, announced.into_iter().collect::<Vec<_>>(), "{lines:?}");
        }
        let mut headers = HeaderMap::new();
        let many = (0..30_000).map(|n| format!("{n}")).collect::<Vec<_>>().join(",");
        headers.insert(header::TRAILER, many.try_into().unwrap());
        TrailerFilter::default().announce(&mut headers);
        assert!(headers[header::TRAILER].len() < MAX_FIELDS * 4);
    }

    #[test]
    fn trailers_are_bounded() {
        let of = |count: usize, bytes: usize| -> HeaderMap {
            let value = HeaderValue::from_str(&"y".repeat(bytes)).unwrap();
            (0..count).map(|n| (name(&format!("x-{n}")), value.clone())).collect()
        };
        let filter = TrailerFilter::default();
        assert_eq!(filter.reduced(of(MAX_FIELDS, 9)).unwrap().unwrap().len(), MAX_FIELDS);
        assert!(filter.reduced(of(MAX_FIELDS + 1, 9)).is_err());
        assert!(filter.reduced(of(1, MAX_BYTES)).is_err());
        let mut mixed = of(2, 9);
        mixed.append("cookie", HeaderValue::from_static("a=1"));
        mixed.append("cookie", HeaderValue::from_static("b=2"));
        assert_eq!(filter.reduced(mixed).unwrap(), Some(of(2, 9)));
        let mut none = HeaderMap::new();
        none.insert("host", HeaderValue::from_static("a"));
        assert_eq!(filter.reduced(none).unwrap(), None);
    }
}
