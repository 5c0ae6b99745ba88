//! A stream that leaves turns to other tasks: HTTP/2 frames are handled as fast as they arrive, and
//! nothing else would end a poll while more of them wait. It also notes what h2 does not pass on: of
//! an error, and of the backend's first SETTINGS.

use super::{super::tls_failure::TlsFailure, Refused, settings::SettingsScan};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is read in one turn: about three thousand of the smallest frames.
const TURN_BYTES: usize = 32 * 1024;

/// A stream of which only so much is read in one turn.
pub(super) struct Paced<T> {
    io: T,
    left: usize,
    refused: Refused,
    settings: SettingsScan,
}

impl<T> Paced<T> {
    pub(super) fn new(io: T, refused: Refused, settings: SettingsScan) -> Self {
        Self { io, left: TURN_BYTES, refused, settings }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Paced<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            self.left = TURN_BYTES;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        if let Poll::Ready(Err(error)) = &polled {
            self.refused.set(TlsFailure::of_refused_certificate(error));
        }
        self.settings.advance(&buf.filled()[before..]);
        self.left = match polled {
            Poll::Pending => TURN_BYTES,
            Poll::Ready(_) => self.left.saturating_sub(buf.filled().len() - before),
        };
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::future::{Future, poll_fn};
    use std::{pin::pin, rc::Rc};
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn a_stream_that_always_has_more_is_left_now_and_then() {
        let mut paced =
            Paced::new(tokio::io::repeat(0), Refused::default(), SettingsScan::new(Rc::default()));
        let (mut turns, mut buffer) = (0, [0; 1000]);
        let total = poll_fn(|cx| {
            turns += 1;
            let mut read = 0;
            while let Poll::Ready(more) = pin!(paced.read(&mut buffer)).poll(cx) {
                read += more.unwrap();
            }
            assert!(read <= TURN_BYTES + buffer.len());
            if turns == 3 { Poll::Ready(read) } else { Poll::Pending }
        });
        assert!(total.await >= TURN_BYTES);
    }
}
