//! The stream of a WebSocket (RFC 8441) as one of bytes.

use super::stream::Stream;
use crate::upstream::{end_data, poll_read_data, poll_write_data};
use bytes::Bytes;
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
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, read, .. } = self.get_mut();
        poll_read_data(read, buf, || stream.poll_body(cx))
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let here = ready!(poll_write_data(&mut self.sender.borrow_mut(), cx, buf))?;
        self.stream.hand_on(here);
        Poll::Ready(Ok(here))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(end_data(&mut self.sender.borrow_mut()))
    }
}
