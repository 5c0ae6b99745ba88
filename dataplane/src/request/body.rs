//! The request body on its way to a backend. It streams: the client is read only as fast as the
//! backend accepts data. What it has sent is kept only while somebody may have to send it again.

use super::{BodyError, BoxError, Incoming, RequestState, TrailerFilter};
use crate::refusal::Refusal;
use bytes::Bytes;
use http::HeaderMap;
use hyper::body::{Body, Frame, SizeHint};
use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

/// How much of a body is kept to be sent again.
pub(crate) const MAX_KEPT_BYTES: usize = 64 * 1024;

type Polled = Poll<Option<Result<Frame<Bytes>, BoxError>>>;

/// The client's body as it is sent to a backend. A [`fork`](Self::fork) of it sends the same again.
#[derive(Default)]
pub(crate) struct RequestBody(Option<Reader>);

/// One sending of a body.
struct Reader {
    source: Rc<RefCell<Source>>,
    /// How much of the data it has passed on.
    passed: usize,
    /// Whether it has passed on the trailer fields, or that there are none.
    has_ended: bool,
}

/// The body as it comes from the client.
struct Source {
    incoming: Incoming,
    state: Rc<RequestState>,
    /// `--max-body-bytes`.
    limit: Option<u64>,
    filter: TrailerFilter,
    /// How much of the data has been taken.
    taken: usize,
    /// Whether all of it has, and the trailer section too.
    has_ended: bool,
    /// All that has been taken, unless it is more than is kept or nobody could send it again. Not
    /// the pieces themselves, each of which may keep a larger buffer alive.
    kept: Option<Kept>,
}

#[derive(Default)]
struct Kept {
    data: Vec<u8>,
    trailers: Option<HeaderMap>,
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
        filter: TrailerFilter,
    ) -> Self {
        if incoming.is_end_stream() {
            return Self::empty();
        }
        let (state, kept) = (state.clone(), Some(Kept::default()));
        let source = Source { incoming, state, limit, filter, taken: 0, has_ended: false, kept };
        let source = Rc::new(RefCell::new(source));
        Self(Some(Reader { source, passed: 0, has_ended: false }))
    }

    /// The same body, from its beginning; `None` if that is no longer known. As long as there are
    /// both, the first [`MAX_KEPT_BYTES`] are kept.
    pub(crate) fn fork(&self) -> Option<Self> {
        let Some(reader) = &self.0 else { return Some(Self::empty()) };
        reader.source.borrow().kept.as_ref()?;
        Some(Self(Some(Reader { source: reader.source.clone(), passed: 0, has_ended: false })))
    }

    /// Whether what it has not passed on can still be: others have taken no more than is kept.
    pub(crate) fn has_rest(&self) -> bool {
        self.0.as_ref().is_none_or(|reader| {
            let source = reader.source.borrow();
            reader.passed == source.taken || source.kept.is_some()
        })
    }

    /// Whether its length is known, and is not more than is kept.
    pub(crate) fn is_short(&self) -> bool {
        let Some(reader) = &self.0 else { return true };
        let source = reader.source.borrow();
        let left = match source.has_ended {
            true => Some(0),
            false => source.incoming.size_hint().exact(),
        };
        left.is_some_and(|left| left.saturating_add(source.taken as u64) <= MAX_KEPT_BYTES as u64)
    }

    /// Whether its length is known, and is more than is kept.
    pub(crate) fn is_long(&self) -> bool {
        self.size_hint().lower() > MAX_KEPT_BYTES as u64
    }
}

impl Source {
    fn fail(&self, refusal: Refusal) -> Polled {
        self.state.body.failure.set(Some(refusal));
        Poll::Ready(Some(Err(BodyError.into())))
    }

    /// Notes that something has come, and whether that was the end.
    fn step(&mut self, has_ended: bool) {
        let Self { state, .. } = self;
        self.has_ended = has_ended;
        if has_ended {
            state.body.ended.set(state.body.ended.get().or(Some(state.deadline.now())));
        }
        state.deadline.set(state.body.wait(has_ended));
    }

