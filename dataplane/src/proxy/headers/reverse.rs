//! Maps responses back: what a response says about the backend's own host and paths is rewritten to
//! the front door's, so that neither a redirect nor a cookie leaves the front door's origin.

use super::{super::target::Host, client::ClientInfo};
use crate::{
    path::{Captures, PathPattern},
    table::{Backend, Forward, HostHeader, Scheme},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::net::SocketAddr;

/// How the front door's host and path were mapped to the backend's.
pub(in crate::proxy) struct ResponseRewrite<'a> {
    pub(in crate::proxy) client: &'a ClientInfo,
    pub(in crate::proxy) backend: &'a Backend,
    /// The Host that the backend got.
    pub(in crate::proxy) sent_host: &'a HeaderValue,
    /// The address that was dialled.
    pub(in crate::proxy) dialled: SocketAddr,
    pub(in crate::proxy) forward: &'a Forward,
    pub(in crate::proxy) pattern: &'a PathPattern,
    /// The request's normalised path.
    pub(in crate::proxy) path: &'a str,
}

impl ResponseRewrite<'_> {
    /// Rewrites the fields that contain hosts or paths.
    pub(in crate::proxy) fn apply(&self, headers: &mut HeaderMap) {
        for name in [header::LOCATION, header::CONTENT_LOCATION] {
            self.map_location(headers, &name);
        }
        if headers.contains_key(header::SET_COOKIE) {
            let cookies: Vec<_> = headers.get_all(header::SET_COOKIE).iter().cloned().collect();
            headers.remove(header::SET_COOKIE);
            for cookie in cookies {
                let mapped = text(&cookie).and_then(|cookie| self.cookie(cookie));
                headers.append(header::SET_COOKIE, mapped.unwrap_or(cookie));
            }
        }
    }

    fn map_location(&self, headers: &mut HeaderMap, name: &HeaderName) {
        if let Some(location) = headers.get(name)
            && let Some(mapped) = text(location).and_then(|location| self.location(location))
            && let Ok(mapped) = HeaderValue::from_maybe_shared(Bytes::from(mapped))
        {
            headers.insert(name, mapped);
        }
    }

    /// The front door's form of a URL reference; `None` if it stays as it is.
    fn location(&self, location: &str) -> Option<String> {
        let (authority, rest) = match location.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => {
                let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
                (Some((Some(scheme), &rest[..end])), &rest[end..])
            }
            _ => match location.strip_prefix("//") {
                Some(rest) => {
                    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
                    (Some((None, &rest[..end])), &rest[end..])
                }
                // A relative path is relative to the request's own: nothing to map.
                None if location.starts_with('/') => (None, location),
                None => return None,
            },
        };
        let origin = match authority {
            None => String::new(),
            Some((scheme, authority)) => {
                let own_scheme = self.backend.protocol.scheme().as_str();
                let scheme = scheme.unwrap_or(own_scheme);
                if !self.is_backend(scheme, authority) {
                    return None;
                }
                if self.is_preserved(authority) && !scheme.eq_ignore_ascii_case(own_scheme) {
                    // The backend uses the browser's own name for it, and asks for this scheme.
                    format!("{scheme}://{authority}")
                } else {
                    self.origin()?
                }
            }
        };
        let end = rest.find(['?', '#']).unwrap_or(rest.len());
        let (path, suffix) = rest.split_at(end);
        let absolute = if path.is_empty() { "/" } else { path };
        let path = self.front_path(absolute).unwrap_or_else(|| path.to_owned());
        // A path that begins with `//` would be read as an authority (RFC 3986 §4.2).
        let origin =
            if origin.is_empty() && path.starts_with("//") { self.origin()? } else { origin };
        Some(format!("{origin}{path}{suffix}"))
    }

    /// The front door's origin, as the client sees it.
    fn origin(&self) -> Option<String> {
        Some(format!("{}://{}", self.client.scheme.as_str(), self.client.host.to_str().ok()?))
    }

    /// Whether an authority is the backend's own: the Host that it got, the address that was
    /// dialled, or one of its names.
    fn is_backend(&self, scheme: &str, authority: &str) -> bool {
        let Some(theirs) = Host::parse(authority.as_bytes()) else { return false };
        let default = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http.default_port(),
            "https" => Scheme::Https.default_port(),
            _ => return false,
        };
        let port = theirs.port.unwrap_or(default);
        let own_default = self.backend.protocol.scheme().default_port();
        let is = |name: &str, own: Option<u16>| {
            theirs.name == name && (port == own.unwrap_or(own_default) || theirs.port == own)
        };
        let sent = Host::parse(self.sent_host.as_bytes());
        sent.is_some_and(|sent| is(&sent.name, sent.port))
            || self.is_dialled(&theirs.name, port)
            || self.backend.own_authorities.iter().any(|own| is(&own.host, own.port))
    }

    /// Whether an authority is the Host that the client sent and the backend got.
    fn is_preserved(&self, authority: &str) -> bool {
        let name = |value| Host::parse(value).map(|host| host.name);
        self.backend.host == HostHeader::Preserve
            && name(authority.as_bytes()) == name(self.sent_host.as_bytes())
    }

    fn is_dialled(&self, name: &str, port: u16) -> bool {
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        port == self.dialled.port() && bare.parse() == Ok(self.dialled.ip())
    }

    /// The front door's path for a backend's path; `None` if it is outside the rewrite.
    fn front_path(&self, path: &str) -> Option<String> {
        let template = &self.forward.rewrite()?.path;
        let captures: Captures<'_> = self.pattern.matches(self.path)?;
        template.reverse(self.pattern, &captures, path)
    }

    /// The cookie with `Domain` and `Path` rewritten for the front door; `None` if nothing changes.
    fn cookie(&self, cookie: &str) -> Option<HeaderValue> {
        let mut changed = false;
        let mut mapped = String::with_capacity(cookie.len());
        for (nth, part) in cookie.split(';').enumerate() {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (name.trim(), value.trim());
            if nth > 0 && name.eq_ignore_ascii_case("domain") && self.is_backends_domain(value) {
                changed = true;
                continue;
            }
            if nth > 0 {
                mapped.push(';');
            }
            let path = (nth > 0 && name.eq_ignore_ascii_case("path") && value != "/")
                .then(|| self.front_path(value))
                .flatten();
            match path {
                Some(path) => {
                    changed = true;
                    mapped.push_str(" Path=");
                    mapped.push_str(&path);
                }
                None => mapped.push_str(part),
            }
        }
        changed.then(|| HeaderValue::from_maybe_shared(Bytes::from(mapped)).ok())?
    }

    /// Whether a cookie's `Domain` is the backend's host or a parent of it; like browsers, this
    /// ignores a leading dot (RFC 6265 §5.2.3). A preserved Host is the front door's and does not
    /// count: a cookie may well be meant for all hosts below `ep.com`.
    fn is_backends_domain(&self, domain: &str) -> bool {
        let domain = domain.strip_prefix('.').unwrap_or(domain).to_ascii_lowercase();
        let covers = |host: &str| {
            host == domain
                || host
                    .strip_suffix(domain.as_str())
                    .is_some_and(|subdomain| subdomain.ends_with('.'))
        };
        if domain.is_empty() {
            return false;
        }
        covers(&self.dialled.ip().to_string())
            || self.backend.own_authorities.iter().any(|own| covers(&own.host))
    }
}

/// A value as text; backends send UTF-8 although RFC 9110 §5.5 calls for ASCII.
fn text(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok()
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}
