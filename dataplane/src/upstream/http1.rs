//! HTTP/1.1 to a backend, driven inside the task of the client's own connection: no task of its
//! own, so no wake-up from one to the other on a request's way.

use super::{SendError, Stream, pool::Home};
use crate::{proxy::RequestBody, refusal::Refusal};
use bytes::Bytes;
use http::{Request, Response};
use hyper::{
    body::{Body, Frame, Incoming},
    client::conn::http1::{Builder, Connection, SendRequest},
};
use hyper_util::rt::TokioIo;
use std::{
    cell::Cell,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// As on the client's side.
const BUFFER: usize = 128 * 1024;

/// One connection, between requests or in one.
pub(super) struct Http1 {
    sender: SendRequest<RequestBody>,
    connection: Connection<TokioIo<Stream>, RequestBody>,
    read: Rc<Cell<u64>>,
    /// The address that was dialled.
    pub(super) address: SocketAddr,
    /// The pool's sweep since which it has been there.
    pub(super) idle_since: u64,
}

impl Http1 {
    /// Speaks HTTP/1.1 over a stream.
    pub(super) async fn handshake(
        stream: Stream,
        address: SocketAddr,
    ) -> Result<Box<Self>, Refusal> {
        let read = stream.read_counter();
        let (sender, connection) = Builder::new()
            .max_buf_size(BUFFER)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|_| Refusal::BackendBroken)?;
        Ok(Box::new(Self { sender, connection, read, address, idle_since: 0 }))
    }

    /// Whether a pooled connection can still take a request: the backend has not closed it, and has
    /// not said anything unasked. Nobody is woken for it: whoever takes it polls it.
    pub(super) fn is_alive(&mut self) -> bool {
        let mut quiet = Context::from_waker(Waker::noop());
        self.connection.poll_without_shutdown(&mut quiet).is_pending() && self.sender.is_ready()
    }

    /// Sends a request and drives the connection until the answer's head is there.
    pub(super) async fn send(
        mut self: Box<Self>,
        request: Request<RequestBody>,
    ) -> Result<(Response<Incoming>, Box<Self>), SendError> {
        let read_before = self.read.get();
        let has_body = !request.body().is_end_stream();
        let mut answer = pin!(self.sender.try_send_request(request));
        let mut sent = false;
        let answer = poll_fn(|cx| {
            // Once the request has gone, what wakes the task is the answer, as a rule. A connection
            // that is driven with nobody to wake leaves no waker behind in the answer's channels,
            // and so does not wake the very task that reads them.
            let quietly = std::mem::replace(&mut sent, true) && !has_body;
            let mut drive = |cx: &mut Context<'_>| {
                let over = self.connection.poll_without_shutdown(cx).is_ready();
                match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(answer) => Poll::Ready(Ok(answer)),
                    Poll::Pending if over => Poll::Ready(Err(Refusal::BackendBroken)),
                    Poll::Pending => Poll::Pending,
                }
            };
            if quietly {
                let polled = drive(&mut Context::from_waker(Waker::noop()));
                if polled.is_ready() {
                    return polled;
                }
            }
            drive(cx)
        })
        .await;
        match answer {
            Ok(Ok(answer)) => Ok((answer, self)),
            Ok(Err(mut error)) => Err(SendError {
                unsent: error.take_message(),
                unanswered: self.read.get() == read_before,
                refusal: Refusal::BackendBroken,
                source: Some(error.into_error()),
            }),
            Err(refusal) => Err(SendError {
                unsent: None,
                unanswered: self.read.get() == read_before,
                refusal,
                source: None,
            }),
        }
    }

    /// Leaves HTTP after a 101: the stream, and what was read from it behind the head.
    pub(super) async fn into_stream(mut self) -> Result<(Stream, Bytes), Refusal> {
        poll_fn(|cx| self.connection.poll_without_shutdown(cx))
            .await
            .map_err(|_| Refusal::BackendBroken)?;
        let parts = self.connection.into_parts();
        Ok((parts.io.into_inner(), parts.read_buf))
    }
}

/// The body of an answer, which drives its connection, and gives it back to the pool at its end.
pub(super) struct Http1Body {
    incoming: Incoming,
    /// `None` when it has been given back.
    http1: Option<(Box<Http1>, Home)>,
}

impl Http1Body {
    /// Takes up a body; a body that is empty gives its connection back at once.
    pub(super) fn new(incoming: Incoming, http1: Box<Http1>, home: Home) -> Self {
        let mut body = Self { incoming, http1: Some((http1, home)) };
        if body.incoming.is_end_stream() {
            body.give_back();
        }
        body
    }

    /// The body has ended: the connection goes back if hyper says that it can take a request.
    fn give_back(&mut self) {
        if let Some((mut http1, home)) = self.http1.take()
            && http1.is_alive()
        {
            home.put(http1);
        }
    }

    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut quiet = Context::from_waker(Waker::noop());
        // The body asks for more when it is polled; only then does the connection read on.
        let mut polled = Pin::new(&mut self.incoming).poll_frame(&mut quiet);
        if polled.is_pending()
            && let Some((http1, _)) = &mut self.http1
        {
            let over = http1.connection.poll_without_shutdown(cx).is_ready();
            polled = Pin::new(&mut self.incoming).poll_frame(&mut quiet);
            if over {
                self.http1 = None;
            }
        }
        if matches!(polled, Poll::Ready(None))
            || (polled.is_ready() && self.incoming.is_end_stream())
        {
            self.give_back();
        }
        polled
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    pub(super) fn size_hint(&self) -> hyper::body::SizeHint {
        self.incoming.size_hint()
    }
}
