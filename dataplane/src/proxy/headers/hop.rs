//! What backends are told of the client: the fields that this hop adds to a request.

use super::{
    client::ClientInfo,
    names::{
        CLIENT_CERT, CLIENT_CERT_CHAIN, FORWARDED_FOR, FORWARDED_HOST, FORWARDED_PORT,
        FORWARDED_PROTO, REAL_IP, REQUEST_ID,
    },
    outbound::{Outbound, appended},
};
use crate::{
    request::{AddedFields, SharedFields},
    table::TrustedHeaders,
    trace::TRACEPARENT,
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::{fmt::Display, net::IpAddr, rc::Rc};

impl Outbound<'_> {
    /// The forwarding headers: the client, and what it requested. Of a trusted proxy's, only those
    /// that it is trusted to set are left, and continued.
    pub(super) fn forwarded(&self, headers: &HeaderMap) -> AddedFields {
        let mut added = match self.client.trusted {
            None => AddedFields::from(self.first_hop()),
            Some(TrustedHeaders::XForwarded | TrustedHeaders::Forwarded) => {
                AddedFields::from(self.further_hop(headers))
            }
        };
        added.push(REQUEST_ID, self.id.clone());
        if let Some(trace_parent) = self.trace_parent {
            added.push(TRACEPARENT, trace_parent.clone());
        }
        if let Some(certificate) = self.peer.certificate() {
            added.push(CLIENT_CERT, certificate.own.clone());
            if let Some(chain) = &certificate.chain {
                added.push(CLIENT_CERT_CHAIN, chain.clone());
            }
        }
        added
    }

    /// What is told of a client that nobody is trusted to tell of. Most requests of a connection have
    /// the same host, so the last one's is cached.
    fn first_hop(&self) -> Rc<SharedFields> {
        let host = &self.client.host;
        let mut last = self.peer.forwarded.borrow_mut();
        if let Some((last_host, fields)) = &*last
            && last_host == host
        {
            return fields.clone();
        }
        let ip = &self.peer.ip;
        // Copied, since the header's own bytes share the request's buffer.
        let host = HeaderValue::from_bytes(host.as_bytes()).unwrap_or_else(|_| host.clone());
        let fields = self.hop(ip.clone(), self.element(), host.clone(), ip.clone());
        let fields = Rc::new(SharedFields::new(fields.into()));
        *last = Some((host, fields.clone()));
        fields
    }

    /// What a trusted proxy tells, and this hop.
    fn further_hop(&self, headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
        let (client, peer, element) = (self.client, &self.peer.ip, self.element());
        let addresses = appended(headers.get_all(FORWARDED_FOR).iter(), peer)
            .unwrap_or_else(|| self.after_client(client.address, peer));
        let elements = appended(headers.get_all(header::FORWARDED).iter(), &element)
            .unwrap_or_else(|| {
                self.after_client(format!("for={}", node(client.address)), &element)
            });
        self.hop(addresses, elements, client.host.clone(), value(client.address)).into()
    }

    fn hop(
        &self,
        addresses: HeaderValue,
        elements: HeaderValue,
        host: HeaderValue,
        real_ip: HeaderValue,
    ) -> [(HeaderName, HeaderValue); 6] {
        let ClientInfo { scheme, port, .. } = *self.client;
        [
            (FORWARDED_FOR, addresses),
            (header::FORWARDED, elements),
            (FORWARDED_PROTO, HeaderValue::from_static(scheme.as_str())),
            (FORWARDED_HOST, host),
            (FORWARDED_PORT, port_value(port)),
            (REAL_IP, real_ip),
        ]
    }

    /// A list of the client and this hop, where the trusted proxies report the client in another
    /// field.
    fn after_client(&self, client: impl Display, own: &HeaderValue) -> HeaderValue {
        if self.client.address == self.peer.address.ip().to_canonical() {
            return own.clone();
        }
        let mut list = client.to_string().into_bytes();
        list.extend_from_slice(b", ");
        list.extend_from_slice(own.as_bytes());
        HeaderValue::from_maybe_shared(Bytes::from(list)).unwrap_or_else(|_| own.clone())
    }

    /// This hop's element of `Forwarded` (RFC 7239 §4, §6).
    fn element(&self) -> HeaderValue {
        let ClientInfo { host, scheme, .. } = self.client;
        let (before, after): (&[u8], &[u8]) = match self.peer.address.ip().to_canonical() {
            IpAddr::V4(_) => (b"for=", b""),
            IpAddr::V6(_) => (b"for=\"[", b"]\""),
        };
        let (ip, scheme) = (self.peer.ip.as_bytes(), scheme.as_str().as_bytes());
        // A valid Host contains no quotation mark.
        let element =
            [before, ip, after, b";host=\"", host.as_bytes(), b"\";proto=", scheme].concat();
        HeaderValue::from_maybe_shared(Bytes::from(element))
            .unwrap_or_else(|_| self.peer.ip.clone())
    }
}

/// An address as `Forwarded` writes it (RFC 7239 §6).
fn node(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("\"[{v6}]\""),
    }
}

fn value(text: impl Display) -> HeaderValue {
    // Addresses are visible ASCII.
    HeaderValue::from_str(&text.to_string()).unwrap_or(HeaderValue::from_static("unknown"))
}

fn port_value(port: u16) -> HeaderValue {
    match port {
        80 => HeaderValue::from_static("80"),
        443 => HeaderValue::from_static("443"),
        port => HeaderValue::from(port),
    }
}
