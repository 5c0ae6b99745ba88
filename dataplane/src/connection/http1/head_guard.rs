//! The byte stream between a client's socket and hyper's parser. It follows heads and bodies, and
//! replaces a head that must not be served by a harmless one, which the pipeline then refuses;
//! hyper gets none of the client's bytes after that.

use super::{
    super::rtt::RoundTrip,
    chunks::{ChunkScan, Progress},
    head::{Framing, HeadScan, escape_query},
    state::{ConnState, Upgrade},
};
use crate::{config::Limits, refusal::Refusal};
use std::{
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The head that hyper parses in place of a refused one.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nhost: <refused>\r\nconnection: close\r\n\r\n";

/// How much is read at a time while a head is incomplete.
const READ_BYTES: usize = 4096;

/// An HTTP/1 connection's stream with the guard's state.
#[derive(Debug)]
pub(super) struct HeadGuard<T> {
    io: T,
    limits: Arc<Limits>,
    state: Rc<ConnState>,
    at: State,
    scan: HeadScan,
    /// An incomplete head, or bytes that did not fit hyper's buffer.
    held: Vec<u8>,
    /// How much of `held` may be handed on; the rest is an incomplete head.
    ready: usize,
}

#[derive(Debug)]
enum State {
    /// In or before a head.
    Head,
    /// In a body, with this many bytes left.
    Body(u64),
    /// In a chunked body.
    Chunks(ChunkScan),
    /// After a head that offers an upgrade; nothing is handed on until it is decided.
    UpgradeOffered,
    /// After an upgrade: bytes of another protocol.
    Tunnel,
    /// After a refused head.
    Refused,
    /// In a malformed body, whose end is unknown.
    Broken,
}

/// Why bytes can't be handed on unchanged.
enum Stop {
    /// The next head must not be served.
    Refuse(Refusal),
    /// The next head has this length, and its query must be escaped.
    Escape(usize),
}

impl<T> HeadGuard<T> {
    /// Guards `io`.
    pub(super) fn new(io: T, limits: Arc<Limits>, state: Rc<ConnState>) -> Self {
        let (held, ready) = (Vec::new(), 0);
        Self { io, limits, state, at: State::Head, scan: HeadScan::default(), held, ready }
    }

    /// Whether the client may still be sending bytes that nobody will read.
    pub(super) fn has_unread(&self) -> bool {
        match self.at {
            State::Head | State::UpgradeOffered => !self.held.is_empty(),
            State::Body(_) | State::Chunks(_) | State::Refused | State::Broken => true,
            State::Tunnel => false,
        }
    }

    /// The stream, and bytes read from it but not handed on.
    pub(super) fn into_parts(self) -> (T, Vec<u8>) {
        (self.io, self.held)
    }

    /// Refuses the incomplete head: it took too long.
    fn head_timeout(&mut self) {
        self.held.truncate(self.ready);
        self.refuse(Refusal::HeadTimeout);
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.state.refuse_head(refusal);
        self.state.mid_head.set(false);
        self.at = State::Refused;
        self.held.extend_from_slice(STAND_IN);
        self.ready = self.held.len();
    }

    /// How many of `bytes` may be handed on; the rest are an incomplete head, or follow something
    /// that must not be served.
    fn follow(&mut self, bytes: &[u8]) -> (usize, Option<Stop>) {
        let mut position = 0;
        while position < bytes.len() {
            let rest = &bytes[position..];
            match &mut self.at {
                State::Head => match self.scan.advance(rest, &self.limits) {
                    Err(refusal) => return (position, Some(Stop::Refuse(refusal))),
                    Ok(None) => {
                        self.state.mid_head.set(self.scan.has_begun(rest));
                        return (position, None);
                    }
                    Ok(Some(head)) => {
                        self.scan = HeadScan::default();
                        self.state.head_ends();
                        self.at = self.state_after(head.framing, head.upgrade);
                        if head.escape {
                            return (position, Some(Stop::Escape(head.len)));
                        }
                        position += head.len;
                    }
                },
                State::Body(left) => {
                    let here = (*left).min(rest.len() as u64);
                    *left -= here;
                    position += here as usize;
                    if *left == 0 {
                        self.at = State::Head;
                    }
                }
                State::Chunks(scan) => {
                    let (used, progress) = scan.advance(rest);
                    position += used;
                    match progress {
                        Progress::Part => {}
                        Progress::End => self.at = State::Head,
                        Progress::Malformed => self.at = State::Broken,
                    }
                }
                State::Tunnel => return (bytes.len(), None),
                State::UpgradeOffered | State::Refused | State::Broken => return (position, None),
            }
        }
        (position, None)
    }

    fn state_after(&self, framing: Framing, upgrade: bool) -> State {
        match framing {
            Framing::Chunked => State::Chunks(ChunkScan::default()),
            Framing::Length(0) if upgrade => {
                self.state.upgrade.set(Upgrade::Offered);
                State::UpgradeOffered
            }
            Framing::Length(0) => State::Head,
            Framing::Length(length) => State::Body(length),
        }
    }

    /// Hands on held bytes that are ready.
    fn deliver(&mut self, buf: &mut ReadBuf<'_>) {
        let here = self.ready.min(buf.remaining());
        buf.put_slice(&self.held[..here]);
        self.held.drain(..here);
        self.ready -= here;
        if self.held.is_empty() {
            // An idle connection need not keep the allocation.
            self.held = Vec::new();
        }
    }

    /// An upgrade has been decided: handles held bytes accordingly.
    fn resume(&mut self, at: State) {
        self.at = at;
        self.follow_held();
    }

    /// Scans held bytes again after more have arrived, or after the state has changed.
    fn follow_held(&mut self) {
        loop {
            let held = std::mem::take(&mut self.held);
            let (more, stop) = self.follow(&held[self.ready..]);
            self.held = held;
            self.ready += more;
            match stop {
                None => return,
                Some(Stop::Escape(length)) => self.escape(length),
                Some(Stop::Refuse(refusal)) => {
                    self.held.truncate(self.ready);
                    return self.refuse(refusal);
                }
            }
        }
    }

    /// Escapes the query of the next held head, and marks the head as ready.
    fn escape(&mut self, length: usize) {
        let head = self.ready..self.ready + length;
        let escaped = escape_query(&self.held[head.clone()]);
        self.ready += escaped.len();
        self.held.splice(head, escaped);
    }
}

impl<T: AsyncRead + Unpin> HeadGuard<T> {
    /// Reads into `held`; `false` at the end of the stream.
    fn poll_hold(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut piece = [0; READ_BYTES];
        let mut piece = ReadBuf::new(&mut piece);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut piece))?;
        self.held.extend_from_slice(piece.filled());
        Poll::Ready(Ok(!piece.filled().is_empty()))
    }

    /// Continues an incomplete head; `false` if the client has closed in the middle of it, so that
    /// there is nothing to answer.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let more = ready!(self.poll_hold(cx))?;
        if more {
            self.follow_held();
            return Poll::Ready(Ok(true));
        }
        self.held.clear();
        self.state.mid_head.set(false);
        self.poll_end().map(|()| Ok(false))
    }

    /// The client has closed its sending side. A response that it is still owed comes first: hyper
    /// would abandon its request.
    fn poll_end(&self) -> Poll<()> {
        self.state.read_closed.set(true);
        let is_owed = matches!(self.at, State::Head) && self.state.is_busy();
        if is_owed { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Waits for the client to close while an upgrade is being decided. At most one piece of what
    /// it sends meanwhile is held.
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.held.is_empty() || ready!(self.poll_hold(cx))? {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    /// Reads directly into hyper's buffer; `true` if hyper can proceed, because bytes were handed
    /// on or the stream has ended.
    fn poll_direct(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        let start = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        if buf.filled().len() == start {
            return self.poll_end().map(|()| Ok(true));
        }
        let (keep, stop) = self.follow(&buf.filled()[start..]);
        let rest = &buf.filled()[start + keep..];
        match stop {
            None => self.held.extend_from_slice(rest),
            Some(Stop::Refuse(refusal)) => self.refuse(refusal),
            Some(Stop::Escape(length)) => {
                self.held.extend_from_slice(rest);
                self.escape(length);
                self.follow_held();
            }
        }
        buf.set_filled(start + keep);
        Poll::Ready(Ok(keep > 0))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for HeadGuard<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.state.head_expired.take() {
                this.head_timeout();
            }
            if this.ready > 0 {
                this.deliver(buf);
                return Poll::Ready(Ok(()));
            }
            if this.state.read_closed.get() {
                return this.poll_end().map(Ok);
            }
            match (&this.at, this.state.upgrade.get()) {
                (State::Refused, _) => return Poll::Pending,
                (State::Broken, _) => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
                (State::UpgradeOffered, Upgrade::Offered) => return this.poll_closed(cx),
                (State::UpgradeOffered, Upgrade::Taken) => this.resume(State::Tunnel),
                (State::UpgradeOffered, Upgrade::None) => this.resume(State::Head),
                (State::Head, _) if !this.held.is_empty() => {
                    if !ready!(this.poll_head(cx))? {
                        return Poll::Ready(Ok(()));
                    }
                }
                (State::Head | State::Body(_) | State::Chunks(_) | State::Tunnel, _) => {
                    if ready!(this.poll_direct(cx, buf))? {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}

impl<T: RoundTrip> HeadGuard<T> {
    /// Called when a response, or part of one, is written.
    fn note_response(&self) {
        self.state.saved_trips.flush(self.state.request.deadline.now(), &self.io);
        if self.state.read_closed.get() {
            self.state.writes.set(self.state.writes.get() + 1);
        }
    }
}

impl<T: AsyncWrite + RoundTrip + Unpin> AsyncWrite for HeadGuard<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.note_response();
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.note_response();
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
#[allow(clippy::panic)]
mod tests;
