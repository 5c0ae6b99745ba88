//! The byte stream below the HTTP/2 library: it leaves turns to other tasks, follows the frames both
//! ways, and closes without destroying what was written last.

use super::{
    super::rtt::RoundTrip,
    frames::{Budget, FrameScan},
    state::ConnState,
};
use crate::run_queue::ReadTurn;
use bytes::Bytes;
use std::{
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The length of a client's preface (RFC 9113 §3.4).
const PREFACE_BYTES: usize = 24;

/// A client's byte stream.
pub(super) struct FrameGuard<T> {
    io: T,
    /// What was read before HTTP/2 was chosen.
    read: Bytes,
    state: Rc<ConnState>,
    turn: ReadTurn,
    from_client: FrameScan,
    to_client: FrameScan,
    budget: Budget,
    is_shut: bool,
}

impl<T> FrameGuard<T> {
    /// The stream of a connection that begins with what was `read` from it.
    pub(super) fn new(io: T, read: Bytes, state: Rc<ConnState>) -> Self {
        let budget = Budget::full(state.deadline.now());
        Self {
            io,
            read,
            state,
            turn: ReadTurn::default(),
            from_client: FrameScan::after(PREFACE_BYTES),
            to_client: FrameScan::after(0),
            budget,
            is_shut: false,
        }
    }

    /// Follows what the client has sent.
    fn note_read(&mut self, bytes: &[u8]) {
        let (budget, state) = (&mut self.budget, &self.state);
        self.from_client.advance(bytes, |frame| {
            if frame.is_overhead() && !budget.spend(state.deadline.now()) {
                state.is_flooded.set(true);
            }
            if frame.is_reset() {
                state.unsent.end(frame.stream);
            }
        });
        state.is_in_head.set(self.from_client.is_in_block());
    }

    /// Follows what the client is sent.
    fn note_written(&mut self, bytes: &[u8]) {
        let (budget, state) = (&mut self.budget, &self.state);
        self.to_client.advance(bytes, |frame| {
            // What resets a stream here was sent by the client, too.
            if frame.is_reset() && !budget.spend(state.deadline.now()) {
                state.is_flooded.set(true);
            } else if frame.is_message() {
                budget.earn(frame);
                state.wrote.set(true);
            }
            state.unsent.written(frame);
        });
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for FrameGuard<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.state.is_flooded.get() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        if this.read.is_empty() {
            ready!(this.turn.poll_read(&mut this.io, cx, buf))?;
        } else {
            let mut rest = &this.read[..];
            let polled = this.turn.poll_read(&mut rest, cx, buf);
            let left = rest.len();
            this.read = this.read.split_off(this.read.len() - left);
            ready!(polled)?;
        }
        this.note_read(&buf.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + RoundTrip + Unpin> AsyncWrite for FrameGuard<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.state.saved_trips.flush(self.state.deadline.now(), &self.io);
        let polled = Pin::new(&mut self.io).poll_write(cx, buf);
        self.state.is_blocked.set(polled.is_pending());
        let written = ready!(polled)?;
        self.note_written(&buf[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.state.saved_trips.flush(self.state.deadline.now(), &self.io);
        let polled = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.state.is_blocked.set(polled.is_pending());
        let written = ready!(polled)?;
        let mut left = written;
        for buf in bufs {
            let here = left.min(buf.len());
            self.note_written(&buf[..here]);
            left -= here;
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Closes the stream. What the client is still sending is read and dropped until it closes too,
    /// or a reset could destroy what it has not read yet.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.state.is_closing.set(true);
        if !this.is_shut {
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
            this.is_shut = true;
        }
        let mut sink = [0; 4096];
        loop {
            let mut sink = ReadBuf::new(&mut sink);
            ready!(this.turn.poll_read(&mut this.io, cx, &mut sink))?;
            if sink.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
