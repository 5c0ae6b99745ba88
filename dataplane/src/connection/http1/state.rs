//! State shared by a connection's stream, requests and task. Single-threaded, hence cells.

use super::{super::rtt::SavedTrips, buffers::Buffers, interim::Interims};
use crate::{
    connection::{
        STAND_IN_HOST,
        registry::{Activity, ConnectionHandle, Draining},
    },
    proxy::{Downstream, Peer, Upgraded},
    refusal::Refusal,
    request::RequestState,
    telemetry::RouteStats,
};
use http::Response;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

/// How long a connection is idle before it is [parked](ConnState::may_park): long enough that a busy
/// one never is.
const PARK_DELAY: Duration = Duration::from_millis(250);

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
    /// What is left of that time when the deadline of an idle connection passes.
    idle_left: Cell<Duration>,
    /// What the connection's buffers hold.
    pub(super) buffers: Buffers,
    /// The interim responses to the current request.
    pub(super) interims: Interims,
    /// Whether a head has begun but is incomplete.
    pub(super) mid_head: Cell<bool>,
    /// Whether that head has timed out.
    pub(super) head_expired: Cell<bool>,
    /// Whether the client has closed its sending side.
    pub(super) read_closed: Cell<bool>,
    /// Whether the sending side of the stream to it has been closed.
    pub(super) is_shut: Cell<bool>,
    /// How often something has been written since the client closed its own.
    pub(super) writes: Cell<u64>,
    /// Whether a request is being served.
    pub(super) in_flight: Cell<bool>,
    /// Whether one may be served in this poll of the connection's task.
    has_turn: Cell<bool>,
    /// Whether one has been served since [`activity`](Self::activity) was last recorded.
    pub(super) served: Cell<bool>,
    /// Whether nothing of the current request's response has been written.
    pub(super) starts_response: Cell<bool>,
    /// Whether the client has read some of a response that it had not read.
    pub(super) progresses: Cell<bool>,
    /// Whether hyper has parsed all it was given, and waits for the next head.
    pub(super) awaits_head: Cell<bool>,
    /// How many heads have been handed on whose requests have not begun: pipelined ones.
    heads_ahead: Cell<usize>,
    /// See [`Upgrade`].
    pub(super) upgrade: Cell<Upgrade>,
    /// The backend's end of an upgraded connection.
    pub(super) upgraded: RefCell<Option<Upgraded>>,
    refused: Cell<Option<Refusal>>,
}

impl ConnState {
    /// The peer of a connection that has ended.
    pub(super) fn into_peer(self) -> Peer {
        self.peer
    }

