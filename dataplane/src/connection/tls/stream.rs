//! The stream of a TLS connection.

use super::{super::rtt::RoundTrip, bounded::Bounded, settings::HTTP_2};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server;

/// An established TLS connection, as a stream that behaves like a TCP stream: what it has taken, the
/// socket has taken, and the end of the one is the end of the other.
#[derive(Debug)]
pub(super) struct TlsStream {
    /// Boxed because it is large, and moves.
    io: Box<server::TlsStream<Bounded>>,
    /// How many bytes of the current write have been encrypted.
    encrypted: usize,
}

impl TlsStream {
    /// After the handshake.
    pub(super) fn new(mut io: server::TlsStream<Bounded>) -> Self {
        io.get_mut().0.lift();
        Self { io: Box::new(io), encrypted: 0 }
    }

    /// Whether the client has chosen HTTP/2.
    pub(super) fn is_http_2(&self) -> bool {
        self.io.get_ref().1.alpn_protocol() == Some(HTTP_2)
    }

    fn io(&mut self) -> Pin<&mut server::TlsStream<Bounded>> {
        Pin::new(&mut *self.io)
    }

    /// Completes a write: encrypts what `write` does unless that has been done before, and counts it
    /// only once the socket has taken all of it. So nobody takes for sent what a client does not
    /// read. The caller offers the same bytes again, as for any write that is pending.
    fn poll_written(
        &mut self,
        cx: &mut Context<'_>,
        offered: usize,
        write: impl FnOnce(
            Pin<&mut server::TlsStream<Bounded>>,
            &mut Context<'_>,
        ) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if self.encrypted == 0 {
            self.encrypted = ready!(write(self.io(), cx))?;
        }
        ready!(self.io().poll_flush(cx))?;
        Poll::Ready(Ok(std::mem::take(&mut self.encrypted).min(offered)))
    }
}

impl RoundTrip for TlsStream {
    fn round_trip(&self) -> Option<Duration> {
        self.io.get_ref().0.round_trip()
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.io.get_ref().1.wants_write()
            && let Poll::Ready(Err(error)) = self.io().poll_flush(cx)
        {
            // TLS itself has something to say, for example new keys (RFC 8446 §4.6.3).
            return Poll::Ready(Err(error));
        }
        match ready!(self.io().poll_read(cx, buf)) {
            // Many clients close without saying so in TLS. HTTP's messages say themselves where they
            // end, so that nothing can be cut short unnoticed (RFC 9112 §9.8).
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            read => Poll::Ready(read),
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_written(cx, buf.len(), |io, cx| io.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered = bufs.iter().map(|buf| buf.len()).sum();
        self.poll_written(cx, offered, |io, cx| io.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_flush(cx)
    }

    /// Sends close_notify (RFC 8446 §6.1) and closes the sending side.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_shutdown(cx)
    }
}
