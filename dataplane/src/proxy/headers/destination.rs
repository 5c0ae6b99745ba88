//! URLs of the front door in a WebDAV request (RFC 4918 §10.3, §10.4), mapped to the backend's.

use super::{
    super::target,
    client::ClientInfo,
    present::{Field, Present},
    references::{self, Budget, Reference},
};
use crate::{
    refusal::Refusal,
    router::{self, BudgetExceeded},
    rules::{Sender, Subject, Terms},
    table::{Backend, HostHeader, VirtualHost},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

/// `Destination`: where COPY and MOVE put a resource.
const DESTINATION: HeaderName = HeaderName::from_static("destination");

/// `If`: conditions, each optionally for the resource that it names.
const IF: HeaderName = HeaderName::from_static("if");

/// How the front door's host and path are mapped to the backend's.
pub(in crate::proxy) struct RequestRewrite<'a> {
    pub(in crate::proxy) client: &'a ClientInfo,
    pub(in crate::proxy) virtual_host: &'a VirtualHost,
    pub(in crate::proxy) backend: &'a Backend,
    /// The Host that it gets.
    pub(in crate::proxy) host: &'a HostHeader,
    /// Whether the path that it gets differs from the request's.
    pub(in crate::proxy) is_rewritten: bool,
    /// Who sent the request, as rules see it.
    pub(in crate::proxy) sender: Sender<'a>,
}

impl RequestRewrite<'_> {
    /// Whether that takes long enough to wait for a turn.
    pub(in crate::proxy) fn takes_long(
        method: &Method,
        headers: &HeaderMap,
        present: Present,
    ) -> bool {
        let bytes = |name| headers.get_all(name).iter().map(HeaderValue::len).sum::<usize>();
        Self::is_due(method, present) && bytes(&DESTINATION) + bytes(&IF) > references::LONG_BYTES
    }

    /// Whether a request that has `present` has fields with URLs, and a method that gives them a
    /// meaning.
    pub(in crate::proxy) fn is_due(method: &Method, present: Present) -> bool {
        (present.has(Field::Destination) || present.has(Field::If))
            && !matches!(
                *method,
                Method::GET | Method::HEAD | Method::POST | Method::OPTIONS | Method::PATCH
            )
    }

    /// Rewrites the fields that contain URLs, before any other field is edited. A URL is mapped as the target of this request would be, if that were forwarded to
    /// the same backend.
    ///
    /// # Errors
    /// If Destination is no valid URL, or names what this request must not reach: it would be a way
    /// round the Routes.
    pub(in crate::proxy) fn apply(
        &self,
        method: &Method,
        headers: &mut HeaderMap,
    ) -> Result<(), Refusal> {
        let mapping = Mapping {
            rewrite: self,
            method,
            headers,
            budget: Budget::new(),
            predicates: router::Budget::of_one_request(),
        };
        let destination = mapping.destination()?;
        let conditions = mapping.conditions()?;
        if let Some(destination) = destination {
            headers.insert(DESTINATION, destination);
        }
        if !conditions.is_empty() {
            headers.remove(&IF);
            for line in conditions {
                headers.append(IF, line);
            }
        }
        Ok(())
    }

    /// Whether the backend's URLs differ from the front door's.
    fn is_mapped(&self) -> bool {
        let has_own_host = match self.host {
            HostHeader::Set(_) => true,
            HostHeader::Preserve => false,
        };
        has_own_host || self.is_rewritten
    }
}

/// The mapping of one request.
struct Mapping<'a> {
    rewrite: &'a RequestRewrite<'a>,
    method: &'a Method,
    headers: &'a HeaderMap,
    budget: Budget,
    /// For the lookups of all URLs together.
    predicates: router::Budget,
}

/// Where a request for a path of the front door would go.
enum Place {
    /// To this path of the same backend.
    Backend(String),
    /// Elsewhere.
    Elsewhere,
    /// Nowhere: no Route has it.
    Nowhere,
}