    /// The next frame from the client, which is kept if somebody else may have to send it again.
    fn poll_next(&mut self, cx: &mut Context<'_>, is_shared: bool) -> Polled {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        let body = &self.state.body;
        body.awaited.set(polled.is_pending());
        let Some(frame) = ready!(polled) else {
            self.step(true);
            return Poll::Ready(None);
        };
        let Ok(frame) = frame else { return self.fail(Refusal::BodyBroken) };
        let length = frame.data_ref().map_or(0, Bytes::len);
        let received = body.received.get() + length as u64;
        body.received.set(received);
        if self.limit.is_some_and(|limit| received > limit) {
            return self.fail(Refusal::BodyTooLarge);
        }
        let is_trailers = frame.is_trailers();
        let Ok(frame) = self.filter.apply(frame) else { return self.fail(Refusal::BodyBroken) };
        // Without any fields, the trailer section is only the body's end.
        self.step(is_trailers || frame.is_none() || self.incoming.is_end_stream());
        self.taken += length;
        match (&mut self.kept, &frame) {
            (Some(kept), Some(frame)) if is_shared && self.taken <= MAX_KEPT_BYTES => {
                kept.add(frame)
            }
            (_, None) => {}
            (Some(_) | None, Some(_)) => self.kept = None,
        }
        Poll::Ready(frame.map(Ok))
    }
}

impl Kept {
    fn add(&mut self, frame: &Frame<Bytes>) {
        if let Some(data) = frame.data_ref() {
            self.data.extend_from_slice(data);
        } else if let Some(trailers) = frame.trailers_ref() {
            self.trailers = Some(trailers.clone());
        }
    }
}

impl Reader {
    /// What others have taken before; `None`: it is up with them.
    fn again(&mut self) -> Option<Polled> {
        let source = self.source.borrow();
        if self.passed < source.taken {
            let kept = source.kept.as_ref().and_then(|kept| kept.data.get(self.passed..));
            self.passed = source.taken;
            let kept = kept.map(|data| Frame::data(Bytes::copy_from_slice(data)));
            // Its owner has asked whether it is whole.
            return Some(Poll::Ready(Some(kept.ok_or_else(|| BodyError.into()))));
        }
        if source.has_ended {
            let trailers = source.kept.as_ref().and_then(|kept| kept.trailers.clone());
            let trailers = trailers.filter(|_| !std::mem::replace(&mut self.has_ended, true));
            return Some(Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers)))));
        }
        None
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Polled {
        if let Some(again) = self.again() {
            return again;
        }
        let is_shared = Rc::strong_count(&self.source) > 1;
        let mut source = self.source.borrow_mut();
        let polled = source.poll_next(cx, is_shared);
        self.passed = source.taken;
        if matches!(&polled, Poll::Ready(Some(Ok(frame))) if frame.is_trailers()) {
            self.has_ended = true;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        let source = self.source.borrow();
        let has_trailers = source.kept.as_ref().is_some_and(|kept| kept.trailers.is_some());
        let is_next = !self.has_ended && has_trailers;
        let has_ended = source.has_ended || source.incoming.is_end_stream();
        self.passed == source.taken && has_ended && !is_next
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let Some(reader) = &mut self.0 else { return Poll::Ready(None) };
        let polled = reader.poll_next(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let length = frame.data_ref().map_or(0, Bytes::len);
            let passed = &reader.source.borrow().state.body.passed;
            passed.set(passed.get() + length as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Reader::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let Some(reader) = &self.0 else { return SizeHint::with_exact(0) };
        let source = reader.source.borrow();
        let again = (source.taken - reader.passed) as u64;
        if source.has_ended {
            // A body with trailer fields has no length (RFC 9112 §7.1.2).
            let has_trailers = source.kept.as_ref().is_some_and(|kept| kept.trailers.is_some());
            return match has_trailers {
                true => SizeHint::default(),
                false => SizeHint::with_exact(again),
            };
        }
        let rest = source.incoming.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(again));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(again)) {
            hint.set_upper(upper);
        }
        hint
    }
}

#[cfg(test)]
#[allow(clippy::panic, clippy::unwrap_used)]
mod tests;
