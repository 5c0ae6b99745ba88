//! The responses that Portico generates: redirects, fixed responses, preflights, refusals.

use super::headers::{ClientInfo, REQUEST_ID};
use crate::{
    config::HttpsPorts,
    path::{Captures, PathPattern},
    refusal::Refusal,
    table::{Redirect, Respond},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header, uri::PathAndQuery};

/// The supported methods, for a 405 (RFC 9110 §10.2.1).
const ALLOWED: HeaderValue =
    HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");

/// A response that a Route, or a rule, generates.
pub(crate) enum RouteReply<'t> {
    /// A redirect to this `Location`.
    Redirect(StatusCode, HeaderValue),
    /// A fixed response.
    Fixed(&'t Respond),
    /// A response that has something of the request in its body, escaped for its content type: no
    /// edit changes that.
    Filled(Respond),
    /// The response to OPTIONS that must not be forwarded any further (RFC 9110 §7.6.2, §9.3.7).
    Options,
}

impl RouteReply<'_> {
    /// The content type that no edit changes.
    pub(crate) fn content_type(&self) -> Option<HeaderValue> {
        let respond = match self {
            Self::Filled(respond) => respond,
            Self::Redirect(..) | Self::Fixed(_) | Self::Options => return None,
        };
        let mut headers = respond.headers.iter();
        let found = headers.find(|(name, _)| *name == header::CONTENT_TYPE);
        found.map(|(_, value)| value.clone())
    }

    /// Builds the response.
    pub(crate) fn into_response(self) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        match self {
            Self::Redirect(status, location) => {
                *response.status_mut() = status;
                response.headers_mut().insert(header::LOCATION, location);
            }
            Self::Options => {
                *response.status_mut() = StatusCode::NO_CONTENT;
                response.headers_mut().insert(header::ALLOW, ALLOWED);
            }
            Self::Fixed(respond) => fill(&mut response, respond),
            Self::Filled(respond) => fill(&mut response, &respond),
        }
        response
    }
}

fn fill(response: &mut Response<Bytes>, respond: &Respond) {
    *response.status_mut() = respond.status;
    *response.body_mut() = respond.body.clone();
    for (name, value) in &respond.headers {
        response.headers_mut().append(name.clone(), value.clone());
    }
}

/// The `Location` of a redirect (RFC 9110 §10.2.2).
pub(super) fn location(
    redirect: &Redirect,
    client: &ClientInfo,
    uri: &Uri,
    path: &str,
    pattern: &PathPattern,
    captures: &Captures<'_>,
) -> Result<HeaderValue, Refusal> {
    let scheme = redirect.scheme.unwrap_or(client.scheme);
    let host = redirect.host.as_deref().unwrap_or(own_host(client).0);
    // Another scheme or host is at its default port; what listens on the request's own is unknown.
    let own_port = redirect.keeps_port().then_some(client.port);
    let own_port = own_port.filter(|port| *port != client.scheme.default_port());
    let port = redirect.port.or(own_port);
    let port = match port.filter(|port| *port != scheme.default_port()) {
        Some(port) => format!(":{port}"),
        None => String::new(),
    };
    let filled = redirect.path.as_ref().map(|template| template.fill(pattern, captures));
    let filled = filled.transpose().map_err(Refusal::InvalidPath)?;
    let path = filled.as_deref().unwrap_or(path);
    let query = uri.path_and_query().and_then(PathAndQuery::query);
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    HeaderValue::try_from(format!("{}://{host}{port}{path}{query}", scheme.as_str()))
        .map_err(|_| Refusal::InvalidTarget)
}

/// The `Location` of the same resource over https: path and query as they were sent.
pub(super) fn https(
    client: &ClientInfo,
    uri: &Uri,
    ports: HttpsPorts,
) -> Result<HeaderValue, Refusal> {
    let (host, port) = own_host(client);
    let port = match ports.redirected(port.parse().ok()) {
        Some(port) => format!(":{port}"),
        None => String::new(),
    };
    let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    HeaderValue::try_from(format!("https://{host}{port}{target}"))
        .map_err(|_| Refusal::InvalidTarget)
}

/// The Host that the client sent, and the port in it; empty if there is none.
fn own_host(client: &ClientInfo) -> (&str, &str) {
    let authority = client.host.to_str().unwrap_or_default();
    // In a valid Host, the port follows the last colon that is not inside brackets.
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        Some(_) | None => (authority, ""),
    }
}

/// The response to an allowed preflight: 204, which has only headers (RFC 9110 §15.3.5).
pub(crate) fn preflight(headers: HeaderMap, id: &HeaderValue) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    *response.headers_mut() = headers;
    response.headers_mut().insert(REQUEST_ID, id.clone());
    response
}

/// A refusal as problem details (RFC 9457).
pub(crate) fn refuse(refusal: Refusal, id: &HeaderValue, method: &Method) -> Response<Bytes> {
    let status = refusal.status();
    let problem = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": refusal.detail(),
        "reason": refusal.reason(),
        "requestId": id.to_str().unwrap_or_default(),
    });
    let body = if *method == Method::HEAD { String::new() } else { format!("{problem}\n") };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REQUEST_ID, id.clone());
    if refusal.closes_connection() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if let Some(seconds) = refusal.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, ALLOWED);
    }
    response
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        path::{PathTemplate, normalise},
        table::Scheme,
    };
    use proptest::prelude::*;
    use std::net::IpAddr;

    proptest! {
        /// Whatever is in the request's path stays a path.
        #[test]
        fn a_requests_path_names_no_other_host(
            path in "/(t|//|@|[!-~]{0,4})/[!-~]{0,6}(/[!-~]{0,6}){0,2}",
            template in prop::option::of(prop::sample::select(vec!["/*", "/{a}/*", "/x{a}", "/{a}@x/*"])),
        ) {
            let Ok(path) = normalise(&path) else { return Ok(()) };
            prop_assume!(path.parse::<PathAndQuery>().is_ok_and(|parsed| parsed.path() == path));
            let pattern = PathPattern::parse("/{a}/*").unwrap();
            let Some(captures) = pattern.matches(&path) else { return Ok(()) };
            let client = ClientInfo {
                trusted: None,
                address: IpAddr::from([127, 0, 0, 1]),
                scheme: Scheme::Http,
                host: HeaderValue::from_static("www.ep.com:8080"),
                port: 8080,
            };
            let template = template.map(|template| PathTemplate::parse(template).unwrap());
            let redirect = Redirect {
                scheme: None,
                host: None,
                port: None,
                path: template.clone(),
                status: StatusCode::FOUND,
            };
            let uri = Uri::from_static("/?//evil.example");
            let found = location(&redirect, &client, &uri, &path, &pattern, &captures);
            let Ok(found) = found else { return Ok(()) };
            let expected = match template {
                Some(template) => template.fill(&pattern, &captures).unwrap(),
                None => path.into_owned(),
            };
            let found: Uri = found.to_str().unwrap().parse().unwrap();
            prop_assert_eq!(found.authority().unwrap().as_str(), "www.ep.com:8080");
            prop_assert_eq!(found.path(), expected);
            prop_assert_eq!(found.query(), Some("//evil.example"));
        }
    }
}
