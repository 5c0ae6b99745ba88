//! The body of a backend's response, whichever protocol carries it.

use super::{http1::Http1Body, http2::Http2Body};
use crate::request::BoxError;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// The body of a backend's response.
pub(crate) struct UpstreamBody(pub(super) Kind);

/// Where its bytes come from.
pub(super) enum Kind {
    Http1(Http1Body),
    Http2(Box<Http2Body>),
    Empty,
}

impl UpstreamBody {
    /// Whether trailer fields may follow. A body of HTTP/1.1 with a known length has none (RFC 9112
    /// §7.1.2).
    pub(crate) fn may_have_trailers(&self) -> bool {
        match &self.0 {
            Kind::Http1(body) => body.size_hint().exact().is_none(),
            Kind::Http2(body) => !body.is_end_stream(),
            Kind::Empty => false,
        }
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.get_mut().0 {
            Kind::Http1(body) => body.poll_frame(cx),
            Kind::Http2(body) => body.poll_frame(cx),
            Kind::Empty => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Http1(body) => body.is_end_stream(),
            Kind::Http2(body) => body.is_end_stream(),
            Kind::Empty => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Http1(body) => body.size_hint(),
            Kind::Http2(body) => body.size_hint(),
            Kind::Empty => SizeHint::with_exact(0),
        }
    }
}
