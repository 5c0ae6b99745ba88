//! Why a backend gave no response, and the refusal that the client gets.

use super::tls_failure::TlsFailure;
use crate::{endpoint::Failure, refusal::Refusal, request::BoxError};
use std::{borrow::Cow, error::Error, fmt, io};

/// The phase in which a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// A connection attempt fails.
    Connect,
    /// A connection attempt times out.
    ConnectTimeout,
    /// There are as many connections as there may be, and none is given up in time.
    Connections,
    /// The TLS handshake fails.
    Tls(TlsFailure),
    /// The backend can't carry an upgrade to WebSocket: it speaks HTTP/2 alone, and announces no
    /// extended CONNECT.
    Upgrade,
    /// The connection fails after it was made, before the response's head is complete.
    Exchange,
    /// The deadline passes before the response's head is complete.
    Deadline,
}

impl Phase {
    /// The refusal that the client gets.
    pub(super) fn refusal(self) -> Refusal {
        match self {
            Self::Connect => Refusal::ConnectFailed,
            Self::ConnectTimeout => Refusal::ConnectTimeout,
            Self::Connections => Refusal::Overloaded,
            Self::Tls(_) => Refusal::TlsFailed,
            Self::Upgrade => Refusal::UpgradeUnsupported,
            Self::Exchange => Refusal::BackendBroken,
            Self::Deadline => Refusal::BackendTimeout,
        }
    }
}

impl Phase {
    /// Whether it is the endpoint that accepts no connection.
    pub(super) fn is_connecting(self) -> bool {
        match self {
            Self::Connect | Self::ConnectTimeout | Self::Tls(_) => true,
            Self::Connections | Self::Upgrade | Self::Exchange | Self::Deadline => false,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.refusal().reason())?;
        match self {
            Self::Tls(failure) => write!(f, ": {failure}"),
            Self::Connect
            | Self::ConnectTimeout
            | Self::Connections
            | Self::Upgrade
            | Self::Exchange
            | Self::Deadline => Ok(()),
        }
    }
}

/// What may have become of a request that got no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing of it was sent; its head and body are unchanged.
    Unsent,
    /// The backend has told that it did nothing with it (RFC 9113 §6.8, §8.7), and its body is
    /// whole.
    Unprocessed,
    /// It was sent; no byte of a response has arrived.
    Unanswered,
    /// A response had begun, or the backend refused the request.
    Answered,
}

/// A rule of HTTP, or one of our bounds, that a backend's response breaks.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub(crate) Cow<'static, str>);

impl From<Malformed> for io::Error {
    fn from(malformed: Malformed) -> Self {
        Self::new(io::ErrorKind::InvalidData, malformed)
    }
}

/// A failed HTTP/2 stream or connection. What h2 itself objects to is the backend's doing.
pub(super) fn of_http2(error: h2::Error) -> BoxError {
    if error.is_library() {
        return Malformed(format!("an invalid HTTP/2 message: {error}").into()).into();
    }
    error.into()
}

/// The rule that a backend's response breaks, if that is what `error` says.
pub(crate) fn broken_rule<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Malformed> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => inner.downcast_ref(),
        None => error.downcast_ref(),
    }
}

/// A request that got no response.
#[derive(Debug)]
pub(crate) struct UpstreamError {
    /// The phase in which it failed.
    phase: Phase,
    /// What may have become of it.
    fate: Fate,
    source: Option<BoxError>,
}

impl From<Phase> for UpstreamError {
    /// A failure before anything was sent.
    fn from(phase: Phase) -> Self {
        Self { phase, fate: Fate::Unsent, source: None }
    }
}

impl UpstreamError {
    /// A connection that failed while it carried the request.
    pub(super) fn exchange(fate: Fate, source: impl Into<BoxError>) -> Self {
        let source = source.into();
        let failed = source.downcast_ref().and_then(TlsFailure::of_refused_certificate);
        Self { phase: Phase::Exchange, fate, source: Some(source) }.in_handshake(failed)
    }

    /// The same, where what ended the connection belongs to the TLS handshake.
    pub(super) fn in_handshake(mut self, failed: Option<TlsFailure>) -> Self {
        self.phase = failed.map_or(self.phase, Phase::Tls);
        self
    }

    /// The phase in which the request failed.
    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// The response's head has not come in time; whether the request was sent is not known.
    pub(crate) fn too_late() -> Self {
        Self { phase: Phase::Deadline, fate: Fate::Unanswered, source: None }
    }

    /// Whether nothing of the request was sent, so that any may be tried elsewhere.
    pub(crate) fn is_unsent(&self) -> bool {
        // Where the deadline has passed, it is not known what was sent.
        self.fate == Fate::Unsent && self.phase != Phase::Deadline
    }

    /// The failure that the endpoint is to blame for, if it is.
    pub(crate) fn failure(&self) -> Option<Failure> {
        match self.phase {
            Phase::Connect | Phase::ConnectTimeout | Phase::Tls(_) => Some(Failure::Connect),
            Phase::Exchange => Some(Failure::Reset),
            Phase::Deadline => Some(Failure::Timeout),
            Phase::Connections | Phase::Upgrade => None,
        }
    }

    /// Whether the backend did nothing with a request that it got.
    pub(super) fn is_unprocessed(&self) -> bool {
        self.fate == Fate::Unprocessed
    }

    /// Whether the request may be sent again over another connection; `is_repeatable` tells whether
    /// sending it twice is safe (RFC 9110 §9.2.2).
    pub(super) fn may_send_again(&self, is_repeatable: bool) -> bool {
        match self.fate {
            Fate::Unsent | Fate::Unprocessed => true,
            Fate::Unanswered => is_repeatable,
            Fate::Answered => false,
        }
    }

    /// The rule that the response breaks, if that is why there is none.
    pub(crate) fn broken_rule(&self) -> Option<&Malformed> {
        self.source.as_ref().and_then(|source| broken_rule(&**source))
    }

    /// The refusal that the client gets.
    pub(crate) fn refusal(&self) -> Refusal {
        match self.broken_rule() {
            Some(_) => Refusal::BackendMalformed,
            None => self.phase.refusal(),
        }
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => source.fmt(f),
            None => self.phase.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_have_had_no_effect_is_sent_again() {
        for (fate, safe, unsafe_too) in [
            (Fate::Unsent, true, true),
            (Fate::Unprocessed, true, true),
            (Fate::Unanswered, true, false),
            (Fate::Answered, false, false),
        ] {
            let error = UpstreamError::exchange(fate, io::Error::from(io::ErrorKind::BrokenPipe));
            assert_eq!(error.may_send_again(true), safe, "{fate:?}");
            assert_eq!(error.may_send_again(false), unsafe_too, "{fate:?}");
        }
    }

    #[test]
    fn a_broken_rule_is_told_from_a_broken_connection() {
        let malformed = || Malformed("a rule".into());
        let refusal = |source: BoxError| UpstreamError::exchange(Fate::Answered, source).refusal();
        assert_eq!(refusal(malformed().into()), Refusal::BackendMalformed);
        assert_eq!(refusal(io::Error::from(malformed()).into()), Refusal::BackendMalformed);
        // As TLS reports a corrupt record.
        let corrupt = io::Error::new(io::ErrorKind::InvalidData, "corrupt");
        assert_eq!(refusal(corrupt.into()), Refusal::BackendBroken);
        assert_eq!(
            refusal(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Refusal::BackendBroken
        );
    }
}
