//! A stream that leaves turns to other tasks. It also notes what h2 does not pass on: of an error, and
//! of the backend's first SETTINGS.

use super::{super::tls_failure::TlsFailure, Refused, settings::SettingsScan};
use crate::run_queue::ReadTurn;
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream of which only so much is read in one turn.
pub(super) struct Paced<T> {
    io: T,
    turn: ReadTurn,
    refused: Refused,
    settings: SettingsScan,
}

impl<T> Paced<T> {
    pub(super) fn new(io: T, refused: Refused, settings: SettingsScan) -> Self {
        Self { io, turn: ReadTurn::default(), refused, settings }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Paced<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buf.filled().len();
        let polled = this.turn.poll_read(&mut this.io, cx, buf);
        if let Poll::Ready(Err(error)) = &polled {
            this.refused.set(TlsFailure::of_refused_certificate(error));
        }
        this.settings.advance(&buf.filled()[before..]);
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Paced<T> {
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
        bufs: &[io::IoSlice<'_>],
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
