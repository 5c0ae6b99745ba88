//! The other end of a client's connection, and what was last derived from its requests.

use crate::table::Scheme;
use http::HeaderValue;
use std::{cell::RefCell, net::SocketAddr, rc::Rc};

/// The other end of a connection. Its requests mostly carry the same Host, so what was derived from
/// it is kept for the next.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its address.
    pub(crate) address: SocketAddr,
    /// The same without port, as a header's value.
    pub(crate) ip: HeaderValue,
    /// What it speaks.
    pub(crate) scheme: Scheme,
    /// The last Host that was read.
    pub(crate) host: RefCell<Option<KnownHost>>,
    /// The last `Forwarded` element that was made, and what of.
    pub(crate) forwarded: RefCell<Option<(HeaderValue, Scheme, HeaderValue)>>,
}

/// A Host and what it says.
#[derive(Debug)]
pub(crate) struct KnownHost {
    /// As it stood in the request.
    pub(crate) value: HeaderValue,
    /// Lower case, without trailing dot; IPv6 in brackets.
    pub(crate) name: Rc<str>,
    /// The port, where one is written.
    pub(crate) port: Option<u16>,
}

impl Peer {
    /// A peer that has said nothing yet.
    pub(crate) fn new(address: SocketAddr, scheme: Scheme) -> Self {
        let ip = address.ip().to_canonical().to_string();
        Self {
            address,
            // An address is visible ASCII.
            ip: HeaderValue::from_str(&ip).unwrap_or(HeaderValue::from_static("unknown")),
            scheme,
            host: RefCell::new(None),
            forwarded: RefCell::new(None),
        }
    }
}
