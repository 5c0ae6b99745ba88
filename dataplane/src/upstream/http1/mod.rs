//! HTTP/1.1 to a backend, driven by the task of the client's own connection: without a task of its
//! own and channels, a request causes no needless moves and wake-ups.

mod chunked;
mod request;
pub(crate) mod response;

use super::{
    MAX_HEAD_BYTES, RequestToSend, Stream,
    error::{Fate, Malformed, UpstreamError},
    interim::Interims,
    pool::{self, PoolHandle, Pooled},
    too_many_fields,
};
use crate::request::{BoxError, RequestBody};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Response, StatusCode, request::Parts};
use hyper::body::{Frame, SizeHint};
use request::Outgoing;
use response::{Framing, Heads};
use std::{
    borrow::Cow,
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, ReadBuf},
    task::unconstrained,
};

/// Limit for a single read. Two of these wait for a client that does not read.
const MAX_READ_BYTES: usize = 48 * 1024;

/// Size of the first reads, and what an idle connection keeps for heads.
const READ_BYTES: usize = 8 * 1024;

/// Where the status code is in a response's head: behind `HTTP/1.1 `.
const STATUS_AT: usize = 9;

/// One connection, idle or carrying a request.
pub(super) struct Http1 {
    io: Stream,
    /// Bytes read but not yet used.
    input: BytesMut,
    /// Size of the next read: what is expected, or growing while reads fill it.
    read_size: usize,
    outgoing: Outgoing,
    heads: Heads,
    /// The framing of the response's body.
    framing: Framing,
    /// Whether any byte has arrived since the request began.
    answered: bool,
    /// How long the backend keeps an idle connection open, if it says so.
    idle_timeout: Option<Duration>,
    /// Limit for the number of fields in a head.
    max_fields: usize,
    /// Whether the backend keeps the connection open after the response.
    keep_alive: bool,
    /// The pool it returns to.
    handle: PoolHandle<Self>,
}

impl Http1 {
    /// Wraps a new stream as an HTTP/1.1 connection; heads have at most `max_fields` fields.
    pub(super) fn new(io: Stream, handle: PoolHandle<Self>, max_fields: usize) -> Box<Self> {
        Box::new(Self {
            io,
            input: BytesMut::new(),
            read_size: READ_BYTES,
            outgoing: Outgoing::default(),
            heads: Heads::default(),
            framing: Framing::Done,
            answered: false,
            idle_timeout: None,
            max_fields,
            keep_alive: true,
            handle,
        })
    }

    /// Sends a request and returns the head of its response; the request's header map is reused for
    /// the response's. The rest of the body is sent while the response's body is read. After an
    /// error that counts as unsent, head and body are unchanged.
    pub(super) async fn send(
        mut self: Box<Self>,
        request: &mut RequestToSend<'_>,
        interims: &mut Interims<'_>,
    ) -> Result<(Response<()>, Box<Self>), UpstreamError> {
        self.outgoing.begin(request);
        self.answered = false;
        self.read_size = READ_BYTES;
        match poll_fn(|cx| self.poll_response_head(request.head, interims, cx)).await {
            Ok(response) => Ok((response, self)),
            Err(error) => {
                // A response, even an unsolicited one, has consumed the request's header map.
                let unsent = self.outgoing.take_unsent().filter(|_| !self.answered);
                let fate = match (&unsent, self.answered) {
                    (Some(_), _) => Fate::Unsent,
                    (None, false) => Fate::Unanswered,
                    (None, true) => Fate::Answered,
                };
                *request.body = unsent.unwrap_or(RequestBody::empty());
                Err(UpstreamError::exchange(fate, error))
            }
        }
    }

    /// Leaves HTTP after a 101: the stream, and bytes read after the head.
    pub(super) fn into_stream(self) -> (Stream, Bytes) {
        (self.io, self.input.freeze())
    }

