//! One handshake: the client's hello, the host that it is for, and rustls's part.

use super::{
    super::registry::{Activity, ConnectionHandle},
    HANDSHAKE_BYTES,
    bounded::Bounded,
    client_certificate,
    settings::{Configuration, TlsAcceptor, Unavailable},
    stream::TlsStream,
};
use crate::{
    proxy::{Session, Shared},
    table::{HostTls, Table, TlsVersion},
    telemetry::HandshakeResult,
};
use rustls::{
    CertificateError, Error, HandshakeKind, ProtocolVersion, ServerConnection, server::Acceptor,
};
use std::{
    fmt, io,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{io::AsyncWriteExt, net::TcpStream, task::yield_now};
use tokio_rustls::LazyConfigAcceptor;

/// What a connection turns out to be.
pub(super) enum Outcome {
    /// A TLS connection.
    Tls(TlsStream, Session),
    /// One whose client speaks HTTP in the clear, nothing of which has been read.
    PlainHttp(TcpStream),
}

/// Why a connection has no TLS.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was closed without a byte, as those are that only ask whether the port is open.
    Unused,
    /// The client closed it during the handshake.
    Closed,
    /// It took too long.
    Timeout,
    /// It gave way to another one, or the process ends.
    GaveWay,
    /// No host with TLS fits the name that the client sent, if it sent one.
    UnknownName,
    /// The host's TLS can't be had.
    Unavailable(Unavailable),
    /// The client's certificate is missing or not valid.
    ClientCertificate(Error),
    /// The two have no version, cipher or protocol in common.
    Incompatible(Error),
    /// The client refuses, for example because it does not trust the certificate.
    Rejected(Error),
    /// The client does not speak TLS as it should.
    Malformed(Error),
}

/// Alerts that rustls does not send of itself (RFC 8446 §6).
#[derive(Clone, Copy)]
enum Alert {
    AccessDenied = 49,
    UnrecognizedName = 112,
}

impl TlsAcceptor {
    /// Makes a handshake with the client of `io`, for a host of the current table.
    pub(super) async fn handshake(
        &self,
        shared: &Shared,
        handle: &ConnectionHandle,
        io: TcpStream,
    ) -> Result<Outcome, Failure> {
        if is_plain_http(&io).await? {
            return Ok(Outcome::PlainHttp(io));
        }
        let start = pin!(LazyConfigAcceptor::new(Acceptor::default(), Bounded::new(io))).await?;
        let host = host_for(&shared.table(), start.client_hello().server_name());
        let Some(host) = host else {
            return Err(refuse(start.io, Alert::UnrecognizedName, Failure::UnknownName).await);
        };
        let configuration = match self.configuration(&host) {
            Ok(configuration) => configuration,
            Err(unavailable) => {
                let alert = match unavailable {
                    Unavailable::NoCertificate => Alert::UnrecognizedName,
                    Unavailable::NoAuthorities => Alert::AccessDenied,
                };
                return Err(refuse(start.io, alert, Failure::Unavailable(unavailable)).await);
            }
        };
        // It has begun, as a request has with part of its head, and will present the chain.
        handle.set_activity(Activity::Head, Instant::now());
        handle.set_memory(HANDSHAKE_BYTES + configuration.chain_bytes);
        let config = configuration.server.clone();
        // This is what computes, for up to a millisecond. Handshakes take turns, and everything else
        // that is ready gets its own before the next.
        let turn = self.turn.acquire().await;
        let accept = start.into_stream_with(config, Configuration::prepare);
        yield_now().await;
        drop(turn);
        let stream = accept.await?;
        let session = session(host, stream.get_ref().1)?;
        Ok(Outcome::Tls(TlsStream::new(stream), session))
    }

