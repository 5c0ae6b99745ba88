//! Bodies on their way: the client's to the backend, and the answer's to the client. They stream;
//! what one side does not take, the other does not read.

use crate::{
    connection::ConnState, refusal::Refusal, telemetry::RequestRecord, upstream::UpstreamBody,
};
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::{
    error::Error,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

type BoxError = Box<dyn Error + Send + Sync>;

/// The client's body as the backend's connection takes it.
#[derive(Default)]
pub(crate) struct RequestBody(Option<Inbound>);

struct Inbound {
    incoming: Incoming,
    conn: Rc<ConnState>,
    /// `--max-body-bytes`.
    limit: Option<u64>,
}

/// Why a body broke off; the connection's state knows it as a refusal.
#[derive(Debug, thiserror::Error)]
#[error("the body broke off")]
struct BrokeOff;

impl RequestBody {
    /// No body.
    pub(crate) fn empty() -> Self {
        Self(None)
    }

    /// The client's.
    pub(super) fn new(incoming: Incoming, conn: &Rc<ConnState>, limit: Option<u64>) -> Self {
        if incoming.is_end_stream() {
            return Self::empty();
        }
        Self(Some(Inbound { incoming, conn: conn.clone(), limit }))
    }
}

impl Inbound {
    fn fail(&self, refusal: Refusal) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.conn.body.failure.set(Some(refusal));
        Poll::Ready(Some(Err(BrokeOff.into())))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(inbound) = &mut self.0 else { return Poll::Ready(None) };
        let polled = Pin::new(&mut inbound.incoming).poll_frame(cx);
        let body = &inbound.conn.body;
        body.awaited.set(polled.is_pending());
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                inbound.conn.alarm.set(body.wait(true));
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(_))) => inbound.fail(Refusal::BodyBroken),
            Poll::Ready(Some(Ok(frame))) => {
                let received = body.received.get() + frame.data_ref().map_or(0, Bytes::len) as u64;
                body.received.set(received);
                if inbound.limit.is_some_and(|limit| received > limit) {
                    return inbound.fail(Refusal::BodyTooLarge);
                }
                inbound.conn.alarm.set(body.wait(inbound.incoming.is_end_stream()));
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|inbound| inbound.incoming.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.0
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), |inbound| inbound.incoming.size_hint())
    }
}

/// An answer's body as the client's connection takes it; ends the request's record.
pub(crate) struct ResponseBody {
    content: Content,
    record: Option<Box<RequestRecord>>,
    conn: Rc<ConnState>,
    /// How long no byte may pass.
    idle: Option<Duration>,
}

/// What there is to send.
pub(super) enum Content {
    /// Bytes that are here; `None` when they have been sent.
    Fixed(Option<Bytes>),
    /// A backend's.
    Upstream(UpstreamBody),
    /// A backend's that broke off.
    Broken,
}

impl ResponseBody {
    /// Sends `content`; `record` ends with it.
    pub(super) fn new(
        content: Content,
        record: Option<Box<RequestRecord>>,
        conn: Rc<ConnState>,
        idle: Option<Duration>,
    ) -> Self {
        Self { content, record, conn, idle }
    }

    fn note(&mut self, frame: &Frame<Bytes>) {
        self.conn.alarm.set(self.idle);
        if let Some(record) = &mut self.record {
            record.sent += frame.data_ref().map_or(0, Bytes::len) as u64;
        }
    }

    fn broke_off(&mut self, refusal: Refusal) {
        if let Some(record) = &mut self.record {
            record.refusal = Some(refusal);
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let polled = match &mut this.content {
            Content::Fixed(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Upstream(body) => Pin::new(body).poll_frame(cx),
            Content::Broken => return Poll::Ready(Some(Err(BrokeOff.into()))),
        };
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                this.note(&frame);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(_))) => {
                // The backend's, unless the client's own body, still on its way, broke off.
                let failure = this.conn.body.failure.get();
                this.broke_off(failure.unwrap_or(Refusal::BackendBroken));
                // hyper closes at an error; what it holds of the answer it sends while it waits.
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
            Poll::Pending if this.conn.alarm.poll_expired(cx) => {
                this.broke_off(Refusal::BackendTimeout);
                Poll::Ready(Some(Err(BrokeOff.into())))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Fixed(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Content::Upstream(body) => body.is_end_stream(),
            Content::Broken => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Fixed(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64)
            }
            Content::Upstream(body) => body.size_hint(),
            Content::Broken => SizeHint::default(),
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        let complete = self.is_end_stream();
        if let Some(mut record) = self.record.take() {
            record.complete |= complete;
            record.received = self.conn.body.received.get();
            record.ended = Some(self.conn.alarm.now());
        }
        self.conn.request_ended();
    }
}
