//! The way to the client, where bytes pass unchanged and are only counted.

use super::{super::super::rtt::RoundTrip, HeadGuard};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::AsyncWrite;

impl<T: RoundTrip> HeadGuard<T> {
    /// Called when a response, or part of one, is about to be written.
    fn note_response(&self) {
        self.state.saved_trips.flush(self.state.request.deadline.now(), &self.io);
        if self.state.read_closed.get() {
            self.state.writes.set(self.state.writes.get() + 1);
        }
    }

    /// Called when hyper has written some of the `total` bytes that it has, of which `first` are
    /// from one piece.
    fn note_written(
        &self,
        total: usize,
        first: usize,
        polled: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let written = match &polled {
            Poll::Ready(Ok(written)) => *written,
            Poll::Ready(Err(_)) | Poll::Pending => 0,
        };
        let buffers = &self.state.buffers;
        // A response begins with the buffer for heads.
        if self.state.starts_response.take() && first > buffers.head.get() {
            buffers.head.set(first);
        }
        let left = total - written;
        if left > 0 && written > 0 {
            self.state.progresses.set(true);
        }
        self.state.set_unwritten(left);
        polled
    }
}

impl<T: AsyncWrite + RoundTrip + Unpin> AsyncWrite for HeadGuard<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.note_response();
        let polled = Pin::new(&mut self.io).poll_write(cx, buf);
        self.note_written(buf.len(), buf.len(), polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.note_response();
        let polled = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        let total = bufs.iter().map(|buf| buf.len()).sum();
        self.note_written(total, bufs.first().map_or(0, |buf| buf.len()), polled)
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
