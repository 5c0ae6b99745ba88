//! What a connection's stream, its requests and its task tell each other. One thread: cells.

use super::{
    alarm::Alarm, guard::STAND_IN_HOST, peer::Peer, round_trip::SavedTrips, tunnel::Tunnel,
};
use crate::{refusal::Refusal, table::Scheme};
use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    task::Waker,
    time::Duration,
};

/// What has become of an `Upgrade` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upgrade {
    /// There is none, or it was declined.
    None,
    /// The head that was read last has one; its request is not answered yet.
    Offered,
    /// The connection leaves HTTP with the answer to that request.
    Taken,
}

/// How the body of a request is coming in.
#[derive(Debug, Default)]
pub(crate) struct BodyState {
    /// Its bytes so far.
    pub(crate) received: Cell<u64>,
    /// Why it broke off.
    pub(crate) failure: Cell<Option<Refusal>>,
    /// Whether its next bytes are being waited for.
    pub(crate) awaited: Cell<bool>,
    /// How long what comes next may take from each of its bytes on: the answer's head, and then
    /// either body's bytes.
    pub(crate) patience: Cell<Option<Duration>>,
    /// How long none of its bytes may pass while it has not ended.
    pub(crate) idle: Cell<Option<Duration>>,
}

impl BodyState {
    /// How long to wait from now on, given whether the body has ended.
    pub(crate) fn wait(&self, ended: bool) -> Option<Duration> {
        let idle = self.idle.get().filter(|_| !ended);
        self.patience.get().into_iter().chain(idle).min()
    }
}

/// Whether a connection is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Draining {
    /// It serves on.
    No,
    /// After a request, the one in flight or one that is on its way already.
    AfterRequest,
    /// As soon as no request is in flight.
    Now,
}

/// A client's connection.
#[derive(Debug)]
pub(crate) struct ConnState {
    /// Who is at the other end.
    pub(crate) peer: Peer,
    /// See [`SavedTrips`].
    pub(crate) saved_trips: SavedTrips,
    /// The body of the request that is being answered.
    pub(crate) body: BodyState,
    /// How long the connection may be kept alive without a request.
    idle_timeout: Duration,
    /// What the connection waits for next must happen by then.
    pub(crate) alarm: Alarm,
    /// Whether a head has begun and is not whole.
    pub(crate) mid_head: Cell<bool>,
    /// Whether that head has taken too long.
    pub(super) head_expired: Cell<bool>,
    /// Whether a request is being answered.
    pub(crate) in_flight: Cell<bool>,
    /// Whether the connection is to end.
    pub(crate) draining: Cell<Draining>,
    /// How many heads have been handed on whose requests have not begun: pipelined ones.
    heads_ahead: Cell<usize>,
    /// See [`Upgrade`].
    pub(crate) upgrade: Cell<Upgrade>,
    /// The backend's end of an upgraded connection.
    pub(crate) tunnel: RefCell<Option<Tunnel>>,
    refused: Cell<Option<Refusal>>,
    waker: RefCell<Option<Waker>>,
}

impl ConnState {
    /// A fresh connection from `peer`, in the clear.
    pub(crate) fn new(peer: SocketAddr, idle_timeout: Duration) -> Self {
        Self {
            peer: Peer::new(peer, Scheme::Http),
            saved_trips: SavedTrips::default(),
            body: BodyState::default(),
            idle_timeout,
            alarm: Alarm::new(),
            mid_head: Cell::new(false),
            head_expired: Cell::new(false),
            in_flight: Cell::new(false),
            draining: Cell::new(Draining::No),
            heads_ahead: Cell::new(0),
            upgrade: Cell::new(Upgrade::None),
            tunnel: RefCell::new(None),
            refused: Cell::new(None),
            waker: RefCell::new(None),
        }
    }

    /// A head is whole, and handed on.
    pub(super) fn head_ends(&self) {
        self.mid_head.set(false);
        self.heads_ahead.set(self.heads_ahead.get() + 1);
    }

    /// Whether an upgrade is offered, and by the request that is being answered, not by one behind
    /// it.
    pub(crate) fn offers_upgrade(&self) -> bool {
        self.upgrade.get() == Upgrade::Offered && self.heads_ahead.get() == 0
    }

    /// A request is going to be answered.
    pub(crate) fn request_begins(&self) {
        // What stands in for a refused head has not been counted.
        self.heads_ahead.set(self.heads_ahead.get().saturating_sub(1));
        self.in_flight.set(true);
        self.body.received.set(0);
        self.body.failure.set(None);
        self.body.awaited.set(false);
    }

    /// Its answer has ended, however it ended.
    pub(crate) fn request_ended(&self) {
        self.in_flight.set(false);
        self.alarm.set(Some(self.idle_timeout));
        match self.draining.get() {
            Draining::No => {}
            Draining::AfterRequest | Draining::Now => self.wake(),
        }
    }

    /// Notes that the next request that hyper parses stands in for a refused one.
    pub(super) fn refuse_head(&self, refusal: Refusal) {
        self.refused.set(Some(refusal));
    }

    /// Why the request with this Host was refused, if it stands in for one that was. Requests that
    /// came before it on the connection have hosts of their own.
    pub(crate) fn take_refused(&self, host: Option<&[u8]>) -> Option<Refusal> {
        if host == Some(STAND_IN_HOST) { self.refused.take() } else { None }
    }

    /// Remembers the connection's task.
    pub(super) fn remember(&self, waker: &Waker) {
        let mut known = self.waker.borrow_mut();
        match known.as_ref() {
            Some(known) if known.will_wake(waker) => {}
            Some(_) | None => *known = Some(waker.clone()),
        }
    }

    /// Has the connection's task look again.
    pub(crate) fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }
}
