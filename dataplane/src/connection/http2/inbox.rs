//! A request's body as it arrives. It is read at once, whether or not the backend takes it: the
//! library counts small frames that wait, and ends a connection that has too many. Read ahead they
//! take no more than their bytes, and of these the client sends more only as the backend takes them.

use super::{head::has_outer_space, windows::MIN_STREAM_WINDOW};
use crate::request::{BodyError, BoxError, Pace};
use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use http::HeaderMap;
use hyper::body::Frame;
use std::{
    task::{Context, Poll},
    time::Instant,
};

/// How much is handed on at once: whoever sends it to the backend holds a piece beside what is
/// accounted for here, whatever the window.
const MAX_PIECE_BYTES: usize = MIN_STREAM_WINDOW as usize;

/// What has arrived of a body and waits for the backend.
pub(super) struct Inbox {
    stream: RecvStream,
    data: BytesMut,
    end: End,
    /// How fast it is taken.
    pace: Pace,
    /// The length of what has not been taken, if the head tells.
    left: Option<u64>,
}

/// How far the body has arrived.
enum End {
    /// More data may follow.
    Data,
    /// Only trailers may.
    Trailers,
    /// It is whole.
    Whole(Option<HeaderMap>),
    /// It was cut off.
    Broken,
}

impl Inbox {
    /// A body of which nothing has been read, of this length if that is known.
    pub(super) fn new(stream: RecvStream, length: Option<u64>, now: Instant) -> Self {
        let is_whole = stream.is_end_stream();
        let (end, left) = if is_whole { (End::Whole(None), Some(0)) } else { (End::Data, length) };
        Self { stream, data: BytesMut::new(), end, pace: Pace::new(now), left }
    }

    /// Reads what has arrived; the task is woken when there is more. Returns how much was read.
    pub(super) fn read(&mut self, cx: &mut Context<'_>) -> usize {
        let before = self.data.len();
        loop {
            self.end = match self.end {
                End::Data => match self.stream.poll_data(cx) {
                    Poll::Pending => break,
                    Poll::Ready(Some(Ok(data))) => {
                        self.data.extend_from_slice(&data);
                        if self.stream.is_end_stream() { End::Whole(None) } else { End::Data }
                    }
                    // A reset without an error is no end either.
                    Poll::Ready(Some(Err(_))) => End::Broken,
                    Poll::Ready(None) => End::Trailers,
                },
                End::Trailers => match self.stream.poll_trailers(cx) {
                    Poll::Pending => break,
                    Poll::Ready(Ok(trailers)) => End::Whole(trailers),
                    Poll::Ready(Err(_)) => End::Broken,
                },
                End::Whole(_) | End::Broken => break,
            };
        }
        self.data.len() - before
    }

    /// Takes what has been read, as far as it is a piece, and lets the client send as much again.
    fn take(&mut self) -> Bytes {
        let length = self.data.len().min(MAX_PIECE_BYTES);
        let data = self.data.split_to(length).freeze();
        // An error is a stream that has ended, of which no more will be sent.
        let _ = self.stream.flow_control().release_capacity(data.len());
        self.pace.read(data.len());
        self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
        data
    }

    /// The next frame.
    pub(super) fn next(&mut self) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if !self.data.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(self.take()))));
        }
        match &mut self.end {
            End::Data | End::Trailers => Poll::Pending,
            End::Whole(trailers) => Poll::Ready(trailers.take().map(|trailers| {
                match trailers.values().any(has_outer_space) {
                    true => Err(BodyError.into()),
                    false => Ok(Frame::trailers(trailers)),
                }
            })),
            End::Broken => Poll::Ready(Some(Err(BodyError.into()))),
        }
    }

    /// The length of what has not been taken, if the head tells.
    pub(super) fn left(&self) -> Option<u64> {
        self.left
    }

    /// Whether more of it may arrive.
    pub(super) fn is_arriving(&self) -> bool {
        matches!(self.end, End::Data | End::Trailers)
    }

    /// The backend waits for more: whether it has taken it fast.
    pub(super) fn is_fast(&mut self, now: Instant) -> bool {
        self.pace.is_fast(now)
    }

    /// How many bytes wait.
    pub(super) fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether everything has been taken.
    pub(super) fn is_end_stream(&self) -> bool {
        self.data.is_empty() && matches!(self.end, End::Whole(None))
    }
}
