//! The request body on its way to a backend. It streams: the client is read only as fast as the
//! backend accepts data.

use super::{BodyError, BoxError, Incoming, RequestState, TrailerFilter};
use crate::refusal::Refusal;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// The client's body as it is sent to the backend.
#[derive(Default)]
pub(crate) struct RequestBody {
    /// What comes first: data that was sent before, and is sent again.
    again: Bytes,
    inbound: Option<Inbound>,
}

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
        Self::default()
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
        let inbound = Some(Inbound { incoming, state: state.clone(), limit, trailers });
        Self { again: Bytes::new(), inbound }
    }

    /// The same body after `data`, which is all that has been taken from it.
    pub(crate) fn after(self, data: Bytes) -> Self {
        if data.is_empty() { self } else { Self { again: data, ..self } }
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
        if !self.again.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.again)))));
        }
        let Some(inbound) = &mut self.inbound else { return Poll::Ready(None) };
        let polled = Pin::new(&mut inbound.incoming).poll_frame(cx);
        let body = &inbound.state.body;
        body.awaited.set(polled.is_pending());
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => {
                body.ended.set(body.ended.get().or(Some(inbound.state.deadline.now())));
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
                if ended {
                    body.ended.set(Some(inbound.state.deadline.now()));
                }
                inbound.state.deadline.set(body.wait(ended));
                Poll::Ready(frame.map(Ok))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let inbound = self.inbound.as_ref();
        self.again.is_empty() && inbound.is_none_or(|inbound| inbound.incoming.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let again = self.again.len() as u64;
        let Some(inbound) = &self.inbound else { return SizeHint::with_exact(again) };
        let rest = inbound.incoming.size_hint();
        match rest.exact() {
            Some(rest) => SizeHint::with_exact(again.saturating_add(rest)),
            None => rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_again_comes_first_and_is_not_lost_if_nothing_was_taken() {
        let mut body = RequestBody::empty().after("data".into()).after(Bytes::new());
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(4), false));
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let polled = Pin::new(&mut body).poll_frame(&mut cx);
        let data = polled.map(|frame| frame?.ok()?.into_data().ok());
        assert_eq!(data, Poll::Ready(Some("data".into())));
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
        assert!(matches!(Pin::new(&mut body).poll_frame(&mut cx), Poll::Ready(None)));
    }
}