impl Mapping<'_> {
    /// The backend's form of `Destination`.
    fn destination(&self) -> Result<Option<HeaderValue>, Refusal> {
        let mut lines = self.headers.get_all(&DESTINATION).iter();
        let Some(line) = lines.next() else { return Ok(None) };
        let url = text(line).filter(|_| lines.next().is_none());
        let mapped = self.destination_url(url.ok_or(Refusal::InvalidDestination)?)?;
        field_value(mapped).map(Some)
    }

    fn destination_url(&self, url: &str) -> Result<String, Refusal> {
        // RFC 4918 §8.3 allows a URL or an absolute path.
        let reference = Reference::parse(url).ok_or(Refusal::InvalidDestination)?;
        let is_own = self.is_own(&reference).ok_or(Refusal::InvalidDestination)?;
        let is_mapped = self.rewrite.is_mapped();
        if is_mapped && !is_own {
            return Err(Refusal::ForeignDestination);
        }
        let path = self.path(&reference)?;
        let mapped = match self.place(&path, &reference)? {
            Place::Backend(mapped) if is_own || mapped == path => mapped,
            Place::Nowhere if !is_mapped => path,
            Place::Backend(_) | Place::Elsewhere | Place::Nowhere => {
                return Err(Refusal::ForeignDestination);
            }
        };
        let mapped = self.budget.spend(mapped).ok_or(Refusal::HeadTooLarge)?;
        let origin = match is_own {
            true => self.origin(&reference)?,
            false => url[..url.len() - reference.path.len() - reference.suffix.len()].to_owned(),
        };
        Ok(format!("{origin}{mapped}{}", reference.suffix))
    }

    /// The lines of `If` with the backend's form of their URLs; none if they stay as they are. What
    /// can't be mapped is no resource of the backend, so that its conditions are not met.
    fn conditions(&self) -> Result<Vec<HeaderValue>, Refusal> {
        let map = |url: &str| self.condition(url).ok().flatten();
        let lines = self.headers.get_all(&IF).iter();
        let lines = lines.map(|line| {
            let mapped = text(line).and_then(|text| references::map_bracketed(text, map));
            mapped.map_or(Ok(line.clone()), field_value)
        });
        lines.collect()
    }

    fn condition(&self, url: &str) -> Result<Option<String>, Refusal> {
        let Some(reference) = Reference::parse(url) else { return Ok(None) };
        if !self.budget.admits() || self.is_own(&reference) != Some(true) {
            return Ok(None);
        }
        let path = self.path(&reference)?;
        let mapped = match self.place(&path, &reference)? {
            Place::Backend(mapped) => self.budget.spend(mapped),
            Place::Elsewhere | Place::Nowhere => None,
        };
        let origin = self.origin(&reference)?;
        Ok(mapped.map(|path| format!("{origin}{path}{}", reference.suffix)))
    }

    /// Whether a URL is the front door's; `None` if it is neither http nor https, or has no valid
    /// host.
    fn is_own(&self, reference: &Reference<'_>) -> Option<bool> {
        let client = self.rewrite.client;
        let Some(authority) = reference.authority else { return Some(true) };
        let scheme = reference.scheme.unwrap_or(client.scheme.as_str());
        let (_, named) = references::host(scheme, authority)?;
        Some(references::is_front_door(client, &named))
    }

    fn path(&self, reference: &Reference<'_>) -> Result<String, Refusal> {
        let path = if reference.path.is_empty() { "/" } else { reference.path };
        target::normalised(path, self.rewrite.virtual_host.slashes)
    }

    /// Where this request would go if its target were `path`, with the reference's query.
    fn place(&self, path: &str, reference: &Reference<'_>) -> Result<Place, Refusal> {
        let RequestRewrite { virtual_host, backend, .. } = *self.rewrite;
        let (method, headers) = (self.method, router::Headers::Sent(self.headers));
        let query = reference.suffix.split('#').next().and_then(|query| query.strip_prefix('?'));
        let request = router::Request { method, path, query, headers };
        let found = virtual_host.routes.find_within(&request, &self.predicates);
        let found = found.map_err(|BudgetExceeded| Refusal::PredicatesTooCostly)?;
        let Some((matched, captures)) = found else { return Ok(Place::Nowhere) };
        let sender = self.rewrite.sender.clone();
        let subject = Subject { request, headers: self.headers, sender };
        let terms =
            Terms::of_request(&subject, &self.predicates, virtual_host, matched, &captures)?;
        let Some(terms) = terms else { return Ok(Place::Elsewhere) };
        let mut backends = terms.forward.backends().iter();
        let is_same = |other: &Backend| {
            other.name == backend.name && *terms.host(other) == *self.rewrite.host
        };
        if !backends.any(|other| is_same(other)) {
            return Ok(Place::Elsewhere);
        }
        match &terms.template {
            Some(to) => to.fill(&matched.path, &captures).map_err(Refusal::InvalidPath),
            None => Ok(path.to_owned()),
        }
        .map(Place::Backend)
    }

    /// The backend's origin, if the reference has one.
    fn origin(&self, reference: &Reference<'_>) -> Result<String, Refusal> {
        if reference.authority.is_none() {
            return Ok(String::new());
        }
        let RequestRewrite { client, backend, .. } = *self.rewrite;
        let host = match self.rewrite.host {
            HostHeader::Set(host) => host,
            HostHeader::Preserve => self.headers.get(header::HOST).unwrap_or(&client.host),
        };
        let host = text(host).ok_or(Refusal::InvalidHost)?;
        Ok(format!("{}://{host}", backend.protocol.scheme().as_str()))
    }
}

/// A value as text: clients send UTF-8 although RFC 9110 §5.5 calls for ASCII.
fn text(value: &HeaderValue) -> Option<&str> {
    str::from_utf8(value.as_bytes()).ok()
}

fn field_value(mapped: String) -> Result<HeaderValue, Refusal> {
    // What is mapped was a field's value, or is a path or a host.
    HeaderValue::from_maybe_shared(Bytes::from(mapped)).map_err(|_| Refusal::InvalidDestination)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
