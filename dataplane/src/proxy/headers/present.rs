//! Which fields a message has: one pass over its few names costs less than a lookup for each field
//! that the proxy acts on.

use http::{HeaderMap, HeaderName};

/// A field that the proxy acts on wherever it occurs.
#[derive(Clone, Copy, Debug)]
pub(in crate::proxy) enum Field {
    AltSvc,
    Connection,
    ContentLocation,
    Destination,
    Expect,
    If,
    KeepAlive,
    Link,
    Location,
    Origin,
    ProxyAuthenticate,
    ProxyAuthorization,
    ProxyConnection,
    PublicKeyPins,
    Refresh,
    ServiceWorkerAllowed,
    SetCookie,
    Te,
    Trailer,
    TransferEncoding,
    Upgrade,
    Via,
}

impl Field {
    fn of(name: &HeaderName) -> Option<Self> {
        Some(match name.as_str() {
            "alt-svc" => Self::AltSvc,
            "connection" => Self::Connection,
            "content-location" => Self::ContentLocation,
            "destination" => Self::Destination,
            "expect" => Self::Expect,
            "if" => Self::If,
            "keep-alive" => Self::KeepAlive,
            "link" => Self::Link,
            "location" => Self::Location,
            "origin" => Self::Origin,
            "proxy-authenticate" => Self::ProxyAuthenticate,
            "proxy-authorization" => Self::ProxyAuthorization,
            "proxy-connection" => Self::ProxyConnection,
            "public-key-pins" => Self::PublicKeyPins,
            "refresh" => Self::Refresh,
            "service-worker-allowed" => Self::ServiceWorkerAllowed,
            "set-cookie" => Self::SetCookie,
            "te" => Self::Te,
            "trailer" => Self::Trailer,
            "transfer-encoding" => Self::TransferEncoding,
            "upgrade" => Self::Upgrade,
            "via" => Self::Via,
            _ => return None,
        })
    }

    fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// Those of these fields that a message has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Present(u32);

impl Present {
    /// Looks at all names of a message.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut present = Self::default();
        headers.keys().for_each(|name| present.add(name));
        present
    }

    /// Takes note of a name.
    pub(super) fn add(&mut self, name: &HeaderName) {
        self.0 |= Field::of(name).map_or(0, Field::bit);
    }

    /// Whether the message has a field.
    pub(in crate::proxy) fn has(self, field: Field) -> bool {
        self.0 & field.bit() != 0
    }
}