    fn poll_response_head(
        &mut self,
        head: &mut Parts,
        interims: &mut Interims<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Response<()>>> {
        // A response may arrive before the request has been sent completely.
        if let Poll::Ready(sent) = self.outgoing.poll_send(&mut self.io, cx) {
            sent?;
        }
        loop {
            while let Some(raw) = self.heads.next(&mut self.input)? {
                let is_head = head.method == Method::HEAD;
                // Behind an interim response, the request may yet have to be sent again.
                let headers = match raw.get(STATUS_AT) {
                    Some(b'1') => HeaderMap::new(),
                    Some(_) | None => std::mem::take(&mut head.headers),
                };
                let response = response::parse(&raw, headers, is_head, self.max_fields)?;
                if is_interim(response.response.status()) {
                    interims.receive(response.response)?;
                } else {
                    self.framing = response.framing;
                    if let Framing::Length(left) = self.framing {
                        let expected = usize::try_from(left).unwrap_or(MAX_READ_BYTES);
                        self.read_size = expected.clamp(READ_BYTES, MAX_READ_BYTES);
                    }
                    self.keep_alive = response.keep_alive;
                    self.idle_timeout = response.idle_timeout;
                    return Poll::Ready(Ok(response.response));
                }
            }
            if self.input.len() >= MAX_HEAD_BYTES {
                return Poll::Ready(Err(malformed("a head of more than 128 KiB")));
            }
            if ready!(self.poll_read(cx))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            self.answered = true;
        }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Poll::Ready(Err(error)) = self.outgoing.poll_send(&mut self.io, cx) {
            return Poll::Ready(Some(Err(error)));
        }
        loop {
            match self.framing.decode(&mut self.input)? {
                Some(frame) => return Poll::Ready(Some(Ok(frame))),
                None if self.framing.is_done() => return Poll::Ready(None),
                None => match self.poll_read(cx)? {
                    Poll::Ready(0) => self.framing.close()?,
                    Poll::Ready(_) => {}
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }

    /// Reads more; returns the number of bytes, 0 at the end of the stream.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.input.is_empty() {
            // From the buffer's beginning, if nothing of it is in use any more: that is in the
            // processor's cache.
            let _ = self.input.try_reclaim(self.read_size);
        }
        if self.input.capacity() - self.input.len() < self.read_size / 4 {
            self.input.reserve(self.read_size);
        }
        let room = self.input.capacity() - self.input.len();
        let read = ready!(pin!(self.io.read_buf(&mut self.input)).poll(cx))?;
        if read == room {
            self.read_size = (self.read_size * 4).min(MAX_READ_BYTES);
        }
        Poll::Ready(Ok(read))
    }

    /// Whether another request can follow once the response has ended, unless the backend closes the
    /// connection meanwhile, which is looked for when it is taken from the pool.
    fn can_reuse(&self) -> bool {
        self.keep_alive && self.outgoing.is_done() && self.input.is_empty()
    }
}

/// Bytes that are not valid HTTP/1.1.
fn malformed(what: impl Into<Cow<'static, str>>) -> io::Error {
    Malformed(what.into()).into()
}

impl Pooled for Http1 {
    fn handle(&mut self) -> &mut PoolHandle<Self> {
        &mut self.handle
    }

    /// Whether an idle connection can still take a request: the backend has neither closed it nor
    /// sent unsolicited bytes. It registers no waker: connections are checked when they are taken.
    fn is_alive(&mut self) -> bool {
        let mut probe = [0];
        let read =
            poll_fn(|cx| Pin::new(&mut self.io).poll_read(cx, &mut ReadBuf::new(&mut probe)));
        // `unconstrained`, because a task that has used up its budget would see every stream as
        // pending.
        let read = pin!(unconstrained(read));
        read.poll(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    fn idle_timeout(&self) -> Option<Duration> {
        self.idle_timeout
    }

    fn is_wanted(&self) -> bool {
        self.io.is_wanted()
    }

    /// Frees most of an idle connection's buffers; a connection reused soon keeps them.
    fn shrink(&mut self) {
        self.input = BytesMut::new();
        self.outgoing.shrink(READ_BYTES);
    }
}

pub(crate) fn is_interim(status: StatusCode) -> bool {
    status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
}

/// The body of a response; it drives its connection and returns it to the pool at its end, after
/// which it is `None`.
pub(super) struct Http1Body(Option<Box<Http1>>);

impl Http1Body {
    /// Wraps the connection; if the body is empty, returns the connection to the pool at once.
    pub(super) fn new(http1: Box<Http1>) -> Self {
        let mut body = Self(Some(http1));
        body.return_to_pool();
        body
    }

    /// Returns the connection to the pool if the body has ended.
    fn return_to_pool(&mut self) {
        if let Some(http1) = self.0.take_if(|http1| http1.framing.is_done())
            && http1.can_reuse()
        {
            pool::put(http1);
        }
    }

    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Some(http1) = &mut self.0 else { return Poll::Ready(None) };
        let polled = http1.poll_frame(cx);
        self.return_to_pool();
        polled.map(|frame| frame.map(|frame| frame.map_err(BoxError::from)))
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or(SizeHint::with_exact(0), |http1| http1.framing.size_hint())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
