//! A request of an HTTP/2 connection: what the pipeline needs of the client's side of it.

use super::{head, inbox::Inbox, state::ConnState};
use crate::{
    proxy::{Downstream, Peer, Upgraded},
    refusal::Refusal,
    request::{BoxError, RequestState},
    telemetry::RouteStats,
};
use bytes::Bytes;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::body::Frame;
use std::{
    cell::{Cell, RefCell},
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
    pub(super) refused: Cell<Option<Refusal>>,
    /// Whether the client waits for a 100 before it sends the body (RFC 9110 §10.1.1).
    pub(super) expects_continue: Cell<bool>,
    /// What accepts it if it is the handshake of a WebSocket.
    pub(super) websocket: RefCell<Option<String>>,
    /// The backend's end of the WebSocket.
    pub(super) upgraded: RefCell<Option<Upgraded>>,
    /// Whether more of the body may arrive.
    is_arriving: Cell<bool>,
    /// Whether the client does not read the response.
    is_stalled: Cell<bool>,
    /// How many bytes of the response wait to be read by the client.
    held: Cell<usize>,
    /// How many bytes its head takes.
    head: usize,
}

impl Stream {
    /// A request that has arrived, and whose head has so many bytes.
    pub(super) fn new(
        connection: &Rc<ConnState>,
        respond: SendResponse<Bytes>,
        head: usize,
    ) -> Self {
        connection.streams.set(connection.streams.get() + 1);
        connection.held.set(connection.held.get() + head);
        connection.served.set(true);
        Self {
            connection: connection.clone(),
            request: Rc::new(RequestState::new()),
            respond: RefCell::new(respond),
            inbox: RefCell::new(None),
            refused: Cell::new(None),
            expects_continue: Cell::new(false),
            websocket: RefCell::new(None),
            upgraded: RefCell::new(None),
            is_arriving: Cell::new(false),
            is_stalled: Cell::new(false),
            held: Cell::new(0),
            head,
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
            let waiting = &self.connection.waiting;
            waiting.set(waiting.get() + inbox.read(cx));
            self.set_arriving(inbox.is_arriving());
        }
    }

    /// Records whether more of the body may arrive.
    fn set_arriving(&self, is_arriving: bool) {
        if self.is_arriving.replace(is_arriving) != is_arriving {
            let bodies = &self.connection.bodies;
            bodies.set(if is_arriving { bodies.get() + 1 } else { bodies.get() - 1 });
        }
    }

    /// The next frame of the body, for which the client is asked if it waits to be.
    pub(super) fn poll_body(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.read_ahead(cx);
        let mut inbox = self.inbox.borrow_mut();
        let Some(inbox) = &mut *inbox else { return Poll::Ready(None) };
        let polled = inbox.next();
        match &polled {
            Poll::Pending => {
                self.send_continue();
                // A WebSocket may last for days, and gets no larger window.
                if !self.offers_upgrade() && inbox.is_fast(self.request.deadline.now()) {
                    self.connection.is_body_awaited.set(true);
                }
            }
            Poll::Ready(Some(Ok(frame))) => self.taken(frame.data_ref().map_or(0, Bytes::len)),
            Poll::Ready(_) => {}
        }
        polled
    }

    /// So many bytes of the body no longer wait for the backend.
    fn taken(&self, bytes: usize) {
        let waiting = &self.connection.waiting;
        waiting.set(waiting.get().saturating_sub(bytes));
    }

    /// So many bytes of the response wait to be read by the client.
    pub(super) fn hold(&self, bytes: usize) {
        let before = self.held.replace(bytes);
        let held = &self.connection.held;
        held.set((held.get() + bytes).saturating_sub(before));
    }

    /// The response begins.
    pub(super) fn begin_response(&self) {
        self.expects_continue.set(false);
        self.connection.unsent.begin(self.id());
    }

    /// So many bytes of the response's body have been handed to the library.
    pub(super) fn hand_on(&self, bytes: usize) {
        self.connection.unsent.hand_on(self.id(), bytes);
    }

    fn id(&self) -> u32 {
        self.respond.borrow().stream_id().as_u32()
    }

    /// Nobody reads the body any more.
    pub(super) fn discard_body(&self) {
        if let Some(inbox) = self.inbox.take() {
            self.taken(inbox.len());
            self.set_arriving(false);
        }
    }

    /// The body is about to be waited for: asks the client for it, if it waits to be asked.
    fn send_continue(&self) {
        if self.expects_continue.take() {
            let mut interim = Response::new(());
            *interim.status_mut() = StatusCode::CONTINUE;
            self.inform(interim, 0);
        }
    }

    /// Sends an interim response, whose fields have this size. The final one has not begun.
    fn inform(&self, interim: Response<()>, fields: usize) {
        let sent = self.respond.borrow_mut().send_informational(interim);
        // Fails if the stream has ended.
        if sent.is_ok() {
            self.connection.unsent.hand_on_interim(self.id(), fields);
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
        let held = &self.connection.held;
        held.set(held.get().saturating_sub(self.head));
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
        self.websocket.borrow().is_some()
    }

    fn is_accepted(&self, headers: &HeaderMap) -> bool {
        let accept = headers.get(header::SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes);
        accept == self.websocket.borrow().as_deref().map(str::as_bytes)
    }

    fn decline_upgrade(&self) {}

    fn upgrade(&self, upgraded: Upgraded) {
        self.upgraded.replace(Some(upgraded));
    }

    fn send_interim(&self, response: Response<()>) {
        let fields = head::fields_size(response.headers());
        if self.connection.unsent.has_room(fields) {
            self.inform(response, fields);
        }
    }

    fn record_saved_trip(&self, route: &Rc<RouteStats>) {
        self.connection.saved_trips.record(route);
    }
}
