//! Why a TLS handshake with a backend fails, in words for the log.

use rustls::{AlertDescription, CertificateError, Error};
use std::{fmt, io};

/// Why a TLS handshake with a backend fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TlsFailure {
    /// Its certificate has expired.
    Expired,
    /// Its certificate is not valid yet.
    NotYetValid,
    /// Its certificate is for other names.
    WrongName,
    /// No authority that is trusted here has signed its certificate.
    UnknownAuthority,
    /// Its certificate is otherwise invalid.
    InvalidCertificate,
    /// It knows no site of the name it was sent (RFC 6066 §3).
    NameNotServed,
    /// It refuses the client certificate, or the lack of one.
    ClientCertificate,
    /// It speaks none of the versions of HTTP that were offered (RFC 7301 §3.2).
    NoHttpVersion,
    /// No version or cipher suite of TLS suits both.
    Incompatible,
    /// What it sends is not TLS.
    NotTls,
    /// The connection ends in the middle.
    ConnectionLost,
    /// Anything else.
    Other,
}

impl TlsFailure {
    /// Why a handshake ended with this error.
    pub(super) fn of(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(Error::InvalidCertificate(error)) => Self::of_certificate(error),
            Some(Error::AlertReceived(alert)) => Self::of_alert(*alert),
            Some(Error::NoApplicationProtocol) => Self::NoHttpVersion,
            Some(Error::PeerIncompatible(_)) => Self::Incompatible,
            Some(Error::InvalidMessage(_)) => Self::NotTls,
            Some(_) => Self::Other,
            None => Self::ConnectionLost,
        }
    }

    /// The refusal of the client certificate, or of the lack of one, if that is what ended a
    /// connection. In TLS 1.3 it comes after the client's end of the handshake (RFC 8446 §2).
    pub(super) fn of_refused_certificate(error: &io::Error) -> Option<Self> {
        Some(Self::of(error)).filter(|failure| *failure == Self::ClientCertificate)
    }

    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotYetValid
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongName
            }
            CertificateError::UnknownIssuer => Self::UnknownAuthority,
            _ => Self::InvalidCertificate,
        }
    }

    fn of_alert(alert: AlertDescription) -> Self {
        match alert {
            AlertDescription::NoApplicationProtocol => Self::NoHttpVersion,
            AlertDescription::UnrecognisedName => Self::NameNotServed,
            AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired => Self::ClientCertificate,
            AlertDescription::ProtocolVersion
            | AlertDescription::HandshakeFailure
            | AlertDescription::InsufficientSecurity => Self::Incompatible,
            _ => Self::Other,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Expired => "its certificate has expired",
            Self::NotYetValid => "its certificate is not valid yet",
            Self::WrongName => "its certificate is for other names",
            Self::UnknownAuthority => "its certificate is signed by an unknown authority",
            Self::InvalidCertificate => "its certificate is invalid",
            Self::NameNotServed => "it does not serve the name it was sent",
            Self::ClientCertificate => "it requires another client certificate",
            Self::NoHttpVersion => "it supports none of the HTTP versions that were offered",
            Self::Incompatible => "no TLS version or cipher suite is common to both sides",
            Self::NotTls => "it does not speak TLS",
            Self::ConnectionLost => "the connection was lost during the handshake",
            Self::Other => "the handshake failed",
        }
    }
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::{InvalidMessage, PeerIncompatible};

    #[test]
    fn what_fails_is_told_apart() {
        let certificate = |error| Error::InvalidCertificate(error);
        for (error, failure) in [
            (certificate(CertificateError::Expired), TlsFailure::Expired),
            (certificate(CertificateError::NotValidYet), TlsFailure::NotYetValid),
            (certificate(CertificateError::NotValidForName), TlsFailure::WrongName),
            (certificate(CertificateError::UnknownIssuer), TlsFailure::UnknownAuthority),
            (certificate(CertificateError::BadSignature), TlsFailure::InvalidCertificate),
            (Error::InvalidMessage(InvalidMessage::InvalidContentType), TlsFailure::NotTls),
            (
                Error::AlertReceived(AlertDescription::CertificateRequired),
                TlsFailure::ClientCertificate,
            ),
            (
                Error::AlertReceived(AlertDescription::NoApplicationProtocol),
                TlsFailure::NoHttpVersion,
            ),
            (Error::AlertReceived(AlertDescription::UnrecognisedName), TlsFailure::NameNotServed),
            (
                Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
                TlsFailure::Incompatible,
            ),
            (Error::DecryptError, TlsFailure::Other),
        ] {
            let shown = error.to_string();
            let error = io::Error::new(io::ErrorKind::InvalidData, error);
            assert_eq!(TlsFailure::of(&error), failure, "{shown}");
        }
        let lost = io::ErrorKind::UnexpectedEof.into();
        assert_eq!(TlsFailure::of(&lost), TlsFailure::ConnectionLost);
    }
}
