//! The way of a request through the pipeline, and of its response back.

use super::{head, inbox::Inbox, outgoing, state::ConnState, stream::Stream};
use crate::{
    proxy::{self, Downstream, Shared},
    request::{BoxError, Incoming},
};
use bytes::Bytes;
use h2::{RecvStream, server::SendResponse};
use http::{HeaderValue, Request, header, request::Parts};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Frame, SizeHint};
use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll},
};

/// Serves one request. What needs no waiting is done at once, so that what waits is small: there is
/// one of it for each request of each connection.
pub(super) fn serve(
    shared: Rc<Shared>,
    connection: &Rc<ConnState>,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
) -> impl Future<Output = ()> + use<> {
    let (head, body) = request.into_parts();
    let mut head = Box::new(head);
    let method = head.method.clone();
    let stream = Rc::new(Stream::new(connection, respond, head::size(&head)));
    match head::admit(&mut head, &shared.limits) {
        Ok(websocket) => *stream.websocket.borrow_mut() = websocket,
        Err(refusal) => {
            stream.refused.set(Some(refusal));
            head::stand_in(&mut head);
        }
    }
    // Nothing is waited for before the answer to the handshake of a WebSocket.
    stream.expects_continue.set(!stream.offers_upgrade() && expects_continue(&head));
    stream.inbox.replace(Some(Inbox::new(
        body,
        content_length(&head),
        stream.request.deadline.now(),
    )));
    let body: Pin<Box<dyn Body<Data = Bytes, Error = BoxError>>> = match stream.offers_upgrade() {
        // What follows is the WebSocket's.
        true => Box::pin(Empty::new().map_err(BoxError::from)),
        false => Box::pin(ClientBody(stream.clone())),
    };
    async move {
        let response = {
            let handled = proxy::handle(shared, stream.clone(), head, Incoming::Http2(body));
            let mut handled = pin!(handled);
            poll_fn(|cx| match stream.poll_gone(cx) {
                true => Poll::Ready(None),
                false => handled.as_mut().poll(cx).map(Some),
            })
            .await
        };
        let Some(Ok(response)) = response else { return };
        outgoing::send(&stream, &method, response).await;
    }
}

fn expects_continue(head: &Parts) -> bool {
    let expect = head.headers.get(header::EXPECT).map(HeaderValue::as_bytes);
    expect.is_some_and(|expect| expect.eq_ignore_ascii_case(b"100-continue"))
}

/// The length that the head tells, which the library compares with the body.
fn content_length(head: &Parts) -> Option<u64> {
    head.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The body of a stream's request.
pub(super) struct ClientBody(pub(super) Rc<Stream>);

impl Body for ClientBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.0.poll_body(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.inbox.borrow().as_ref().is_none_or(Inbox::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.0.inbox.borrow().as_ref().map_or(Some(0), Inbox::left);
        left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for ClientBody {
    /// Nobody reads the rest.
    fn drop(&mut self) {
        self.0.discard_body();
    }
}
