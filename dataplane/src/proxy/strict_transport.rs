//! `Strict-Transport-Security` (RFC 6797): never over plain HTTP (§7.2), whoever sets it, and over
//! https what the FrontDoor says.

use super::peer::Peer;
use crate::table::{HostTls, Hsts, Scheme};
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
    /// For the response to a request that came over `scheme`, for a host with this TLS.
    pub(super) fn of(scheme: Scheme, tls: Option<&'t HostTls>) -> Self {
        match (scheme, tls.and_then(|tls| tls.hsts.as_ref())) {
            (Scheme::Http, _) => Self::Remove,
            (Scheme::Https, Some(hsts)) => Self::Set(hsts),
            (Scheme::Https, None) => Self::Keep,
        }
    }

    /// For the response to a request whose host can't be read: what the host says that the
    /// connection was opened for.
    pub(super) fn of_connection(peer: &'t Peer) -> Self {
        Self::of(peer.scheme, peer.session.as_ref().map(|session| &*session.host))
    }

    /// Applies it.
    pub(crate) fn apply(self, headers: &mut HeaderMap) {
        match self {
            Self::Keep => {}
            // Comparing the few names costs less than a lookup.
            Self::Remove if headers.keys().any(|name| *name == STRICT_TRANSPORT_SECURITY) => {
                drop(headers.remove(STRICT_TRANSPORT_SECURITY))
            }
            Self::Remove => {}
            Self::Set(hsts) => {
                drop(headers.insert(STRICT_TRANSPORT_SECURITY, hsts.value().clone()))
            }
        }
    }
}
