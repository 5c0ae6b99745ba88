//! A request's body on its way to a backend over HTTP/2.

use crate::request::{BoxError, RequestBody};
use bytes::Bytes;
use h2::{Reason, SendStream};
use hyper::body::{Body, Frame};
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

/// A body that is being sent.
pub(super) struct Outgoing {
    body: RequestBody,
    /// `None` once everything has been handed on, or nobody reads it any more.
    stream: Option<SendStream<Bytes>>,
    /// The same body until the response begins, in case that the backend refuses the stream.
    again: Option<RequestBody>,
}

impl Outgoing {
    /// Starts to send `body`.
    pub(super) fn new(body: RequestBody, stream: SendStream<Bytes>) -> Self {
        let stream = Some(stream).filter(|_| !body.is_end_stream());
        let again = body.fork();
        Self { body, stream, again }
    }

    /// No body.
    pub(super) fn nothing() -> Self {
        Self { body: RequestBody::empty(), stream: None, again: None }
    }

    /// The whole body, if it can be sent again.
    pub(super) fn take_whole(&mut self) -> Option<RequestBody> {
        self.again.take().filter(RequestBody::has_rest)
    }

    /// Keeps no more of it: the response has begun.
    pub(super) fn commit(&mut self) {
        self.again = None;
    }

    /// Sends what is available, as fast as the backend takes it. An error is the body's own: what
    /// becomes of the stream, its response tells.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        loop {
            let Some(stream) = &mut self.stream else { return Poll::Ready(Ok(())) };
            if !ready!(poll_has_capacity(stream, cx)) {
                self.stop();
                continue;
            }
            match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => self.push(frame),
                Some(Err(error)) => {
                    stream.send_reset(Reason::CANCEL);
                    self.stop();
                    return Poll::Ready(Err(error));
                }
                None => {
                    // An error is a stream that has ended, which its response tells.
                    let _ = stream.send_data(Bytes::new(), true);
                    self.stream = None;
                }
            }
        }
    }

    /// Sends no more.
    fn stop(&mut self) {
        self.stream = None;
        self.body = RequestBody::empty();
    }

    fn push(&mut self, frame: Frame<Bytes>) {
        let Some(stream) = &mut self.stream else { return };
        let is_last = match frame.into_data() {
            Ok(data) => {
                let is_last = self.body.is_end_stream();
                stream.send_data(data, is_last).is_err() || is_last
            }
            Err(frame) => {
                // Fields that HTTP/2 does not allow leave a body without trailers.
                let trailers = frame.into_trailers().unwrap_or_default();
                if stream.send_trailers(trailers).is_err() {
                    let _ = stream.send_data(Bytes::new(), true);
                }
                true
            }
        };
        if is_last {
            self.stream = None;
        }
    }
}

/// Waits until the backend takes more; `false` if it has reset the stream.
fn poll_has_capacity(stream: &mut SendStream<Bytes>, cx: &mut Context<'_>) -> Poll<bool> {
    // A frame's length is not known before it is read, and h2 sends it in pieces.
    stream.reserve_capacity(1);
    while stream.capacity() == 0 {
        match ready!(stream.poll_capacity(cx)) {
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Poll::Ready(false),
        }
    }
    Poll::Ready(stream.poll_reset(cx).is_pending())
}
