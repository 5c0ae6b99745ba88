//! Maps responses back: what a response says about the backend's own host and paths is rewritten to
//! the front door's, so that neither a redirect nor a cookie leaves the front door's origin.

use super::{
    super::target::Host,
    client::ClientInfo,
    present::{Field, Present},
    references::{self, Budget, Reference},
};
use crate::{
    path::{Captures, PathPattern, PathTemplate},
    table::Backend,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::net::SocketAddr;

/// Characters that would end the path of a cookie (RFC 6265 §4.1.1), where a URL may have them.
const COOKIE_SYNTAX: &str = ";";

/// Characters that would end a link's target (RFC 8288 §3), or the string before it.
const LINK_SYNTAX: &str = "<>\"";

/// Characters that would end the URL of a `Refresh`, where it is quoted.
const REFRESH_SYNTAX: &str = "'\"";

/// Which paths a service worker may control (Service Workers §4.4).
const SERVICE_WORKER_ALLOWED: HeaderName = HeaderName::from_static("service-worker-allowed");

/// How the front door's host and path were mapped to the backend's.
pub(in crate::proxy) struct ResponseRewrite<'a> {
    pub(in crate::proxy) client: &'a ClientInfo,
    pub(in crate::proxy) backend: &'a Backend,
    /// The Host that the backend got.
    pub(in crate::proxy) sent_host: &'a HeaderValue,
    /// The address that was dialled.
    pub(in crate::proxy) dialled: SocketAddr,
    /// Whether the backend got the client's own Host.
    pub(in crate::proxy) preserves_host: bool,
    /// The template of the path that it got, if that was rewritten.
    pub(in crate::proxy) template: Option<&'a PathTemplate>,
    pub(in crate::proxy) pattern: &'a PathPattern,
    /// The request's normalised path.
    pub(in crate::proxy) path: &'a str,
}

/// How a field contains hosts or paths.
#[derive(Clone, Copy)]
enum Syntax {
    /// As a URI reference.
    Reference,
    /// As the targets of links.
    Links,
    /// As the URL of a refresh.
    Refresh,
    /// As a cookie's attributes.
    Cookie,
}

/// The fields that contain hosts or paths.
static MAPPED: [(Field, HeaderName, Syntax); 6] = [
    (Field::Location, header::LOCATION, Syntax::Reference),
    (Field::ContentLocation, header::CONTENT_LOCATION, Syntax::Reference),
    (Field::Link, header::LINK, Syntax::Links),
    (Field::Refresh, header::REFRESH, Syntax::Refresh),
    (Field::ServiceWorkerAllowed, SERVICE_WORKER_ALLOWED, Syntax::Reference),
    (Field::SetCookie, header::SET_COOKIE, Syntax::Cookie),
];

impl ResponseRewrite<'_> {
    /// Whether that takes long enough to wait for a turn, in a response that has `present`.
    pub(in crate::proxy) fn takes_long(headers: &HeaderMap, present: Present) -> bool {
        let mapped = || MAPPED.iter().filter(|(field, ..)| present.has(*field));
        let lines = || mapped().flat_map(|(_, name, _)| headers.get_all(name));
        mapped().next().is_some()
            && lines().map(HeaderValue::len).sum::<usize>() > references::LONG_BYTES
    }

    /// Rewrites the fields that contain hosts or paths, line by line, of a response that has
    /// `present`.
    pub(in crate::proxy) fn apply(&self, headers: &mut HeaderMap, present: Present) {
        let is_present = |(field, ..): &&(Field, HeaderName, Syntax)| present.has(*field);
        let mut mapped = MAPPED.iter().filter(is_present).peekable();
        if mapped.peek().is_some() {
            let mapping = Mapping::new(self);
            for (_, name, syntax) in mapped {
                mapping.lines(headers, name, *syntax);
            }
        }
    }
}

/// The mapping of one response.
struct Mapping<'a> {
    rewrite: &'a ResponseRewrite<'a>,
    /// The path's template, and what this request's path captured, if the path was rewritten.
    path: Option<(&'a PathTemplate, Captures<'a>)>,
    budget: Budget,
}

impl<'a> Mapping<'a> {
    fn new(rewrite: &'a ResponseRewrite<'a>) -> Self {
        let path = rewrite.template.zip(rewrite.pattern.matches(rewrite.path));
        Self { rewrite, path, budget: Budget::new() }
    }

    fn lines(&self, headers: &mut HeaderMap, name: &HeaderName, syntax: Syntax) {
        let header::Entry::Occupied(mut lines) = headers.entry(name) else { return };
        for line in lines.iter_mut() {
            if let Some(mapped) = text(line).and_then(|line| self.value(line, syntax))
                && let Ok(mapped) = HeaderValue::from_maybe_shared(Bytes::from(mapped))
            {
                *line = mapped;
            }
        }
    }

    /// The front door's form of a field's value; `None` if it stays as it is.
    fn value(&self, value: &str, syntax: Syntax) -> Option<String> {
        match syntax {
            Syntax::Reference => self.reference(value, ""),
            Syntax::Links => self.links(value),
            Syntax::Refresh => self.refresh(value),
            Syntax::Cookie => self.cookie(value),
        }
    }

    fn links(&self, links: &str) -> Option<String> {
        references::map_bracketed(links, |target| self.reference(target, LINK_SYNTAX))
    }

    fn refresh(&self, refresh: &str) -> Option<String> {
        let url = references::refresh_url(refresh)?;
        let mapped = self.reference(refresh.get(url.clone())?, REFRESH_SYNTAX)?;
        Some([&refresh[..url.start], &mapped, &refresh[url.end..]].concat())
    }

