//! A bound on what a client may send before its handshake is complete, all of which rustls may have
//! to hold.

use super::super::rtt::RoundTrip;
use rustls::Error;
use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// More than a ClientHello with a large session ticket, and a chain of certificates.
pub(super) const MAX_HANDSHAKE_BYTES: usize = 32 * 1024;

/// A socket of which no more than a handshake may be read yet.
#[derive(Debug)]
pub(super) struct Bounded {
    io: TcpStream,
    /// How much more may be read; `None` after the handshake.
    left: Option<usize>,
}

impl Bounded {
    /// Before the handshake.
    pub(super) fn new(io: TcpStream) -> Self {
        Self { io, left: Some(MAX_HANDSHAKE_BYTES) }
    }

    /// The handshake is complete.
    pub(super) fn lift(&mut self) {
        self.left = None;
    }
}

impl RoundTrip for Bounded {
    fn round_trip(&self) -> Option<Duration> {
        self.io.round_trip()
    }
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == Some(0) {
            let error = Error::General("the handshake is too long".to_owned());
            return Poll::Ready(Err(io::Error::other(error)));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        let read = buf.filled().len() - before;
        self.left = self.left.map(|left| left.saturating_sub(read));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
