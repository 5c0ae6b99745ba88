//! A request's body as it arrives. It is read at once, whether or not the backend takes it: the
//! library counts small frames that wait, and ends a connection that has too many. Read ahead they
//! take no more than their bytes, and of these the client sends more only as the backend takes them.

use super::stream::Stream;
use crate::request::{BodyError, BoxError};
use bytes::{Bytes, BytesMut};
use h2::RecvStream;
use http::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};
use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// What has arrived of a body and waits for the backend.
pub(super) struct Inbox {
    stream: RecvStream,
    data: BytesMut,
    end: End,
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
    pub(super) fn new(stream: RecvStream, length: Option<u64>) -> Self {
        let is_whole = stream.is_end_stream();
        let (end, left) = if is_whole { (End::Whole(None), Some(0)) } else { (End::Data, length) };
        Self { stream, data: BytesMut::new(), end, left }
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

    /// Takes everything that has been read, and lets the client send as much again.
    fn take(&mut self) -> Bytes {
        let data = self.data.split().freeze();
        // An error is a stream that has ended, of which no more will be sent.
        let _ = self.stream.flow_control().release_capacity(data.len());
        self.left = self.left.map(|left| left.saturating_sub(data.len() as u64));
        data
    }

    /// How many bytes wait.
    pub(super) fn len(&self) -> usize {
        self.data.len()
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty() && matches!(self.end, End::Whole(None))
    }
}

/// The body of a stream's request.
pub(super) struct ClientBody(pub(super) Rc<Stream>);

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let stream = &self.0;
        stream.read_ahead(cx);
        let mut inbox = stream.inbox.borrow_mut();
        let Some(inbox) = &mut *inbox else { return Poll::Ready(None) };
        if !inbox.data.is_empty() {
            let data = inbox.take();
            stream.hold_less(data.len());
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match &mut inbox.end {
            End::Data | End::Trailers => {
                stream.send_continue();
                Poll::Pending
            }
            End::Whole(trailers) => Poll::Ready(trailers.take().map(|trailers| {
                match trailers.values().any(super::head::has_outer_space) {
                    true => Err(BodyError.into()),
                    false => Ok(Frame::trailers(trailers)),
                }
            })),
            End::Broken => Poll::Ready(Some(Err(BodyError.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.inbox.borrow().as_ref().is_none_or(Inbox::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.0.inbox.borrow().as_ref().map_or(Some(0), |inbox| inbox.left);
        left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for ClientBody {
    /// Nobody reads the rest.
    fn drop(&mut self) {
        self.0.discard_body();
    }
}
