//! A connection to a backend, in cleartext or over TLS.

use crate::endpoint::Socket;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

/// A connection to a backend.
#[derive(Debug)]
pub(crate) struct Stream(Io, Option<Socket>);

#[derive(Debug)]
enum Io {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// The same, counted as open until it is dropped.
    pub(super) fn counted(self, socket: Option<Socket>) -> Self {
        Self(self.0, socket)
    }

    /// Whether another worker waits for it to close.
    pub(super) fn is_wanted(&self) -> bool {
        self.1.as_ref().is_some_and(Socket::is_wanted)
    }

    /// Whether the backend has chosen HTTP/2 in the TLS handshake (RFC 7301).
    pub(super) fn has_chosen_http2(&self) -> bool {
        match &self.0 {
            Io::Tcp(_) => false,
            Io::Tls(io) => io.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(io: TcpStream) -> Self {
        Self(Io::Tcp(io), None)
    }
}

impl From<TlsStream<TcpStream>> for Stream {
    fn from(io: TlsStream<TcpStream>) -> Self {
        Self(Io::Tls(Box::new(io)), None)
    }
}

/// Delegates to whichever kind it is.
macro_rules! io {
    ($self:ident, $io:ident => $call:expr) => {
        match &mut $self.get_mut().0 {
            Io::Tcp($io) => {
                let $io = Pin::new($io);
                $call
            }
            Io::Tls($io) => {
                let $io = Pin::new($io.as_mut());
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        io!(self, io => io.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        io!(self, io => io.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        io!(self, io => io.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0 {
            Io::Tcp(io) => io.is_write_vectored(),
            Io::Tls(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        io!(self, io => io.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        io!(self, io => io.poll_shutdown(cx))
    }
}
