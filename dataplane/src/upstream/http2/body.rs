//! The body of a response over HTTP/2.

use super::{Http2, outgoing::Outgoing, read_ahead::ReadAhead};
use crate::request::BoxError;
use bytes::Bytes;
use h2::RecvStream;
use hyper::body::{Frame, SizeHint};
use std::task::{Context, Poll, ready};

/// The body of a response; it also sends the rest of the request's.
pub(in super::super) struct Http2Body {
    outgoing: Outgoing,
    incoming: ReadAhead,
    /// The length of the rest, if the head tells it.
    length: Option<u64>,
    /// Its place on the connection.
    _place: Http2,
}

impl Http2Body {
    pub(super) fn new(
        outgoing: Outgoing,
        stream: RecvStream,
        length: Option<u64>,
        place: Http2,
    ) -> Self {
        let length = if stream.is_end_stream() { Some(0) } else { length };
        let incoming = ReadAhead::new(stream, &place.0.arriving);
        Self { outgoing, incoming, length, _place: place }
    }

    pub(in super::super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(Err(error)) = self.outgoing.poll_send(cx) {
            return Poll::Ready(Some(Err(error)));
        }
        let frame = ready!(self.incoming.poll_frame(cx));
        if let (Some(Ok(frame)), Some(length)) = (&frame, &mut self.length) {
            let data = frame.data_ref().map_or(0, Bytes::len);
            *length = length.saturating_sub(data as u64);
        }
        Poll::Ready(frame)
    }

    pub(in super::super) fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    pub(in super::super) fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