    /// The front door's form of a URL reference; `None` if it stays as it is. Characters in `syntax`
    /// are escaped in what comes from the request's path.
    fn reference(&self, text: &str, syntax: &str) -> Option<String> {
        let reference = Reference::parse(text).filter(|_| self.budget.admits())?;
        let origin = match reference.authority {
            None => String::new(),
            Some(authority) => self.origin_for(reference.scheme, authority)?,
        };
        let absolute = if reference.path.is_empty() { "/" } else { reference.path };
        let path = self.front_path(absolute, PathTemplate::reverse, syntax);
        let path = path.unwrap_or_else(|| reference.path.to_owned());
        // A path that begins with `//` would be read as an authority (RFC 3986 §4.2).
        let origin =
            if origin.is_empty() && path.starts_with("//") { self.origin()? } else { origin };
        Some(format!("{origin}{path}{}", reference.suffix))
    }

    /// The origin that takes the place of a URL's; `None` if the URL is neither the backend's nor
    /// the front door's, which applications write that know it from `X-Forwarded-Host`.
    fn origin_for(&self, scheme: Option<&str>, authority: &str) -> Option<String> {
        let own_scheme = self.rewrite.backend.protocol.scheme().as_str();
        let scheme = scheme.unwrap_or(own_scheme);
        let (_, host) = references::host(scheme, authority)?;
        let is_front_door = references::is_front_door(self.rewrite.client, &host);
        if !is_front_door && !self.is_backend(scheme, authority) {
            return None;
        }
        let is_browsers = is_front_door || self.is_preserved(&host);
        if is_browsers && !scheme.eq_ignore_ascii_case(own_scheme) {
            // The backend uses the browser's own name for it, and asks for this scheme.
            return Some(format!("{scheme}://{authority}"));
        }
        self.origin()
    }

    /// The front door's origin, as the client sees it.
    fn origin(&self) -> Option<String> {
        let client = self.rewrite.client;
        Some(format!("{}://{}", client.scheme.as_str(), client.host.to_str().ok()?))
    }

    /// Whether an authority is the backend's own: the Host that it got, the address that was
    /// dialled, or one of its names.
    fn is_backend(&self, scheme: &str, authority: &str) -> bool {
        let ResponseRewrite { backend, sent_host, .. } = *self.rewrite;
        let Some((scheme, theirs)) = references::host(scheme, authority) else { return false };
        let port = theirs.port.unwrap_or(scheme.default_port());
        let own_scheme = backend.protocol.scheme();
        let is = |name: &str, own: Option<u16>| {
            theirs.name == name
                && (port == own.unwrap_or(own_scheme.default_port()) || theirs.port == own)
        };
        let sent = Host::parse(sent_host.as_bytes());
        let sent = sent.map(|sent| references::without_default_port(sent, own_scheme));
        sent.is_some_and(|sent| is(&sent.name, sent.port))
            || self.is_dialled(&theirs.name, port)
            || backend.own_authorities.iter().any(|own| is(&own.host, own.port))
    }

    /// Whether a host is the Host that the client sent and the backend got.
    fn is_preserved(&self, host: &Host<'_>) -> bool {
        let ResponseRewrite { preserves_host, sent_host, .. } = *self.rewrite;
        preserves_host
            && Host::parse(sent_host.as_bytes()).is_some_and(|sent| sent.name == host.name)
    }

    fn is_dialled(&self, name: &str, port: u16) -> bool {
        let bare = name.trim_start_matches('[').trim_end_matches(']');
        let dialled = self.rewrite.dialled;
        port == dialled.port() && bare.parse() == Ok(dialled.ip())
    }

    /// The front door's path for a backend's path; `None` if it is outside the rewrite. What came
    /// from the request's path must not become syntax where it is put.
    fn front_path(&self, path: &str, reverse: Reverse, syntax: &str) -> Option<String> {
        let (template, captures) = self.path.as_ref()?;
        let front = reverse(template, self.rewrite.pattern, captures, path)?;
        self.budget.spend(references::escaped(front.into(), syntax).into_owned())
    }

    /// The cookie with `Domain` and `Path` rewritten for the front door; `None` if nothing changes.
    fn cookie(&self, cookie: &str) -> Option<String> {
        let mut changed = false;
        let mut mapped = String::with_capacity(cookie.len());
        for (nth, part) in cookie.split(';').enumerate() {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (name.trim(), value.trim());
            let is = |attribute| nth > 0 && name.eq_ignore_ascii_case(attribute);
            let (is_domain, is_path) = (is("domain"), is("path"));
            let is_mapped = (is_domain || is_path) && self.budget.admits();
            if is_mapped && is_domain && self.is_backends_domain(value) {
                changed = true;
                continue;
            }
            if nth > 0 {
                mapped.push(';');
            }
            let path = (is_mapped && is_path && value != "/")
                .then(|| self.front_path(value, PathTemplate::reverse_scope, COOKIE_SYNTAX))
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
        changed.then_some(mapped)
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
        covers(&self.rewrite.dialled.ip().to_string())
            || self.rewrite.backend.own_authorities.iter().any(|own| covers(&own.host))
    }
}

/// How a template's inverse is taken.
type Reverse =
    for<'a> fn(&'a PathTemplate, &'a PathPattern, &'a Captures<'a>, &'a str) -> Option<String>;

/// A value as text; backends send UTF-8 although RFC 9110 §5.5 calls for ASCII.
fn text(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
