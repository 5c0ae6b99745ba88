//! The stream of a WebSocket (RFC 8441) as one of bytes.

use super::stream::Stream;
use bytes::{Buf, Bytes};
use h2::SendStream;
use std::{
    cell::RefCell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A request's stream after its head, and its response's.
pub(super) struct Tunnel {
    stream: Rc<Stream>,
    sender: Rc<RefCell<SendStream<Bytes>>>,
    /// What has been taken from the stream and not read.
    read: Bytes,
}

impl Tunnel {
    /// What follows both heads.
    pub(super) fn new(stream: Rc<Stream>, sender: Rc<RefCell<SendStream<Bytes>>>) -> Self {
        Self { stream, sender, read: Bytes::new() }
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.read.is_empty() {
            match ready!(self.stream.poll_body(cx)) {
                Some(Ok(frame)) => self.read = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let here = self.read.len().min(buf.remaining());
        buf.put_slice(&self.read[..here]);
        self.read.advance(here);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut sender = self.sender.borrow_mut();
        sender.reserve_capacity(buf.len());
        while sender.capacity() == 0 {
            match ready!(sender.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        let here = buf.len().min(sender.capacity());
        let piece = Bytes::copy_from_slice(&buf[..here]);
        sender.send_data(piece, false).map_err(io::Error::other)?;
        self.stream.hand_on(here);
        Poll::Ready(Ok(here))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(
            self.sender.borrow_mut().send_data(Bytes::new(), true).map_err(io::Error::other),
        )
    }
}
