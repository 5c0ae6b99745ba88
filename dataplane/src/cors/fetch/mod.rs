//! Which requests a browser asks permission for before it sends them to another origin: the Fetch
//! Standard's definitions, as far as a request's head shows what they go by.

mod names;
mod safelist;
#[cfg(test)]
mod tests;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::fmt;

pub(crate) use safelist::SAFELISTED;

/// How many bytes the values of all safelisted headers may have together (Fetch, "CORS-unsafe
/// request-header names").
const MAX_SAFELISTED_BYTES: usize = 1024;

/// Why a browser asks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause<'r> {
    /// The method is not simple.
    Method(&'r Method),
    /// A header that a script must not set unasked.
    Header {
        /// Its name.
        name: &'r HeaderName,
        /// Its first value.
        value: &'r HeaderValue,
    },
    /// A body that no form could send.
    ContentType(&'r HeaderValue),
    /// A header that a script may set unasked, but not to this value.
    Value {
        /// Its name.
        name: &'r HeaderName,
        /// The value.
        value: &'r HeaderValue,
    },
    /// A header that is safelisted by itself; all of those together are too long.
    Oversized(&'r HeaderName),
}

impl Cause<'_> {
    /// The header that a browser would ask for; `None` where the cause is the method.
    pub fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::Method(_) => None,
            Self::ContentType(_) => Some(&http::header::CONTENT_TYPE),
            Self::Header { name, .. } | Self::Value { name, .. } | Self::Oversized(name) => {
                Some(name)
            }
        }
    }

    /// Whether only a page's script can be behind it. Other headers also come from the browser
    /// itself, which asks for none of its own, or from a proxy on the way: where a request has
    /// arrived with one, that alone does not say that a browser would have asked.
    pub fn is_certain(&self) -> bool {
        match self {
            Self::Header { name, value } => !names::may_be_ambient(name, value),
            Self::Method(_) | Self::ContentType(_) | Self::Value { .. } | Self::Oversized(_) => {
                true
            }
        }
    }
}

impl fmt::Display for Cause<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        match self {
            Self::Method(method) => write!(f, "method {method} is not simple"),
            Self::Header { name, .. } => write!(f, "header {name} is not safelisted"),
            Self::ContentType(value) => {
                write!(f, "content-type {} is not safelisted", text(value))
            }
            Self::Value { name, .. } => write!(f, "the value of {name} is not safelisted"),
            Self::Oversized(name) => write!(
                f,
                "header {name} is not safelisted: such headers have more than {MAX_SAFELISTED_BYTES} bytes together"
            ),
        }
    }
}

/// Whether a request with this method may be sent unasked (Fetch, "CORS-safelisted method").
/// Methods are case-sensitive.
pub fn is_safelisted_method(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::POST)
}

/// Whether no script can send a request with this method, to whatever origin (Fetch, "forbidden
/// method"). Its case does not matter.
pub(crate) fn is_forbidden_method(method: &Method) -> bool {
    names::is_forbidden_method(method.as_str().as_bytes())
}

/// The names of the headers that no script can set to the value that they have (Fetch, "forbidden
/// request-header").
pub(crate) fn forbidden_headers(headers: &HeaderMap) -> impl Iterator<Item = &HeaderName> {
    headers
        .keys()
        .filter(|name| headers.get_all(*name).iter().any(|value| names::is_forbidden(name, value)))
}

/// Why a browser would ask before it sends this request to another origin; nothing: it would not
/// (Fetch, "main fetch" and "CORS-unsafe request-header names"). Headers that no script can set
/// don't count, every other one does, as if a script had set it: see [`Cause::is_certain`]. What no head
/// shows, such as a script that listens to an upload's progress, is not told.
pub fn causes<'r>(
    method: &'r Method,
    headers: &'r HeaderMap,
) -> impl Iterator<Item = Cause<'r>> + use<'r> {
    let method = (!is_safelisted_method(method)).then_some(Cause::Method(method));
    let mut last: Option<&HeaderName> = None;
    let unsafe_headers = headers.iter().filter_map(move |(name, value)| {
        // The values of a name follow each other; one of them is enough.
        if last.is_some_and(|last| std::ptr::eq(last, name)) {
            return None;
        }
        let cause = value_cause(name, value)?;
        last = Some(name);
        Some(cause)
    });
    let oversized = std::iter::once(headers).filter(|headers| is_oversized(headers));
    let oversized = oversized.flat_map(|headers| {
        let safelisted = headers.keys().filter(|name| safelist::has_safe_values(name));
        let is_safe = |name: &HeaderName| {
            headers.get_all(name).iter().all(|value| value_cause(name, value).is_none())
        };
        safelisted.filter(move |name| is_safe(name)).map(Cause::Oversized)
    });
    method.into_iter().chain(unsafe_headers).chain(oversized)
}

fn value_cause<'r>(name: &'r HeaderName, value: &'r HeaderValue) -> Option<Cause<'r>> {
    if !safelist::has_safe_values(name) {
        return (!names::is_forbidden(name, value)).then_some(Cause::Header { name, value });
    }
    if safelist::is_safelisted(name, value.as_bytes()) {
        return None;
    }
    Some(match *name {
        http::header::CONTENT_TYPE => Cause::ContentType(value),
        _ => Cause::Value { name, value },
    })
}

/// Whether the safelisted headers are too long together, which they can't be where each comes once.
fn is_oversized(headers: &HeaderMap) -> bool {
    if headers.len() == headers.keys_len() {
        return false;
    }
    let safelisted =
        headers.iter().filter(|(name, value)| safelist::is_safelisted(name, value.as_bytes()));
    safelisted.map(|(_, value)| value.len()).sum::<usize>() > MAX_SAFELISTED_BYTES
}
