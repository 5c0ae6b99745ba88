//! What a preflight may have, and the answer that says so (Fetch, "CORS-preflight fetch").

use super::{
    AllowedHeaders, AllowedMethods, AskedHeaders, Denial, Policy, Preflight, asked::Malformed,
};
use http::{HeaderMap, HeaderValue, Method, header};

/// The headers that a script may set without asking, as long as their values are short and plain
/// (Fetch, "CORS-safelisted request-header"). A browser asks for them where they are not.
const SAFELISTED: [&str; 5] =
    ["accept", "accept-language", "content-language", "content-type", "range"];

/// Why a preflight from an allowed origin is denied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Ungranted {
    #[error("method '{0}' is not allowed")]
    Method(Method),
    #[error("header '{0}' is not allowed")]
    Header(String),
    #[error("Access-Control-Request-Method is no method")]
    NoMethod,
    #[error("Access-Control-Request-Headers {0}")]
    Malformed(Malformed),
}

impl Ungranted {
    pub(super) fn denial(&self) -> Denial {
        match self {
            Self::Method(_) => Denial::Method,
            Self::Header(_) => Denial::Header,
            Self::NoMethod | Self::Malformed(_) => Denial::Malformed,
        }
    }
}

/// The headers of the answer to a preflight from an allowed origin.
pub(super) fn grant(policy: &Policy, asked: &Preflight<'_>) -> Result<HeaderMap, Ungranted> {
    let method = asked.method.as_ref().ok_or(Ungranted::NoMethod)?;
    if !policy.methods.allow(method) {
        return Err(Ungranted::Method(method.clone()));
    }
    let names = asked.headers.as_ref().map_err(|why| Ungranted::Malformed(*why))?;
    let allowed_headers = allowed_headers(&policy.headers, names)?;
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, asked.origin.clone());
    let methods = match &policy.methods {
        AllowedMethods::Any => asked.asked_method.clone(),
        AllowedMethods::Listed { joined, .. } => joined.clone(),
    };
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    if !allowed_headers.is_empty()
        && let Ok(value) = HeaderValue::try_from(allowed_headers)
    {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, value);
    }
    if policy.credentials {
        let yes = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(policy.max_age));
    Ok(headers)
}

/// `Access-Control-Allow-Headers`: what is asked for, where any may be; else what the policy lists
/// and what is asked for beside it of the safelisted names, so that the browser comes to the same
/// verdict. Empty: no such header.
fn allowed_headers(
    allowed: &AllowedHeaders,
    asked: &AskedHeaders<'_>,
) -> Result<String, Ungranted> {
    let AllowedHeaders::Listed { names, joined } = allowed else {
        let names: Vec<_> = asked.names().iter().map(|name| name.to_ascii_lowercase()).collect();
        return Ok(names.join(","));
    };
    let mut list = joined.to_str().unwrap_or_default().to_owned();
    let mut added = [false; SAFELISTED.len()];
    for name in asked.names().iter().map(|name| name.to_ascii_lowercase()) {
        if names.binary_search_by(|listed| listed.as_str().cmp(&name)).is_ok() {
            continue;
        }
        let safelisted = SAFELISTED.iter().position(|safelisted| **safelisted == name);
        let Some(place) = safelisted.and_then(|place| added.get_mut(place)) else {
            return Err(Ungranted::Header(name));
        };
        if !std::mem::replace(place, true) {
            if !list.is_empty() {
                list.push_str(", ");
            }
            list.push_str(&name);
        }
    }
    Ok(list)
}
