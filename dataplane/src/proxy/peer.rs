//! The other end of a client's connection, with values cached from its requests.

use crate::table::Scheme;
use http::HeaderValue;
use std::{cell::RefCell, net::SocketAddr, rc::Rc};

/// The other end of a client's connection. Most of its requests carry the same Host, so values
/// derived from it are cached for the next.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its address.
    pub(crate) address: SocketAddr,
    /// The address without the port, as a field value.
    pub(crate) ip: HeaderValue,
    /// The scheme of the connection.
    pub(crate) scheme: Scheme,
    /// The last Host that was parsed.
    pub(crate) host: RefCell<Option<KnownHost>>,
    /// The last `Forwarded` element, with the Host and scheme it was made for.
    pub(crate) forwarded: RefCell<Option<(HeaderValue, Scheme, HeaderValue)>>,
}

/// A parsed Host.
#[derive(Debug)]
pub(crate) struct KnownHost {
    /// The original value.
    pub(crate) value: HeaderValue,
    /// Lower case, without trailing dot; IPv6 in brackets.
    pub(crate) name: Rc<str>,
    /// The port, if present.
    pub(crate) port: Option<u16>,
}

impl Peer {
    /// A peer without any requests yet.
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