    /// A new connection from `peer`.
    pub(super) fn new(peer: Peer, idle_timeout: Duration, handle: Rc<ConnectionHandle>) -> Self {
        let buffers = Buffers::new(peer.session.as_ref());
        Self {
            peer,
            handle,
            saved_trips: SavedTrips::default(),
            request: Rc::new(RequestState::new()),
            idle_timeout,
            idle_left: Cell::new(Duration::ZERO),
            buffers,
            interims: Interims::default(),
            mid_head: Cell::new(false),
            head_expired: Cell::new(false),
            read_closed: Cell::new(false),
            is_shut: Cell::new(false),
            writes: Cell::new(0),
            in_flight: Cell::new(false),
            has_turn: Cell::new(false),
            served: Cell::new(false),
            starts_response: Cell::new(false),
            progresses: Cell::new(false),
            awaits_head: Cell::new(false),
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

    /// What the connection is doing.
    pub(super) fn activity(&self) -> Activity {
        let is_upgraded = self.upgrade.get() == Upgrade::Taken;
        if self.request.unwritten.get() > 0 {
            Activity::Stalled
        } else if self.is_busy() || is_upgraded {
            Activity::Busy
        } else if self.mid_head.get() {
            Activity::Head
        } else {
            Activity::Idle
        }
    }

    /// Whether the connection is closed at once, for another one.
    pub(super) fn gives_way(&self) -> bool {
        self.handle.gives_way(|| self.activity())
    }

    /// Whether the connection is to be closed after its request, if it has one.
    pub(super) fn must_end(&self) -> bool {
        match self.handle.draining() {
            Draining::No => false,
            Draining::AfterRequest | Draining::GiveWay => self.in_flight.get(),
            Draining::Now => true,
        }
    }

    /// Whether the connection can do without hyper until the next head arrives: it is idle, and
    /// hyper neither holds any of the client's bytes nor has any to write.
    pub(super) fn may_park(&self) -> bool {
        self.activity() == Activity::Idle
            && self.awaits_head.get()
            && self.handle.draining() == Draining::No
    }

    /// The deadline of an idle connection has passed: `false` if it stays open for the rest of its
    /// time, to be parked.
    pub(super) fn idles_too_long(&self) -> bool {
        let left = self.idle_left.take();
        self.request.deadline.set(Some(left));
        left.is_zero()
    }

    fn idle_from_now(&self) {
        let first = self.idle_timeout.min(PARK_DELAY);
        self.request.deadline.set(Some(first));
        self.idle_left.set(self.idle_timeout - first);
    }

    /// The client has read some of a response that waited for it: the time in which it has to read
    /// more begins anew.
    pub(super) fn progresses(&self) {
        self.progresses.set(true);
        if !self.in_flight.get() {
            self.idle_from_now();
        } else if let Some(idle) = self.request.response_idle.get() {
            self.request.deadline.set(Some(idle));
        }
    }

    /// Records that hyper's connection has been made, or freed.
    pub(super) fn set_hyper(&self, exists: bool) {
        self.buffers.set_hyper(exists);
        self.awaits_head.set(false);
        if !exists {
            self.peer.forget();
        }
        self.account();
    }

    /// Updates the estimate of what the connection holds.
    pub(super) fn account(&self) {
        self.handle.set_memory(self.buffers.bytes(self.request.unwritten.get()));
    }

    /// Records that `left` bytes are waiting to be written.
    pub(super) fn set_unwritten(&self, left: usize) {
        self.request.unwritten.set(left);
        if self.buffers.is_blocked.replace(left > 0) || left > 0 {
            self.account();
        }
        if left == 0 && self.request.is_held_back.take() {
            self.wake();
        }
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
        self.mid_head.set(false);
    }

    /// Stores the waker of the connection's task.
    pub(super) fn remember(&self, waker: &Waker) {
        self.handle.remember(waker);
    }

    /// Called on each poll of the connection's task.
    pub(super) fn begin_poll(&self, waker: &Waker) {
        self.remember(waker);
        self.has_turn.set(true);
        self.request.deadline.tick();
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
        self.handle.stay();
        // The replacement for a refused head was not counted.
        self.heads_ahead.set(self.heads_ahead.get().saturating_sub(1));
        self.in_flight.set(true);
        self.served.set(true);
        self.starts_response.set(true);
        self.idle_left.set(Duration::ZERO);
        self.request.deadline.set(Some(self.idle_timeout));
        self.request.response_idle.set(None);
        self.request.body.reset();
    }

    fn poll_turn(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_turn.take() {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn end(&self) {
        self.in_flight.set(false);
        self.idle_from_now();
        match self.handle.draining() {
            // hyper has not been told yet that the client has closed its sending side.
            Draining::No if self.read_closed.get() => self.wake(),
            Draining::No => {}
            Draining::AfterRequest | Draining::Now | Draining::GiveWay => self.wake(),
        }
    }

    fn is_closing(&self) -> bool {
        self.handle.draining() != Draining::No
    }

    /// Earlier requests on the connection have other hosts.
    fn take_refused(&self, host: Option<&[u8]>) -> Option<Refusal> {
        if host == Some(STAND_IN_HOST.as_bytes()) { self.refused.take() } else { None }
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

    /// While something waits to be written, it may be part of a message, which nothing can be
    /// written into; and one that is read late is no hint.
    fn send_interim(&self, response: Response<()>) {
        if !self.buffers.is_blocked.get() {
            self.interims.push(&response);
            self.wake();
        }
    }

    fn record_saved_trip(&self, route: &Rc<RouteStats>) {
        self.saved_trips.record(route);
    }
}

#[cfg(test)]
impl ConnState {
    /// The only connection of a worker.
    pub(super) fn alone(idle_timeout: Duration) -> Self {
        use crate::connection::{Admission, MemoryBudget, Registry};
        let registry = Rc::new(Registry::new(std::sync::Arc::new(MemoryBudget::new(usize::MAX))));
        let handle = registry.register(Admission::free()).handle.clone();
        Self::new(Self::local_peer(), idle_timeout, handle)
    }

    /// A peer on this machine.
    fn local_peer() -> Peer {
        Peer::new(([127, 0, 0, 1], 1).into(), crate::table::Scheme::Http)
    }

    /// Serves a request, after which hyper waits for the next head.
    pub(super) fn serve_one(&self) {
        self.begin();
        self.end();
        self.awaits_head.set(true);
    }
}

#[cfg(test)]
mod tests;
