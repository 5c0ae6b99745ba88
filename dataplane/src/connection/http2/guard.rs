//! The byte stream below the HTTP/2 library: it leaves turns to other tasks, follows the frames both
//! ways, and closes without destroying what was written last.

use super::{
    super::rtt::RoundTrip,
    frames::{Budget, FrameScan},
    state::ConnState,
};
use bytes::{Buf, Bytes};
use std::{
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is read in one turn: about three thousand of the smallest frames, each of which is
/// handled as it is read.
const TURN_BYTES: usize = 32 * 1024;

/// The length of a client's preface (RFC 9113 §3.4).
const PREFACE_BYTES: usize = 24;

/// A client's byte stream.
pub(super) struct FrameGuard<T> {
    io: T,
    /// What was read before HTTP/2 was chosen.
    read: Bytes,
    state: Rc<ConnState>,
    /// How much may still be read in this turn.
    turn: usize,
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
            turn: TURN_BYTES,
            from_client: FrameScan::after(PREFACE_BYTES),
            to_client: FrameScan::after(0),
            budget,
            is_shut: false,
        }
    }

    /// Follows what the client has sent.
    fn note_read(&mut self, bytes: &[u8]) {
        let (budget, state) = (&mut self.budget, &self.state);
        self.turn = self.turn.saturating_sub(bytes.len());
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

    /// Ends the turn.
    fn rest<R>(&mut self, cx: &Context<'_>) -> Poll<R> {
        self.turn = TURN_BYTES;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for FrameGuard<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.turn == 0 || this.state.is_flooded.get() {
            return this.rest(cx);
        }
        let before = buf.filled().len();
        if this.read.is_empty() {
            let polled = Pin::new(&mut this.io).poll_read(cx, buf);
            if polled.is_pending() {
                this.turn = TURN_BYTES;
            }
            ready!(polled)?;
        } else {
            let here = this.read.len().min(buf.remaining());
            buf.put_slice(&this.read[..here]);
            this.read.advance(here);
            if this.read.is_empty() {
                this.read = Bytes::new();
            }
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
            ready!(Pin::new(&mut this.io).poll_read(cx, &mut sink))?;
            let read = sink.filled().len();
            if read == 0 {
                return Poll::Ready(Ok(()));
            }
            this.turn = this.turn.saturating_sub(read);
            if this.turn == 0 {
                return this.rest(cx);
            }
        }
    }
}
