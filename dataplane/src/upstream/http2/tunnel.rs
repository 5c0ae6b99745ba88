//! The stream of a WebSocket to a backend (RFC 8441 §5).

use super::{
    Http2,
    io::{end_data, poll_read_data, poll_write_data},
    read_ahead::ReadAhead,
};
use bytes::Bytes;
use h2::{RecvStream, SendStream};
use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream after both heads. One that is dropped before its ends is reset.
pub(in super::super) struct Tunnel {
    outgoing: SendStream<Bytes>,
    incoming: ReadAhead,
    /// What has been taken from the stream and not read.
    held: Bytes,
    /// Its place on the connection.
    _place: Http2,
}

impl Tunnel {
    pub(super) fn new(outgoing: SendStream<Bytes>, incoming: RecvStream, place: Http2) -> Self {
        let incoming = ReadAhead::of_tunnel(incoming, &place.0.arriving);
        Self { outgoing, incoming, held: Bytes::new(), _place: place }
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tunnel").field("outgoing", &self.outgoing).finish_non_exhaustive()
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { incoming, held, .. } = self.get_mut();
        poll_read_data(held, buf, || incoming.poll_frame(cx))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        poll_write_data(&mut self.outgoing, cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(end_data(&mut self.outgoing))
    }
}
