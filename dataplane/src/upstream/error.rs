//! Why a request got no response from a backend, and what the client is told of it.

use crate::{refusal::Refusal, request::BoxError};

/// Where a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The backend has no endpoint.
    Choose,
    /// Its name does not resolve.
    Resolve,
    /// It resolves to addresses that may not be dialled.
    Guard,
    /// A connection is refused.
    Connect,
    /// A connection is not accepted in time.
    ConnectTimeout,
    /// The TLS handshake fails.
    Tls,
    /// The connection fails before the response's head is complete, or carries something else.
    Exchange,
    /// The response's head does not come before the deadline.
    Deadline,
}

/// A request that got no response.
#[derive(Debug)]
pub(super) struct UpstreamError {
    /// Where it failed.
    phase: Phase,
    /// Whether anything of the request may have been sent; otherwise its head and body are as they
    /// were.
    sent: bool,
    /// Whether any byte of a response has come.
    answered: bool,
    source: Option<BoxError>,
}

impl From<Phase> for UpstreamError {
    /// A request of which nothing was sent.
    fn from(phase: Phase) -> Self {
        Self { phase, sent: false, answered: false, source: None }
    }
}

impl UpstreamError {
    /// A connection that failed under the request.
    pub(super) fn exchange(sent: bool, answered: bool, source: impl Into<BoxError>) -> Self {
        Self { phase: Phase::Exchange, sent, answered, source: Some(source.into()) }
    }

    /// Whether the request may be sent again over another connection, given whether it may be sent
    /// more than once.
    pub(super) fn may_send_again(&self, is_repeatable: bool) -> bool {
        !self.sent || (is_repeatable && !self.answered)
    }

    /// What the client is told.
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
