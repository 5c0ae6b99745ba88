//! The response body on its way to the client. It streams: the backend is read only as fast as the
//! client accepts data.

use super::{downstream::Downstream, verdict::Verdict};
use crate::{
    endpoint::{Failure, InFlight},
    refusal::Refusal,
    request::{BodyError, BoxError, TrailerFilter},
    telemetry::RequestRecord,
    upstream::{UpstreamBody, broken_rule},
};
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

/// How much of a body may wait to be written before more of it is read from the backend. A client
/// that does not read holds up to this, and one more frame.
const MAX_UNWRITTEN: usize = 32 * 1024;

/// A response's body as it is sent to the client; completes the request's record.
pub(crate) struct ResponseBody<D: Downstream> {
    content: Content,
    record: Option<Box<RequestRecord>>,
    downstream: Rc<D>,
    /// Timeout between bytes.
    idle: Option<Duration>,
}

/// The data to send.
pub(super) enum Content {
    /// Bytes in memory; `None` once they have been sent.
    Fixed(Option<Bytes>),
    /// The body of a backend's response, which of its trailer fields pass, what it will say of its
    /// endpoint, and what counts it as in flight.
    Upstream(
        UpstreamBody,
        TrailerFilter,
        Option<Verdict>,
        #[expect(dead_code, reason = "only its end counts")] Option<InFlight>,
    ),
    /// The same after it was cut off.
    Broken,
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self::Fixed(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl Content {
    /// Whether its length is known from the start.
    pub(super) fn has_length(&self) -> bool {
        self.size_hint().exact().is_some()
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Fixed(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Upstream(body, ..) => body.size_hint(),
            Self::Broken => SizeHint::default(),
        }
    }
}

impl<D: Downstream> ResponseBody<D> {
    /// Sends `content`; `record` ends with it.
    pub(super) fn new(
        content: Content,
        record: Option<Box<RequestRecord>>,
        downstream: Rc<D>,
        idle: Option<Duration>,
    ) -> Self {
        downstream.state().response_idle.set(idle);
        Self { content, record, downstream, idle }
    }

    fn count(&mut self, frame: &Frame<Bytes>) {
        let (state, length) = (self.downstream.state(), frame.data_ref().map_or(0, Bytes::len));
        state.deadline.set(self.idle);
        state.unwritten.set(state.unwritten.get() + length);
        if let Some(record) = &mut self.record {
            record.sent += length as u64;
            if let Content::Upstream(..) = &self.content {
                record.upstream_received += length as u64;
            }
        }
    }

    /// The response does not reach the client whole: because of this, or because the client left.
    pub(crate) fn cut_off(&mut self, refusal: Option<Refusal>) {
        self.content = Content::Broken;
        if let Some(record) = &mut self.record {
            record.complete = false;
            if let Some(refusal) = refusal.filter(|_| record.refusal.is_none()) {
                record.broke_off(refusal);
            }
        }
    }

    /// The backend failed, unless it was the client's body, still being sent, that was cut off.
    fn record_failed(&mut self, error: &BoxError) {
        let rule = broken_rule(&**error);
        if let (Some(rule), Some(record)) = (rule, &self.record) {
            record.malformed(record.backend(), rule);
        }
        let refusal = rule.map_or(Refusal::BackendBroken, |_| Refusal::BackendMalformed);
        let failure = self.downstream.state().body.failure.get();
        if failure.is_none() {
            self.endpoint_failed(Failure::Reset);
        }
        self.record_failure(failure.unwrap_or(refusal));
    }

    /// Nothing has come for too long, unless what was waited for is the rest of the client's body.
    fn record_timeout(&mut self) {
        if !self.downstream.state().body.awaited.get() {
            self.endpoint_failed(Failure::Timeout);
        }
        self.record_failure(Refusal::BackendTimeout);
    }

    fn endpoint_failed(&mut self, why: Failure) {
        if let Content::Upstream(_, _, Some(verdict), _) = &mut self.content {
            verdict.failed(why, self.downstream.state().deadline.now());
        }
    }

    fn record_failure(&mut self, refusal: Refusal) {
        if let Some(record) = &mut self.record {
            record.broke_off(refusal);
        }
    }
}

impl<D: Downstream> Body for ResponseBody<D> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let state = this.downstream.state();
        if state.unwritten.get() >= MAX_UNWRITTEN {
            // The connection wakes its task when it has written them.
            state.is_held_back.set(true);
            return Poll::Pending;
        }
        if !state.may_pass() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = match &mut this.content {
            Content::Fixed(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Upstream(body, trailers, ..) => poll_upstream(body, trailers, cx),
            Content::Broken => return Poll::Ready(Some(Err(BodyError.into()))),
        };
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                this.count(&frame);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.record_failed(&error);
                // On an error, hyper closes at once; while pending, it first sends what it has
                // buffered.
                this.content = Content::Broken;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Ready(None) => {
                if let Some(record) = &mut this.record {
                    record.complete = true;
                }
                Poll::Ready(None)
            }
            Poll::Pending if this.downstream.state().deadline.poll_expired(cx) => {
                this.record_timeout();
                Poll::Ready(Some(Err(BodyError.into())))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Fixed(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Content::Upstream(body, ..) => body.is_end_stream(),
            Content::Broken => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.content.size_hint()
    }
}

/// The next frame of a backend's body. Without any fields that pass, its trailer section is only its
/// end.
fn poll_upstream(
    body: &mut UpstreamBody,
    trailers: &TrailerFilter,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
    Pin::new(body).poll_frame(cx).map(|frame| match frame? {
        Ok(frame) => trailers.apply(frame).map_err(|_| BodyError.into()).transpose(),
        Err(error) => Some(Err(error)),
    })
}

impl<D: Downstream> Drop for ResponseBody<D> {
    fn drop(&mut self) {
        let complete = self.is_end_stream();
        if let Some(mut record) = self.record.take() {
            record.complete |= complete;
            let body = &self.downstream.state().body;
            (record.received, record.upstream_sent) = (body.received.get(), body.passed.get());
            record.ended = Some(self.downstream.state().deadline.now());
        }
        self.downstream.end();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
