//! State shared by a connection's stream, requests and task. Single-threaded, hence cells.

use super::super::rtt::SavedTrips;
use crate::{
    connection::registry::{ConnectionHandle, Draining},
    proxy::{Downstream, Peer, Upgraded},
    refusal::Refusal,
    request::RequestState,
    table::Scheme,
    telemetry::RouteStats,
};
use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
    task::Waker,
    time::Duration,
};

/// The Host of the head that replaces a refused one: no valid Host, so that no client's request can
/// be mistaken for it.
pub(super) const STAND_IN_HOST: &[u8] = b"<refused>";

/// The state of an `Upgrade` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upgrade {
    /// There is none, or it was declined.
    None,
    /// The last head has one, and its request has no response yet.
    Offered,
    /// The connection switches protocols with the response to that request.
    Taken,
}

/// A client's HTTP/1.1 connection. Its requests are sequential, so one [`RequestState`] serves them
/// all.
#[derive(Debug)]
pub(crate) struct ConnState {
    peer: Peer,
    /// The worker's handle on the connection.
    pub(super) handle: Rc<ConnectionHandle>,
    /// See [`SavedTrips`].
    pub(super) saved_trips: SavedTrips,
    /// The current request. Between requests, its deadline is the connection's.
    pub(super) request: Rc<RequestState>,
    /// How long an idle connection is kept open.
    idle_timeout: Duration,
    /// Whether a head has begun but is incomplete.
    pub(super) mid_head: Cell<bool>,
    /// Whether that head has timed out.
    pub(super) head_expired: Cell<bool>,
    /// Whether the client has closed its sending side.
    pub(super) read_closed: Cell<bool>,
    /// How often something has been written since then.
    pub(super) writes: Cell<u64>,
    /// Whether a request is being served.
    pub(super) in_flight: Cell<bool>,
    /// How many heads have been handed on whose requests have not begun: pipelined ones.
    heads_ahead: Cell<usize>,
    /// See [`Upgrade`].
    pub(super) upgrade: Cell<Upgrade>,
    /// The backend's end of an upgraded connection.
    pub(super) upgraded: RefCell<Option<Upgraded>>,
    refused: Cell<Option<Refusal>>,
}

impl ConnState {
    /// A new cleartext connection from `peer`.
    pub(super) fn new(peer: SocketAddr, idle_timeout: Duration) -> Self {
        Self {
            peer: Peer::new(peer, Scheme::Http),
            handle: Rc::default(),
            saved_trips: SavedTrips::default(),
            request: Rc::new(RequestState::new()),
            idle_timeout,
            mid_head: Cell::new(false),
            head_expired: Cell::new(false),
            read_closed: Cell::new(false),
            writes: Cell::new(0),
            in_flight: Cell::new(false),
            heads_ahead: Cell::new(0),
            upgrade: Cell::new(Upgrade::None),
            upgraded: RefCell::new(None),
            refused: Cell::new(None),
        }
    }

    /// A head is complete and has been handed on.
    pub(super) fn head_ends(&self) {
        self.mid_head.set(false);
        self.heads_ahead.set(self.heads_ahead.get() + 1);
    }

    /// Whether a complete request has no complete response yet.
    pub(super) fn is_busy(&self) -> bool {
        self.in_flight.get() || self.heads_ahead.get() > 0
    }

    /// Whether the client has closed its sending side, and is owed a response.
    pub(super) fn is_half_closed(&self) -> bool {
        self.read_closed.get() && self.is_busy()
    }

    /// Records that the next head hyper parses replaces a refused one.
    pub(super) fn refuse_head(&self, refusal: Refusal) {
        self.refused.set(Some(refusal));
    }

    /// Stores the waker of the connection's task.
    pub(super) fn remember(&self, waker: &Waker) {
        self.handle.remember(waker);
    }

    /// Wakes the connection's task.
    pub(super) fn wake(&self) {
        self.handle.wake();
    }
}

impl Downstream for ConnState {
    fn peer(&self) -> &Peer {
        &self.peer
    }

    fn state(&self) -> &Rc<RequestState> {
        &self.request
    }

    fn begin(&self) {
        // The replacement for a refused head was not counted.
        self.heads_ahead.set(self.heads_ahead.get().saturating_sub(1));
        self.in_flight.set(true);
        self.request.body.reset();
    }

    fn end(&self) {
        self.in_flight.set(false);
        self.request.deadline.set(Some(self.idle_timeout));
        match self.handle.draining() {
            // hyper has not been told yet that the client has closed its sending side.
            Draining::No if self.read_closed.get() => self.wake(),
            Draining::No => {}
            Draining::AfterRequest | Draining::Now => self.wake(),
        }
    }

    fn is_closing(&self) -> bool {
        self.handle.draining() != Draining::No
    }

    /// Earlier requests on the connection have other hosts.
    fn take_refused(&self, host: Option<&[u8]>) -> Option<Refusal> {
        if host == Some(STAND_IN_HOST) { self.refused.take() } else { None }
    }

    /// Only the current request counts, not one pipelined behind it.
    fn offers_upgrade(&self) -> bool {
        self.upgrade.get() == Upgrade::Offered && self.heads_ahead.get() == 0
    }

    fn decline_upgrade(&self) {
        if self.offers_upgrade() {
            self.upgrade.set(Upgrade::None);
            self.wake();
        }
    }

    fn upgrade(&self, upgraded: Upgraded) {
        self.upgraded.replace(Some(upgraded));
        self.upgrade.set(Upgrade::Taken);
    }

    fn record_saved_trip(&self, route: &Rc<RouteStats>) {
        self.saved_trips.record(route);
    }
}
