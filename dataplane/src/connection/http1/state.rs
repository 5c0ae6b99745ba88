//! What a connection's stream, its requests and its task tell each other. One thread: cells.

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

/// The Host of the head that hyper parses in place of a refused one: none that a client could send and
/// be served.
pub(super) const STAND_IN_HOST: &[u8] = b"<refused>";

/// What has become of an `Upgrade` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upgrade {
    /// There is none, or it was declined.
    None,
    /// The last head read has one; its request has no response yet.
    Offered,
    /// The connection leaves HTTP with the response to that request.
    Taken,
}

/// A client's HTTP/1.1 connection. Its requests come one after the other, so that one
/// [`RequestState`] serves them all.
#[derive(Debug)]
pub(crate) struct ConnState {
    peer: Peer,
    /// How the worker reaches the connection.
    pub(super) handle: Rc<ConnectionHandle>,
    /// See [`SavedTrips`].
    pub(super) saved_trips: SavedTrips,
    /// The request that is being served. Its deadline is the connection's between requests, too.
    pub(super) request: Rc<RequestState>,
    /// How long the connection may be kept alive without a request.
    idle_timeout: Duration,
    /// Whether a head has begun and is not complete.
    pub(super) mid_head: Cell<bool>,
    /// Whether that head has taken too long.
    pub(super) head_expired: Cell<bool>,
    /// Whether a request is being served.
    pub(super) in_flight: Cell<bool>,
    /// How many heads have been passed on whose requests have not begun: pipelined ones.
    heads_ahead: Cell<usize>,
    /// See [`Upgrade`].
    pub(super) upgrade: Cell<Upgrade>,
    /// The backend's end of an upgraded connection.
    pub(super) upgraded: RefCell<Option<Upgraded>>,
    refused: Cell<Option<Refusal>>,
}

impl ConnState {
    /// A fresh connection from `peer`, in the clear.
    pub(super) fn new(peer: SocketAddr, idle_timeout: Duration) -> Self {
        Self {
            peer: Peer::new(peer, Scheme::Http),
            handle: Rc::default(),
            saved_trips: SavedTrips::default(),
            request: Rc::new(RequestState::new()),
            idle_timeout,
            mid_head: Cell::new(false),
            head_expired: Cell::new(false),
            in_flight: Cell::new(false),
            heads_ahead: Cell::new(0),
            upgrade: Cell::new(Upgrade::None),
            upgraded: RefCell::new(None),
            refused: Cell::new(None),
        }
    }

    /// A head is complete, and passed on.
    pub(super) fn head_ends(&self) {
        self.mid_head.set(false);
        self.heads_ahead.set(self.heads_ahead.get() + 1);
    }

    /// Notes that the next request that hyper parses stands in for a refused one.
    pub(super) fn refuse_head(&self, refusal: Refusal) {
        self.refused.set(Some(refusal));
    }

    /// Remembers the connection's task.
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
        // What stands in for a refused head has not been counted.
        self.heads_ahead.set(self.heads_ahead.get().saturating_sub(1));
        self.in_flight.set(true);
        self.request.body.reset();
    }

    fn end(&self) {
        self.in_flight.set(false);
        self.request.deadline.set(Some(self.idle_timeout));
        match self.handle.draining() {
            Draining::No => {}
            Draining::AfterRequest | Draining::Now => self.wake(),
        }
    }

    fn is_closing(&self) -> bool {
        self.handle.draining() != Draining::No
    }

    /// Requests that came before it on the connection have hosts of their own.
    fn take_refused(&self, host: Option<&[u8]>) -> Option<Refusal> {
        if host == Some(STAND_IN_HOST) { self.refused.take() } else { None }
    }

    /// By the request that is being served, not by one pipelined behind it.
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
