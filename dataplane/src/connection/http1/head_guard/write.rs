//! The way to the client, where bytes pass unchanged and are only counted.

use super::{super::super::rtt::RoundTrip, HeadGuard};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
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
        if written > 0 && (left > 0 || buffers.is_blocked.get()) {
            self.state.progresses();
        }
        self.state.set_unwritten(left);
        polled
    }
}

impl<T: AsyncWrite + RoundTrip + Unpin> HeadGuard<T> {
    /// Writes the interim responses that wait, before the bytes that hyper has `offered`. These begin
    /// a message: nothing of hyper's was waiting when the interim responses came.
    fn poll_interims(&mut self, cx: &mut Context<'_>, offered: usize) -> Poll<io::Result<()>> {
        let waiting = self.state.interims.len();
        if waiting == 0 {
            return Poll::Ready(Ok(()));
        }
        self.note_response();
        let polled = self.state.interims.poll_write(&mut self.io, cx);
        let left = self.state.interims.len();
        if left < waiting && self.state.buffers.is_blocked.get() {
            self.state.progresses();
        }
        self.state.set_unwritten(if left > 0 { left + offered } else { 0 });
        polled
    }
}

impl<T: AsyncWrite + RoundTrip + Unpin> AsyncWrite for HeadGuard<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_interims(cx, buf.len()))?;
        self.note_response();
        let polled = Pin::new(&mut self.io).poll_write(cx, buf);
        self.note_written(buf.len(), buf.len(), polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let total = bufs.iter().map(|buf| buf.len()).sum();
        ready!(self.poll_interims(cx, total))?;
        self.note_response();
        let polled = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.note_written(total, bufs.first().map_or(0, |buf| buf.len()), polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_interims(cx, 0))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
        self.state.is_shut.set(true);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::{
            state::ConnState,
            timers::{Timer, Timers},
        },
        *,
    };
    use crate::{config::Limits, proxy::Downstream};
    use std::{rc::Rc, sync::Arc, task::Waker, time::Duration};

    /// A client that reads byte by byte.
    struct Slow;

    impl RoundTrip for Slow {
        fn round_trip(&self) -> Option<Duration> {
            None
        }
    }

    impl AsyncWrite for Slow {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(buf.len().min(1)))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_client_that_keeps_reading_has_its_time_anew() {
        let idle = Duration::from_millis(600);
        let limits = Arc::new(Limits { idle_timeout: idle, ..Limits::default() });
        // In the middle of a response, and when only its end is left to write.
        for has_ended in [false, true] {
            let state = Rc::new(ConnState::alone(idle));
            let mut guard = HeadGuard::new(Slow, limits.clone(), state.clone());
            let mut timers = Timers::new(&state, &limits);
            let mut cx = Context::from_waker(Waker::noop());
            state.begin();
            state.request.response_idle.set(Some(idle));
            if has_ended {
                state.end();
            }
            for _ in 0..6 {
                state.begin_poll(Waker::noop());
                assert!(Pin::new(&mut guard).poll_write(&mut cx, b"rest").is_ready());
                assert_ne!(timers.poll(&mut cx), Timer::Over, "{has_ended}");
                tokio::time::sleep(idle / 3).await;
            }
            // It has stopped.
            let mut fired = Vec::new();
            for _ in 0..2 {
                tokio::time::sleep(idle).await;
                state.begin_poll(Waker::noop());
                fired.push(timers.poll(&mut cx));
            }
            assert!(fired.contains(&Timer::Over), "{has_ended}: {fired:?}");
        }
    }
}
