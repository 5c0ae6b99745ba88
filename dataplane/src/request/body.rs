//! The request body on its way to a backend. It streams: the client is read only as fast as the
//! backend accepts data.

use super::{RequestState, TrailerFilter};
use crate::refusal::Refusal;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::{
    error::Error,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// Why an exchange or a body failed; only for logs.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// A body was cut off; the request's state or record has the reason.
#[derive(Debug, thiserror::Error)]
#[error("the body was cut off")]
pub(crate) struct BodyError;

/// The client's body as it is sent to the backend.
#[derive(Default)]
pub(crate) struct RequestBody(Option<Inbound>);

struct Inbound {
    incoming: Incoming,
    state: Rc<RequestState>,
    /// `--max-body-bytes`.
    limit: Option<u64>,
    trailers: TrailerFilter,
}

impl RequestBody {
    /// No body.
    pub(crate) fn empty() -> Self {
        Self(None)
    }

    /// The client's body, limited to `limit` bytes, with the trailer fields that pass; progress is
    /// recorded in `state`.
    pub(crate) fn new(
        incoming: Incoming,
        state: &Rc<RequestState>,
        limit: Option<u64>,
        trailers: TrailerFilter,
    ) -> Self {
        if incoming.is_end_stream() {
            return Self::empty();
        }
        Self(Some(Inbound { incoming, state: state.clone(), limit, trailers }))
    }
}

impl Inbound {
    fn fail(&self, refusal: Refusal) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.state.body.failure.set(Some(refusal));
        Poll::Ready(Some(Err(BodyError.into())))
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
        let body = &inbound.state.body;
        body.awaited.set(polled.is_pending());
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                inbound.state.deadline.set(body.wait(true));
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(_))) => inbound.fail(Refusal::BodyBroken),
            Poll::Ready(Some(Ok(frame))) => {
                let received = body.received.get() + frame.data_ref().map_or(0, Bytes::len) as u64;
                body.received.set(received);
                if inbound.limit.is_some_and(|limit| received > limit) {
                    return inbound.fail(Refusal::BodyTooLarge);
                }
                let Ok(frame) = inbound.trailers.apply(frame) else {
                    return inbound.fail(Refusal::BodyBroken);
                };
                // Without any fields, the trailer section is only the body's end.
                let ended = frame.is_none() || inbound.incoming.is_end_stream();
                inbound.state.deadline.set(body.wait(ended));
                Poll::Ready(frame.map(Ok))
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