    /// Counts a handshake that has ended after so long.
    pub(super) fn count(
        &self,
        client: SocketAddr,
        duration: Duration,
        result: &Result<Outcome, Failure>,
    ) {
        let (result, version) = match result {
            Ok(Outcome::Tls(_, session)) if session.is_resumed => {
                (HandshakeResult::Resumed, Some(session.version))
            }
            Ok(Outcome::Tls(_, session)) => (HandshakeResult::Full, Some(session.version)),
            Ok(Outcome::PlainHttp(_)) => (HandshakeResult::PlainHttp, None),
            Err(Failure::Unused) => return,
            Err(failure) => {
                tracing::debug!(client = %client.ip(), %failure, "a TLS handshake with a client failed");
                (failure.result(), None)
            }
        };
        self.stats.count(result, version, duration);
    }
}

impl Failure {
    fn result(&self) -> HandshakeResult {
        match self {
            Self::Unused | Self::Closed => HandshakeResult::Closed,
            Self::Timeout => HandshakeResult::Timeout,
            Self::GaveWay => HandshakeResult::GaveWay,
            Self::UnknownName => HandshakeResult::UnknownName,
            Self::Unavailable(_) => HandshakeResult::Unavailable,
            Self::ClientCertificate(_) => HandshakeResult::ClientCertificate,
            Self::Incompatible(_) => HandshakeResult::Incompatible,
            Self::Rejected(_) => HandshakeResult::Rejected,
            Self::Malformed(_) => HandshakeResult::Malformed,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidCertificate(_) | Error::NoCertificatesPresented => {
                Self::ClientCertificate(error)
            }
            Error::PeerIncompatible(_) | Error::NoApplicationProtocol => Self::Incompatible(error),
            Error::AlertReceived(_) => Self::Rejected(error),
            // Whatever else there is, and will be: rustls's enum is open.
            error => Self::Malformed(error),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        // Those of the socket itself are its end.
        match error.into_inner().map(<dyn std::error::Error + Send + Sync>::downcast::<Error>) {
            Some(Ok(error)) => (*error).into(),
            Some(Err(_)) | None => Self::Closed,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unused => "closed without a byte",
            Self::Closed => "closed by the client",
            Self::Timeout => "it took too long",
            Self::GaveWay => "it made way for another connection, or the process is shutting down",
            Self::UnknownName => "no host with TLS has the name that the client asks for",
            Self::Unavailable(Unavailable::NoCertificate) => "the host has no valid certificate",
            Self::Unavailable(Unavailable::NoAuthorities) => {
                "the host's authorities for client certificates are missing or invalid"
            }
            Self::ClientCertificate(error)
            | Self::Incompatible(error)
            | Self::Rejected(error)
            | Self::Malformed(error) => return error.fmt(f),
        })
    }
}

/// Whether the client's first byte begins an HTTP method. A TLS record begins with its type, 22 for
/// a handshake (RFC 8446 §5.1).
async fn is_plain_http(io: &TcpStream) -> Result<bool, Failure> {
    let mut first = [0];
    match io.peek(&mut first).await {
        Ok(0) | Err(_) => Err(Failure::Unused),
        Ok(_) => Ok(first[0].is_ascii_uppercase()),
    }
}

/// The host with TLS that a client asks for.
fn host_for(table: &Table, name: Option<&str>) -> Option<Arc<HostTls>> {
    // No entry but `*` has the empty name.
    let name = name.unwrap_or_default().to_ascii_lowercase();
    table.hosts.find_tls(name.strip_suffix('.').unwrap_or(&name)).cloned()
}

/// Ends a handshake with a fatal alert, in the clear, since there are no keys yet (RFC 8446 §5.1,
/// §6.2).
async fn refuse(mut io: Bounded, alert: Alert, failure: Failure) -> Failure {
    let record = [21, 3, 3, 0, 2, 2, alert as u8];
    // The client may have left.
    let _ = io.write_all(&record).await;
    let _ = io.shutdown().await;
    failure
}

/// What is known of the client once the handshake is complete.
fn session(host: Arc<HostTls>, connection: &ServerConnection) -> Result<Session, Failure> {
    let is_resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => TlsVersion::Tls13,
        // The only other one that is offered.
        Some(_) | None => TlsVersion::Tls12,
    };
    let too_long = Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure);
    let client = match connection.peer_certificates() {
        Some(presented) => Some(client_certificate::read(presented).ok_or(too_long)?),
        None => None,
    };
    Ok(Session { host, version, is_resumed, client })
}
