//! A stream of HTTP/2, from either end, as one of bytes.

use crate::request::BoxError;
use bytes::{Buf, Bytes};
use h2::SendStream;
use hyper::body::Frame;
use std::{
    io,
    task::{Context, Poll, ready},
};
use tokio::io::ReadBuf;

/// Reads from the data of a stream, of which `held` has been taken and not read, and `next` is what
/// follows.
pub(crate) fn poll_read_data(
    held: &mut Bytes,
    buf: &mut ReadBuf<'_>,
    mut next: impl FnMut() -> Poll<Option<Result<Frame<Bytes>, BoxError>>>,
) -> Poll<io::Result<()>> {
    while held.is_empty() {
        match ready!(next()) {
            Some(Ok(frame)) => *held = frame.into_data().unwrap_or_default(),
            Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
            None => return Poll::Ready(Ok(())),
        }
    }
    let here = held.len().min(buf.remaining());
    buf.put_slice(&held[..here]);
    held.advance(here);
    Poll::Ready(Ok(()))
}

/// Sends as much of `buf` as the peer has room for; returns how much that is.
pub(crate) fn poll_write_data(
    stream: &mut SendStream<Bytes>,
    cx: &mut Context<'_>,
    buf: &[u8],
) -> Poll<io::Result<usize>> {
    stream.reserve_capacity(buf.len());
    while stream.capacity() == 0 {
        match ready!(stream.poll_capacity(cx)) {
            Some(Ok(_)) => {}
            Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
            None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }
    let here = buf.len().min(stream.capacity());
    let piece = Bytes::copy_from_slice(&buf[..here]);
    stream.send_data(piece, false).map_err(io::Error::other)?;
    Poll::Ready(Ok(here))
}

/// Says that nothing more is sent.
pub(crate) fn end_data(stream: &mut SendStream<Bytes>) -> io::Result<()> {
    stream.send_data(Bytes::new(), true).map_err(io::Error::other)
}
