//! Why a backend gave no response, and the refusal that the client gets.

use crate::{refusal::Refusal, request::BoxError};

/// The phase in which a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The backend has no endpoint.
    Choose,
    /// Its name does not resolve.
    Resolve,
    /// It resolves only to addresses that may not be dialled.
    Guard,
    /// A connection attempt fails.
    Connect,
    /// A connection attempt times out.
    ConnectTimeout,
    /// The TLS handshake fails.
    Tls,
    /// The connection fails, or carries something other than HTTP, before the response's head is
    /// complete.
    Exchange,
    /// The deadline passes before the response's head is complete.
    Deadline,
}

/// A request that got no response.
#[derive(Debug)]
pub(super) struct UpstreamError {
    /// The phase in which it failed.
    phase: Phase,
    /// Whether any of the request may have been sent; if not, its head and body are unchanged.
    sent: bool,
    /// Whether any byte of a response has arrived.
    answered: bool,
    source: Option<BoxError>,
}

impl From<Phase> for UpstreamError {
    /// A failure before anything was sent.
    fn from(phase: Phase) -> Self {
        Self { phase, sent: false, answered: false, source: None }
    }
}

impl UpstreamError {
    /// A connection that failed while it carried the request.
    pub(super) fn exchange(sent: bool, answered: bool, source: impl Into<BoxError>) -> Self {
        Self { phase: Phase::Exchange, sent, answered, source: Some(source.into()) }
    }

    /// Whether the request may be sent again over another connection; `is_repeatable` tells whether
    /// sending it twice is safe (RFC 9110 §9.2.2).
    pub(super) fn may_send_again(&self, is_repeatable: bool) -> bool {
        !self.sent || (is_repeatable && !self.answered)
    }

    /// The refusal that the client gets.
    pub(super) fn into_refusal(self, backend: &str) -> Refusal {
        if let Some(source) = &self.source {
            tracing::debug!(backend, error = ?source, "no response");
        }
        match self.phase {
            Phase::Choose => Refusal::NoEndpoint,
            Phase::Resolve => Refusal::NameNotResolved,
            Phase::Guard => Refusal::AddressNotAllowed,
            Phase::Connect => Refusal::ConnectFailed,
            Phase::ConnectTimeout => Refusal::ConnectTimeout,
            Phase::Tls => Refusal::TlsFailed,
            Phase::Exchange => Refusal::BackendBroken,
            Phase::Deadline => Refusal::BackendTimeout,
        }
    }
}
