//! Counters of TLS handshakes with clients.

use super::histogram::Histogram;
use crate::table::TlsVersion;
use std::{cell::RefCell, collections::BTreeMap, time::Duration};

/// How a handshake ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HandshakeResult {
    /// With a new session.
    Full,
    /// With one that continues an earlier one.
    Resumed,
    /// No host with TLS fits the name that the client asks for.
    UnknownName,
    /// The host has no valid certificate, or no valid authorities for those of its clients.
    Unavailable,
    /// The client's certificate is missing or not valid.
    ClientCertificate,
    /// There is no version, cipher or protocol in common.
    Incompatible,
    /// The client refuses, for example because it does not trust the certificate.
    Rejected,
    /// The client does not speak TLS.
    Malformed,
    /// It speaks HTTP in the clear.
    PlainHttp,
    /// The client closes the connection.
    Closed,
    /// It takes too long.
    Timeout,
    /// The connection gives way to another one, or the process ends.
    GaveWay,
}

impl HandshakeResult {
    /// The label `result`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Resumed => "resumed",
            Self::UnknownName => "unknown-name",
            Self::Unavailable => "unavailable",
            Self::ClientCertificate => "client-certificate",
            Self::Incompatible => "incompatible",
            Self::Rejected => "rejected",
            Self::Malformed => "malformed",
            Self::PlainHttp => "plain-http",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::GaveWay => "gave-way",
        }
    }

    fn is_success(self) -> bool {
        match self {
            Self::Full | Self::Resumed => true,
            Self::UnknownName
            | Self::Unavailable
            | Self::ClientCertificate
            | Self::Incompatible
            | Self::Rejected
            | Self::Malformed
            | Self::PlainHttp
            | Self::Closed
            | Self::Timeout
            | Self::GaveWay => false,
        }
    }
}

/// The label `version`; empty if none has been agreed on.
pub(super) fn version(version: Option<TlsVersion>) -> &'static str {
    match version {
        Some(TlsVersion::Tls12) => "TLSv1.2",
        Some(TlsVersion::Tls13) => "TLSv1.3",
        None => "",
    }
}

/// The handshakes of one worker.
#[derive(Debug, Default)]
pub(crate) struct HandshakeStats(RefCell<HandshakeCounts>);

/// A snapshot of [`HandshakeStats`].
#[derive(Clone, Debug, Default)]
pub(crate) struct HandshakeCounts {
    pub(super) results: BTreeMap<(HandshakeResult, Option<TlsVersion>), u64>,
    /// How long those that succeed take, from accepting the connection.
    pub(super) durations: Histogram,
}

impl HandshakeStats {
    /// Counts one.
    pub(crate) fn count(
        &self,
        result: HandshakeResult,
        version: Option<TlsVersion>,
        duration: Duration,
    ) {
        let mut counts = self.0.borrow_mut();
        *counts.results.entry((result, version)).or_default() += 1;
        if result.is_success() {
            counts.durations.observe(duration);
        }
    }

    /// The counts so far.
    pub(crate) fn counts(&self) -> HandshakeCounts {
        self.0.borrow().clone()
    }
}

impl HandshakeCounts {
    /// Adds another's counts.
    pub(super) fn merge(&mut self, other: &Self) {
        for (result, count) in &other.results {
            *self.results.entry(*result).or_default() += count;
        }
        self.durations.merge(&other.durations);
    }
}
