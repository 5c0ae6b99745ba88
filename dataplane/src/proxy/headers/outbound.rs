//! The request as the backend gets it.

use super::{
    super::peer::Peer,
    client::ClientInfo,
    hop_by_hop,
    present::{Field, Present},
};
use crate::{
    refusal::Refusal,
    request::AddedFields,
    rules::Edits,
    table::{Backend, HostHeader, Protocol, Scheme},
};
use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderValue, Uri, Version,
    header::{self, InvalidHeaderValue},
    uri::{Authority, PathAndQuery},
};
use std::sync::Arc;

/// This install's name, and its element of `Via` (RFC 9110 §7.6.3) for each HTTP version of
/// requests.
#[derive(Debug)]
pub(crate) struct Via {
    name: Arc<str>,
    http_1_0: HeaderValue,
    http_1_1: HeaderValue,
    http_2: HeaderValue,
}

impl Via {
    /// Creates the elements for `name`, which must be a token.
    pub(crate) fn new(name: &Arc<str>) -> Result<Self, InvalidHeaderValue> {
        let element = |version: &str| HeaderValue::from_str(&format!("{version} {name}"));
        let (http_1_0, http_1_1, http_2) = (element("1.0")?, element("1.1")?, element("2")?);
        Ok(Self { name: name.clone(), http_1_0, http_1_1, http_2 })
    }

    fn of(&self, version: Version) -> &HeaderValue {
        match version {
            Version::HTTP_10 => &self.http_1_0,
            Version::HTTP_2 => &self.http_2,
            _ => &self.http_1_1,
        }
    }
}

/// Refuses a request that has already passed through this install.
pub(in crate::proxy) fn refuse_loops(headers: &HeaderMap, via: &Via) -> Result<(), Refusal> {
    let is_loop = headers.get_all(header::VIA).iter().any(|value| {
        value.as_bytes().split(|byte| *byte == b',').any(|hop| {
            let mut words = hop.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            words.next().is_some() && words.next() == Some(via.name.as_bytes())
        })
    });
    if is_loop { Err(Refusal::Loop) } else { Ok(()) }
}

/// All edits of a request's headers before it is sent to a backend.
pub(in crate::proxy) struct Outbound<'a> {
    pub(in crate::proxy) peer: &'a Peer,
    pub(in crate::proxy) client: &'a ClientInfo,
    pub(in crate::proxy) edits: Edits<'a>,
    pub(in crate::proxy) backend: &'a Backend,
    /// The Host that it gets.
    pub(in crate::proxy) host: &'a HostHeader,
    pub(in crate::proxy) id: &'a HeaderValue,
    /// The `traceparent` that takes the place of the client's, if the request is traced.
    pub(in crate::proxy) trace_parent: Option<&'a HeaderValue>,
    pub(in crate::proxy) via: &'a Via,
    pub(in crate::proxy) version: Version,
    /// Whether the request asks for an upgrade to WebSocket.
    pub(in crate::proxy) upgrade: bool,
}

