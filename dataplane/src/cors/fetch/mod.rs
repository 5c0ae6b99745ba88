//! Which cross-origin requests need a preflight: the Fetch Standard's definitions, as far as they
//! can be applied to a request's head.

mod departures;
mod names;
mod safelist;
#[cfg(test)]
mod tests;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::fmt;

pub(crate) use departures::departures;
pub(crate) use safelist::SAFELISTED;

/// Limit in bytes for the values of all safelisted headers together (Fetch, "CORS-unsafe
/// request-header names").
const MAX_SAFELISTED_BYTES: usize = 1024;

/// Why a browser sends a preflight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause<'r> {
    /// The method is not CORS-safelisted.
    Method(&'r Method),
    /// A header that is not safelisted.
    Header {
        /// Its name.
        name: &'r HeaderName,
        /// Its first value.
        value: &'r HeaderValue,
    },
    /// A media type that no form could send.
    ContentType(&'r HeaderValue),
    /// A header that is safelisted, but not with this value.
    Value {
        /// Its name.
        name: &'r HeaderName,
        /// The value.
        value: &'r HeaderValue,
    },
    /// A header that is safelisted by itself, but all such headers together are too long.
    Oversized(&'r HeaderName),
}

impl Cause<'_> {
    /// The header that the preflight would request; `None` if the cause is the method.
    pub fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::Method(_) => None,
            Self::ContentType(_) => Some(&http::header::CONTENT_TYPE),
            Self::Header { name, .. } | Self::Value { name, .. } | Self::Oversized(name) => {
                Some(name)
            }
        }
    }

    /// Whether only a page's script can have caused it, in a request as its browser sent it. The
    /// browser sends no preflight for headers of its own.
    pub fn is_scripts(&self) -> bool {
        match self {
            Self::Header { name, value } => !names::may_be_browsers(name, value),
            Self::Method(_) | Self::ContentType(_) | Self::Value { .. } | Self::Oversized(_) => {
                true
            }
        }
    }

    /// The same for a request as a server receives it. Some headers also come from the browser
    /// itself, which sends no preflight for its own, or from a proxy on the way: receiving a
    /// request with one does not prove that a browser would have sent a preflight.
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
            Self::Method(method) => write!(f, "method {method} is not safelisted"),
            Self::Header { name, .. } => write!(f, "header {name} is not safelisted"),
            Self::ContentType(value) => {
                write!(f, "content-type {} is not safelisted", text(value))
            }
            Self::Value { name, .. } => write!(f, "the value of {name} is not safelisted"),
            Self::Oversized(name) => write!(
                f,
                "header {name} is not safelisted: such headers have more than {MAX_SAFELISTED_BYTES} bytes in total"
            ),
        }
    }
}

/// Whether this method needs no preflight (Fetch, "CORS-safelisted method"). Methods are
/// case-sensitive.
pub fn is_safelisted_method(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::POST)
}

/// Whether no script can send a request with this method to any origin (Fetch, "forbidden method").
/// Case-insensitive.
pub(crate) fn is_forbidden_method(method: &Method) -> bool {
    names::is_forbidden_method(method.as_str().as_bytes())
}

/// The names of the headers that no script can set to the values they have (Fetch, "forbidden
/// request-header").
pub(crate) fn forbidden_headers(headers: &HeaderMap) -> impl Iterator<Item = &HeaderName> {
    headers
        .keys()
        .filter(|name| headers.get_all(*name).iter().any(|value| names::is_forbidden(name, value)))
}

/// Why a browser would send a preflight before this request to another origin; empty if it would
/// not (Fetch, "main fetch" and "CORS-unsafe request-header names"). Headers that no script can set
/// don't count; all others do, as if a script had set them: see [`Cause::is_certain`]. Causes that
/// no head shows, such as a script's listener for upload progress, are not included.
pub fn causes<'r>(
    method: &'r Method,
    headers: &'r HeaderMap,
) -> impl Iterator<Item = Cause<'r>> + use<'r> {
    let method = (!is_safelisted_method(method)).then_some(Cause::Method(method));
    let mut last: Option<&HeaderName> = None;
    let unsafe_headers = headers.iter().filter_map(move |(name, value)| {
        // The values of a name are adjacent; one cause per name is enough.
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

/// Whether the safelisted headers together are too long, which they can't be if none is repeated.
fn is_oversized(headers: &HeaderMap) -> bool {
    if headers.len() == headers.keys_len() {
        return false;
    }
    let safelisted =
        headers.iter().filter(|(name, value)| safelist::is_safelisted(name, value.as_bytes()));
    safelisted.map(|(_, value)| value.len()).sum::<usize>() > MAX_SAFELISTED_BYTES
}
