//! `Strict-Transport-Security` (RFC 6797): never over plain HTTP (§7.2), whoever sets it, and over
//! https what the FrontDoor says.

use super::headers::ClientInfo;
use crate::table::{Hsts, Scheme, VirtualHost};
use http::{HeaderMap, header::STRICT_TRANSPORT_SECURITY};

/// What becomes of a response's field.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum StrictTransport<'t> {
    /// It stays as it is, or absent.
    #[default]
    Keep,
    /// It is removed.
    Remove,
    /// It is this one.
    Set(&'t Hsts),
}

impl<'t> StrictTransport<'t> {
    /// For the response to a client's request for a host.
    pub(super) fn of(client: &ClientInfo, host: &'t VirtualHost) -> Self {
        match (client.scheme, host.tls.as_ref().and_then(|tls| tls.hsts.as_ref())) {
            (Scheme::Http, _) => Self::Remove,
            (Scheme::Https, Some(hsts)) => Self::Set(hsts),
            (Scheme::Https, None) => Self::Keep,
        }
    }

    /// Applies it.
    pub(crate) fn apply(self, headers: &mut HeaderMap) {
        match self {
            Self::Keep => {}
            Self::Remove => drop(headers.remove(STRICT_TRANSPORT_SECURITY)),
            Self::Set(hsts) => {
                drop(headers.insert(STRICT_TRANSPORT_SECURITY, hsts.value().clone()))
            }
        }
    }
}
