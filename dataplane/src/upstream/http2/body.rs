//! The body of a response over HTTP/2.

use super::{super::error::of_http2, Http2, outgoing::Outgoing};
use crate::request::BoxError;
use bytes::Bytes;
use h2::RecvStream;
use hyper::body::{Frame, SizeHint};
use std::task::{Context, Poll, ready};

/// The body of a response; it also sends the rest of the request's.
pub(in super::super) struct Http2Body {
    outgoing: Outgoing,
    stream: RecvStream,
    /// The length of the rest, if the head tells it.
    length: Option<u64>,
    state: State,
    /// Its place on the connection.
    _place: Http2,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Data,
    Trailers,
    Done,
}

impl Http2Body {
    pub(super) fn new(
        outgoing: Outgoing,
        stream: RecvStream,
        length: Option<u64>,
        place: Http2,
    ) -> Self {
        let is_done = stream.is_end_stream();
        let (state, length) = if is_done { (State::Done, Some(0)) } else { (State::Data, length) };
        Self { outgoing, stream, length, state, _place: place }
    }

    pub(in super::super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(Err(error)) = self.outgoing.poll_send(cx) {
            return Poll::Ready(Some(Err(error)));
        }
        if self.state == State::Data {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(data)) => return Poll::Ready(Some(self.received(data))),
                // A reset without an error asks for no more of the request, but does not end the
                // response (RFC 9113 §8.1): only END_STREAM does, and there was none.
                Some(Err(error)) => return Poll::Ready(Some(Err(of_http2(error)))),
                None => self.state = State::Trailers,
            }
        }
        if self.state == State::Trailers {
            let trailers = ready!(self.stream.poll_trailers(cx)).map_err(of_http2);
            self.state = State::Done;
            return Poll::Ready(trailers.transpose().map(|trailers| trailers.map(Frame::trailers)));
        }
        Poll::Ready(None)
    }

    /// Lets the backend send as much again.
    fn received(&mut self, data: Bytes) -> Result<Frame<Bytes>, BoxError> {
        self.stream.flow_control().release_capacity(data.len())?;
        self.length = self.length.map(|length| length.saturating_sub(data.len() as u64));
        if self.stream.is_end_stream() {
            self.state = State::Done;
        }
        Ok(Frame::data(data))
    }

    pub(in super::super) fn is_end_stream(&self) -> bool {
        self.state == State::Done
    }

    pub(in super::super) fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
