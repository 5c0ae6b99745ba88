//! The byte stream between a client's socket and hyper's parser. It follows heads and bodies, and
//! swaps a head that must not be served for a harmless one whose refusal the pipeline then answers;
//! after that no byte of the client's reaches hyper any more.

use super::{
    chunks::ChunkScan,
    head::{Framing, HeadScan},
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

/// What hyper parses in place of a refused head.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nhost: <refused>\r\nconnection: close\r\n\r\n";

/// Its Host: none that a client could send and be served.
pub(crate) const STAND_IN_HOST: &[u8] = b"<refused>";

/// How much a head in pieces is read at a time.
const PIECE: usize = 4096;

/// An HTTP/1 connection's stream, watched.
#[derive(Debug)]
pub(crate) struct Guard<T> {
    io: T,
    limits: Arc<Limits>,
    state: Rc<ConnState>,
    at: At,
    scan: HeadScan,
    /// A head that is not whole, or bytes that hyper's buffer had no room for.
    held: Vec<u8>,
    /// How much of `held` may be handed on; the rest is a head in pieces.
    ready: usize,
}

#[derive(Debug)]
enum At {
    /// In or before a head.
    Head,
    /// In a body, with this many bytes to come.
    Body(u64),
    /// In a chunked body.
    Chunks(ChunkScan),
    /// Behind a head that offers an upgrade; nothing is read until it is decided.
    UpgradeOffered,
    /// Behind an upgrade: bytes of another protocol.
    Tunnel,
    /// Behind a refused head.
    Refused,
}

impl<T> Guard<T> {
    /// Watches `io`.
    pub(crate) fn new(io: T, limits: Arc<Limits>, state: Rc<ConnState>) -> Self {
        let (held, ready) = (Vec::new(), 0);
        Self { io, limits, state, at: At::Head, scan: HeadScan::default(), held, ready }
    }

    /// The stream itself, and bytes that were read from it and not handed on.
    pub(crate) fn into_parts(self) -> (T, Vec<u8>) {
        (self.io, self.held)
    }

    /// Gives up on the head that is on its way: it took too long.
    fn head_timeout(&mut self) {
        self.held.truncate(self.ready);
        self.refuse(Refusal::HeadTimeout);
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.state.refuse_head(refusal);
        self.state.mid_head.set(false);
        self.at = At::Refused;
        self.held.extend_from_slice(STAND_IN);
        self.ready = self.held.len();
    }

    /// How many of `bytes` may be handed on; the rest are a head that is not whole, or follow a
    /// refused one.
    fn follow(&mut self, bytes: &[u8]) -> io::Result<(usize, Option<Refusal>)> {
        let mut position = 0;
        while position < bytes.len() {
            let rest = &bytes[position..];
            match &mut self.at {
                At::Head => match self.scan.advance(rest, &self.limits) {
                    Err(refusal) => return Ok((position, Some(refusal))),
                    Ok(None) => {
                        self.state.mid_head.set(true);
                        return Ok((position, None));
                    }
                    Ok(Some(head)) => {
                        position += head.len;
                        self.scan = HeadScan::default();
                        self.state.mid_head.set(false);
                        self.at = self.after(head.framing, head.upgrade);
                    }
                },
                At::Body(left) => {
                    let here = (*left).min(rest.len() as u64);
                    *left -= here;
                    position += here as usize;
                    if *left == 0 {
                        self.at = At::Head;
                    }
                }
                At::Chunks(scan) => {
                    let (used, done) = scan.advance(rest).map_err(|_| {
                        io::Error::new(io::ErrorKind::InvalidData, "malformed chunked body")
                    })?;
                    position += used;
                    if done {
                        self.at = At::Head;
                    }
                }
                At::UpgradeOffered => return Ok((position, None)),
                At::Tunnel => return Ok((bytes.len(), None)),
                At::Refused => return Ok((position, None)),
            }
        }
        Ok((position, None))
    }

    fn after(&self, framing: Framing, upgrade: bool) -> At {
        match framing {
            Framing::Chunked => At::Chunks(ChunkScan::default()),
            Framing::Length(0) if upgrade => {
                self.state.upgrade.set(Upgrade::Offered);
                At::UpgradeOffered
            }
            Framing::Length(0) => At::Head,
            Framing::Length(length) => At::Body(length),
        }
    }

    /// Hands on what is held and ready.
    fn deliver(&mut self, buf: &mut ReadBuf<'_>) {
        let here = self.ready.min(buf.remaining());
        buf.put_slice(&self.held[..here]);
        self.held.drain(..here);
        self.ready -= here;
    }

    /// Looks again at held bytes after the place where they stand has changed.
    fn follow_held(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held);
        let followed = self.follow(&held);
        self.held = held;
        let (ready, refusal) = followed?;
        self.ready = ready;
        if let Some(refusal) = refusal {
            self.held.truncate(ready);
            self.refuse(refusal);
        }
        Ok(())
    }

    /// Whether an offered upgrade has been decided since, and the stream goes on.
    fn decide_upgrade(&mut self) -> io::Result<bool> {
        match self.state.upgrade.get() {
            Upgrade::Offered => return Ok(false),
            Upgrade::Taken => self.at = At::Tunnel,
            Upgrade::None => self.at = At::Head,
        }
        self.follow_held().map(|()| true)
    }
}

impl<T: AsyncRead + Unpin> Guard<T> {
    /// A head in pieces: goes on in a buffer of our own until it is whole or refused.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.ready == 0 {
            let mut piece = [0; PIECE];
            let mut piece = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut piece))?;
            if piece.filled().is_empty() {
                // The client has gone in the middle of a head: nothing to answer.
                self.held.clear();
                self.state.mid_head.set(false);
                return Poll::Ready(Ok(()));
            }
            self.held.extend_from_slice(piece.filled());
            self.follow_held()?;
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Guard<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.state.head_expired.take() {
            this.head_timeout();
        }
        if matches!(this.at, At::UpgradeOffered) && this.ready == 0 && !this.decide_upgrade()? {
            return Poll::Pending;
        }
        if this.ready > 0 {
            this.deliver(buf);
            return Poll::Ready(Ok(()));
        }
        if matches!(this.at, At::Refused) {
            return Poll::Pending;
        }
        if matches!(this.at, At::Head) && !this.held.is_empty() {
            ready!(this.poll_head(cx))?;
            this.deliver(buf);
            return Poll::Ready(Ok(()));
        }
        let start = buf.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
        if buf.filled().len() == start {
            return Poll::Ready(Ok(()));
        }
        let (keep, refusal) = this.follow(&buf.filled()[start..])?;
        this.held.extend_from_slice(&buf.filled()[start + keep..]);
        buf.set_filled(start + keep);
        if let Some(refusal) = refusal {
            this.held.clear();
            this.refuse(refusal);
        }
        if keep > 0 {
            return Poll::Ready(Ok(()));
        }
        if this.ready == 0 && matches!(this.at, At::Head) {
            ready!(this.poll_head(cx))?;
        }
        this.deliver(buf);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Guard<T> {
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
