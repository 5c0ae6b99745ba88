//! The byte stream between a client's socket and hyper's parser. It follows heads and bodies, and
//! replaces a head that must not be served by a harmless one, which the pipeline then refuses;
//! hyper gets none of the client's bytes after that.

mod begun;
mod write;

pub(super) use begun::Begun;

use super::{
    buffers::BODY_READ_BYTES,
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
use tokio::io::{AsyncRead, ReadBuf};

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
    /// Whether what has arrived may begin HTTP/2.
    may_be_http_2: bool,
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
        let (at, scan) = (State::Head, HeadScan::default());
        Self { io, limits, state, at, scan, may_be_http_2: true, held, ready }
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

    /// Refuses what comes next, and serves nothing after it.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.state.refuse_head(refusal);
        self.at = State::Refused;
        self.hold(STAND_IN);
        self.ready = self.held.len();
    }

    /// Keeps bytes that can't be handed on yet.
    fn hold(&mut self, bytes: &[u8]) {
        let length = self.held.len() + bytes.len();
        if length > READ_BYTES {
            // A long head grows in even steps: doubling could take twice its size.
            let capacity = length.next_multiple_of(2 * READ_BYTES);
            self.held.reserve_exact(capacity - self.held.len());
        }
        self.held.extend_from_slice(bytes);
        self.account();
    }

    fn account(&self) {
        let capacity = self.held.capacity();
        if self.state.buffers.held.replace(capacity) != capacity {
            self.state.account();
        }
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
        // See `poll_some`.
        let here = self.ready.min(buf.remaining().saturating_sub(1).max(1));
        buf.put_slice(&self.held[..here]);
        self.held.drain(..here);
        self.ready -= here;
        if self.held.is_empty() {
            // An idle connection need not keep the allocation.
            self.held = Vec::new();
            self.account();
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
        self.account();
    }
}

impl<T: AsyncRead + Unpin> HeadGuard<T> {
    /// Reads into `held`; `false` at the end of the stream.
    fn poll_hold(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut piece = [0; READ_BYTES];
        let mut piece = ReadBuf::new(&mut piece);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut piece))?;
        self.hold(piece.filled());
        Poll::Ready(Ok(!piece.filled().is_empty()))
    }

    /// Reads while hyper has nothing to parse, until a head is complete or refused. The first bytes
    /// of a connection choose its protocol.
    pub(super) fn poll_parked(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Begun>> {
        loop {
            if self.state.head_expired.take() {
                self.head_timeout();
            }
            if self.ready > 0 {
                return Poll::Ready(Ok(Begun::Head));
            }
            if !ready!(self.poll_head(cx))? {
                return Poll::Ready(Ok(Begun::Closed));
            }
            if self.may_be_http_2 && begun::is_http_2(&self.held) {
                return Poll::Ready(Ok(Begun::Http2));
            }
        }
    }

    /// Continues an incomplete head; `false` if the client has closed in the middle of it, so that
    /// there is nothing to answer.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let more = ready!(self.poll_hold(cx))?;
        if more {
            self.may_be_http_2 &= begun::may_be_http_2(&self.held);
            if self.may_be_http_2 {
                self.state.mid_head.set(true);
            } else {
                self.follow_held();
            }
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
        let is_whole = matches!(self.at, State::Head | State::UpgradeOffered);
        if is_whole && self.state.is_busy() { Poll::Pending } else { Poll::Ready(()) }
    }

    /// Waits for the client to close while an upgrade is being decided. At most one piece of what
    /// it sends meanwhile is held.
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.held.is_empty() || ready!(self.poll_hold(cx))? {
            return Poll::Pending;
        }
        self.poll_end().map(Ok)
    }

    /// Reads directly into hyper's buffer; `true` if hyper can proceed, because bytes were handed
    /// on or the stream has ended.
    fn poll_direct(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        let (start, room) = (buf.filled().len(), buf.remaining());
        ready!(self.poll_some(cx, buf))?;
        if buf.filled().len() == start {
            return self.poll_end().map(|()| Ok(true));
        }
        let (mut keep, stop) = self.follow(&buf.filled()[start..]);
        if keep == room && matches!(self.at, State::Head) {
            // See `poll_some`. The last byte follows at the next read.
            keep -= 1;
            self.ready = 1;
        }
        let rest = &buf.filled()[start + keep..];
        match stop {
            None if rest.is_empty() => {}
            None => self.hold(rest),
            Some(Stop::Refuse(refusal)) => self.refuse(refusal),
            Some(Stop::Escape(length)) => {
                self.hold(rest);
                self.escape(length);
                self.follow_held();
            }
        }
        buf.set_filled(start + keep);
        Poll::Ready(Ok(keep > 0))
    }

    /// Reads, but does not fill a large buffer: hyper doubles the size of one that a read fills.
    fn poll_some(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let io = Pin::new(&mut self.io);
        if buf.remaining() < BODY_READ_BYTES {
            return io.poll_read(cx, buf);
        }
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(BODY_READ_BYTES - 1));
        ready!(io.poll_read(cx, &mut part))?;
        let length = part.filled().len();
        buf.advance(length);
        Poll::Ready(Ok(()))
    }

    /// Reads what hyper may have.
    fn poll_next(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.state.head_expired.take() {
                self.head_timeout();
            }
            if self.ready > 0 {
                self.deliver(buf);
                return Poll::Ready(Ok(()));
            }
            if self.state.read_closed.get() {
                return self.poll_end().map(Ok);
            }
            match (&self.at, self.state.upgrade.get()) {
                (State::Refused, _) => return Poll::Pending,
                (State::Broken, _) => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
                (State::UpgradeOffered, Upgrade::Offered) => return self.poll_closed(cx),
                (State::UpgradeOffered, Upgrade::Taken) => self.resume(State::Tunnel),
                (State::UpgradeOffered, Upgrade::None) => self.resume(State::Head),
                (State::Head, _) if !self.held.is_empty() => {
                    if !ready!(self.poll_head(cx))? {
                        return Poll::Ready(Ok(()));
                    }
                }
                (State::Head | State::Body(_) | State::Chunks(_) | State::Tunnel, _) => {
                    if ready!(self.poll_direct(cx, buf))? {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for HeadGuard<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.state.buffers.read_into.get() < buf.remaining() {
            this.state.buffers.read_into.set(buf.remaining());
            this.state.account();
        }
        let polled = this.poll_next(cx, buf);
        let is_between = matches!(this.at, State::Head) && this.held.is_empty();
        this.state.awaits_head.set(polled.is_pending() && is_between);
        polled
    }
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests;