impl Outbound<'_> {
    /// Changes the headers, which have `present`, in place, in order. Returns the Host that the
    /// backend gets, and the fields that it gets beside the headers.
    pub(in crate::proxy) fn prepare(
        &self,
        headers: &mut HeaderMap,
        present: Present,
    ) -> (HeaderValue, AddedFields) {
        hop_by_hop::remove_from_request(headers, present, self.upgrade);
        let mut added = self.forwarded(headers);
        let host = self.host(headers);
        // From other clients, none of these names has got this far.
        if self.client.trusted.is_some() || !self.edits.is_empty() {
            added.move_into(headers);
            self.edits.apply_to_request(headers);
        }
        self.via(headers, present, &mut added);
        (host, added)
    }

    /// Sets Host. If it is not the client's, an `Origin` or `Referer` with the client's own origin
    /// is rewritten to the backend's, for backends that compare it with Host.
    fn host(&self, headers: &mut HeaderMap) -> HeaderValue {
        let HostHeader::Set(host) = self.host else {
            return headers.get(header::HOST).unwrap_or(&self.client.host).clone();
        };
        headers.insert(header::HOST, host.clone());
        let scheme = self.backend.protocol.scheme();
        if let Some(origin) = headers.get(header::ORIGIN)
            && self.client.is_own_origin(origin.as_bytes())
            && let Some(theirs) = origin_value(scheme, host, "")
        {
            headers.insert(header::ORIGIN, theirs);
        }
        let referer = headers.get(header::REFERER).map(HeaderValue::as_bytes);
        if let Some(referer) = referer.and_then(|referer| str::from_utf8(referer).ok())
            && let Some(theirs) = self.referer(referer, scheme, host)
        {
            headers.insert(header::REFERER, theirs);
        }
        host.clone()
    }

    fn referer(&self, referer: &str, scheme: Scheme, host: &HeaderValue) -> Option<HeaderValue> {
        let authority = referer.find("://")? + 3;
        let end = referer[authority..].find(['/', '?']).map_or(referer.len(), |at| authority + at);
        let (origin, rest) = referer.split_at(end);
        self.client.is_own_origin(origin.as_bytes()).then(|| origin_value(scheme, host, rest))?
    }

    /// Adds this hop to `Via`, which the request has among `present`, or that an edit has set.
    fn via(&self, headers: &mut HeaderMap, present: Present, added: &mut AddedFields) {
        let hop = self.via.of(self.version);
        if !present.has(Field::Via) && self.edits.is_empty() {
            return added.push(header::VIA, hop.clone());
        }
        match headers.entry(header::VIA) {
            header::Entry::Vacant(entry) => drop(entry.insert(hop.clone())),
            header::Entry::Occupied(mut lines) => {
                let chain = appended(lines.iter(), hop);
                lines.insert(chain.unwrap_or_else(|| hop.clone()));
            }
        }
    }
}

/// The list with `last` appended; `None` if there was no list.
pub(super) fn appended<'h>(
    lines: impl Iterator<Item = &'h HeaderValue>,
    last: &HeaderValue,
) -> Option<HeaderValue> {
    let mut list = BytesMut::new();
    for value in lines {
        list.extend_from_slice(value.as_bytes());
        list.extend_from_slice(b", ");
    }
    if list.is_empty() {
        return None;
    }
    list.extend_from_slice(last.as_bytes());
    HeaderValue::from_maybe_shared(list.freeze()).ok()
}

fn origin_value(scheme: Scheme, host: &HeaderValue, rest: &str) -> Option<HeaderValue> {
    let mut origin = BytesMut::with_capacity(16 + host.len() + rest.len());
    origin.extend_from_slice(scheme.as_str().as_bytes());
    origin.extend_from_slice(b"://");
    origin.extend_from_slice(host.as_bytes());
    origin.extend_from_slice(rest.as_bytes());
    HeaderValue::from_maybe_shared(origin.freeze()).ok()
}

/// The target that the backend gets: this path with the request's query, byte for byte.
pub(in crate::proxy) fn target(
    path: &str,
    original: &Uri,
    protocol: &Protocol,
    host: &HeaderValue,
) -> Result<Uri, Refusal> {
    let target = match original.path_and_query() {
        Some(own) if own.path() == path => own.clone(),
        own => {
            let mut text = BytesMut::with_capacity(path.len() + 64);
            text.extend_from_slice(path.as_bytes());
            if let Some(query) = own.and_then(PathAndQuery::query) {
                text.extend_from_slice(b"?");
                text.extend_from_slice(query.as_bytes());
            }
            PathAndQuery::from_maybe_shared(text.freeze()).map_err(|_| Refusal::InvalidTarget)?
        }
    };
    match protocol {
        Protocol::Http1 => Ok(Uri::from(target)),
        // HTTP/2 has the authority in the target; HTTP/1.1 leaves it out.
        Protocol::H2c | Protocol::Https(_) => {
            let authority = Authority::from_maybe_shared(Bytes::copy_from_slice(host.as_bytes()))
                .map_err(|_| Refusal::InvalidHost)?;
            Uri::builder()
                .scheme(protocol.scheme().as_str())
                .authority(authority)
                .path_and_query(target)
                .build()
                .map_err(|_| Refusal::InvalidTarget)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
