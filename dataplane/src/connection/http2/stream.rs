//! A request of an HTTP/2 connection: what the pipeline needs of the client's side of it, and its
//! way through the pipeline.

use super::{
    head,
    inbox::{ClientBody, Inbox},
    outgoing,
    state::ConnState,
};
use crate::{
    proxy::{self, Downstream, Peer, Shared, Upgraded},
    refusal::Refusal,
    request::{Incoming, RequestState},
    telemetry::RouteStats,
};
use bytes::Bytes;
use h2::{Reason, RecvStream, server::SendResponse};
use http::{HeaderValue, Request, Response, StatusCode, header, request::Parts};
use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    task::{Context, Poll},
};

/// One request of a connection.
pub(super) struct Stream {
    connection: Rc<ConnState>,
    /// Its deadline and its bodies' progress.
    pub(super) request: Rc<RequestState>,
    /// What its response is sent through.
    pub(super) respond: RefCell<SendResponse<Bytes>>,
    /// The body that has arrived; `None` once nobody reads it.
    pub(super) inbox: RefCell<Option<Inbox>>,
    /// Why its head is refused.
    refused: Cell<Option<Refusal>>,
    /// Whether the client waits for a 100 before it sends the body (RFC 9110 §10.1.1).
    expects_continue: Cell<bool>,
    /// Whether the client does not read the response.
    is_stalled: Cell<bool>,
    /// How many bytes of the response wait to be read by the client.
    held: Cell<usize>,
}

impl Stream {
    /// A request that has arrived.
    pub(super) fn new(connection: &Rc<ConnState>, respond: SendResponse<Bytes>) -> Self {
        connection.streams.set(connection.streams.get() + 1);
        connection.served.set(true);
        Self {
            connection: connection.clone(),
            request: Rc::new(RequestState::new()),
            respond: RefCell::new(respond),
            inbox: RefCell::new(None),
            refused: Cell::new(None),
            expects_continue: Cell::new(false),
            is_stalled: Cell::new(false),
            held: Cell::new(0),
        }
    }

    /// Called on each poll of the request: whether its client has given it up, or the connection has
    /// ended. What has arrived of its body is read.
    pub(super) fn poll_gone(&self, cx: &mut Context<'_>) -> bool {
        self.request.deadline.tick();
        self.read_ahead(cx);
        // An error is a connection that has failed.
        self.respond.borrow_mut().poll_reset(cx).is_ready()
    }

    /// Reads what has arrived of the body.
    pub(super) fn read_ahead(&self, cx: &mut Context<'_>) {
        if let Some(inbox) = &mut *self.inbox.borrow_mut() {
            let held = &self.connection.held;
            held.set(held.get() + inbox.read(cx));
        }
    }

    /// So many bytes no longer wait.
    pub(super) fn hold_less(&self, bytes: usize) {
        let held = &self.connection.held;
        held.set(held.get().saturating_sub(bytes));
    }

    /// So many bytes of the response wait to be read by the client.
    pub(super) fn hold(&self, bytes: usize) {
        let before = self.held.replace(bytes);
        let held = &self.connection.held;
        held.set((held.get() + bytes).saturating_sub(before));
    }

    /// Nobody reads the body any more.
    pub(super) fn discard_body(&self) {
        if let Some(inbox) = self.inbox.take() {
            self.hold_less(inbox.len());
        }
    }

    /// The body is about to be waited for: asks the client for it, if it waits to be asked.
    pub(super) fn send_continue(&self) {
        if self.expects_continue.take() {
            let mut interim = Response::new(());
            *interim.status_mut() = StatusCode::CONTINUE;
            // Fails if the response has begun, or the stream has ended.
            let _ = self.respond.borrow_mut().send_informational(interim);
        }
    }

    /// Records whether the client does not read the response.
    pub(super) fn set_stalled(&self, is_stalled: bool) {
        if self.is_stalled.replace(is_stalled) != is_stalled {
            let stalled = &self.connection.stalled;
            stalled.set(if is_stalled { stalled.get() + 1 } else { stalled.get() - 1 });
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.set_stalled(false);
        self.hold(0);
        self.discard_body();
        self.connection.streams.set(self.connection.streams.get() - 1);
    }
}

impl Downstream for Stream {
    fn peer(&self) -> &Peer {
        &self.connection.peer
    }

    fn state(&self) -> &Rc<RequestState> {
        &self.request
    }

    fn begin(&self) {
        self.connection.handle.stay();
    }

    fn end(&self) {}

    /// That a connection closes, its GOAWAY says (RFC 9113 §6.8), not a response.
    fn is_closing(&self) -> bool {
        false
    }

    fn take_refused(&self, _host: Option<&[u8]>) -> Option<Refusal> {
        self.refused.take()
    }

    fn offers_upgrade(&self) -> bool {
        false
    }

    fn decline_upgrade(&self) {}

    fn upgrade(&self, _upgraded: Upgraded) {}

    fn record_saved_trip(&self, route: &Rc<RouteStats>) {
        self.connection.saved_trips.record(route);
    }
}

/// Serves one request.
pub(super) async fn serve(
    shared: Rc<Shared>,
    connection: Rc<ConnState>,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
) {
    let (mut head, body) = request.into_parts();
    let method = head.method.clone();
    let stream = Rc::new(Stream::new(&connection, respond));
    stream.refused.set(head::admit(&mut head, &shared.limits).err());
    stream.expects_continue.set(expects_continue(&head));
    stream.inbox.replace(Some(Inbox::new(body, content_length(&head))));
    let response = {
        let body = Incoming::Http2(Box::pin(ClientBody(stream.clone())));
        let request = Request::from_parts(head, body);
        let mut handled = pin!(proxy::handle(shared, stream.clone(), request));
        poll_fn(|cx| match stream.poll_gone(cx) {
            true => Poll::Ready(None),
            false => handled.as_mut().poll(cx).map(Some),
        })
        .await
    };
    let Some(Ok(response)) = response else { return };
    if let Err(reason) = outgoing::send(&stream, &method, response).await {
        stream.respond.borrow_mut().send_reset(reason);
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

/// Why a response is cut off. Never what a backend says: clients would send the request again.
pub(super) const CUT_OFF: Reason = Reason::INTERNAL_ERROR;
