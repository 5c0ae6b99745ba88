//! State that a connection's stream of bytes, its requests and its task share. Single-threaded,
//! hence cells.

use super::{
    super::{
        memory::{TLS_BUFFER_BYTES, session_bytes},
        registry::{Activity, ConnectionHandle},
        rtt::SavedTrips,
    },
    unsent::Unsent,
};
use crate::{proxy::Peer, request::Deadline};
use std::{cell::Cell, rc::Rc, task::Waker};

/// What an open connection takes whatever it does: its task, socket, states, and the library's
/// buffers and tables.
const CONNECTION_BYTES: usize = 28 * 1024;

/// What a request takes beside what it holds of its bodies, with its connection to a backend.
const STREAM_BYTES: usize = 24 * 1024;

/// The accuracy of what is held of bodies, so that the account does not change with each frame.
const HELD_STEP_BYTES: usize = 32 * 1024;

/// How much a client may leave unread of some responses and still count as reading because it reads
/// others.
const UNREAD_SHARE_BYTES: usize = 1024 * 1024;

/// A client's HTTP/2 connection.
#[derive(Debug)]
pub(super) struct ConnState {
    /// The client's end.
    pub(super) peer: Peer,
    /// The worker's handle on the connection.
    pub(super) handle: Rc<ConnectionHandle>,
    /// See [`SavedTrips`].
    pub(super) saved_trips: SavedTrips,
    /// When what the connection itself waits for times out.
    pub(super) deadline: Deadline,
    /// Whether the client has sent too many frames that get no request any further.
    pub(super) is_flooded: Cell<bool>,
    /// Whether a field block has begun and is incomplete.
    pub(super) is_in_head: Cell<bool>,
    /// Whether everything has been written, and the client's end is awaited.
    pub(super) is_closing: Cell<bool>,
    /// Whether a request has begun since [`activity`](Self::activity) was last recorded.
    pub(super) served: Cell<bool>,
    /// How many requests are being served.
    pub(super) streams: Cell<usize>,
    /// How many of their bodies arrive.
    pub(super) bodies: Cell<usize>,
    /// How many bytes of them wait for backends.
    pub(super) waiting: Cell<usize>,
    /// Whether a backend that takes one fast waits for more.
    pub(super) is_body_awaited: Cell<bool>,
    /// How many of them wait for the client to read their responses.
    pub(super) stalled: Cell<usize>,
    /// How many bytes of heads and responses are held for requests that are being served.
    pub(super) held: Cell<usize>,
    /// What the library holds of responses.
    pub(super) unsent: Unsent,
    /// Whether part of a response has been written since [`activity`](Self::activity) was last
    /// recorded.
    pub(super) wrote: Cell<bool>,
    /// Whether the socket has not taken all of the last write.
    pub(super) is_blocked: Cell<bool>,
}

impl ConnState {
    /// A new connection.
    pub(super) fn new(peer: Peer, handle: Rc<ConnectionHandle>) -> Self {
        Self {
            peer,
            handle,
            saved_trips: SavedTrips::default(),
            deadline: Deadline::new(),
            is_flooded: Cell::new(false),
            is_in_head: Cell::new(false),
            is_closing: Cell::new(false),
            served: Cell::new(false),
            streams: Cell::new(0),
            bodies: Cell::new(0),
            waiting: Cell::new(0),
            is_body_awaited: Cell::new(false),
            stalled: Cell::new(0),
            held: Cell::new(0),
            unsent: Unsent::default(),
            wrote: Cell::new(false),
            is_blocked: Cell::new(false),
        }
    }

    /// Called on each poll of the connection's task.
    pub(super) fn begin_poll(&self, waker: &Waker) {
        self.handle.remember(waker);
        self.deadline.tick();
    }

    /// What the connection is doing.
    pub(super) fn activity(&self) -> Activity {
        let streams = self.streams.get();
        if streams > 0 {
            if self.is_stalled() { Activity::Stalled } else { Activity::Busy }
        } else if !self.unsent.is_empty() {
            Activity::Stalled
        } else if self.is_in_head.get() {
            Activity::Head
        } else {
            Activity::Idle
        }
    }

    /// Whether the client reads none of its responses, or leaves too much of some unread.
    fn is_stalled(&self) -> bool {
        let stalled = self.stalled.get();
        let held = self.held.get() + self.waiting.get() + self.unsent.bytes();
        stalled == self.streams.get() || (stalled > 0 && held >= UNREAD_SHARE_BYTES)
    }

    /// Whether the connection is closed at once, for another one.
    pub(super) fn gives_way(&self) -> bool {
        self.handle.gives_way(|| self.activity())
    }

    /// Updates the estimate of what the connection holds.
    pub(super) fn account(&self) {
        self.handle.set_memory(self.memory());
    }

    fn memory(&self) -> usize {
        let held = self.held.get() + self.waiting.get() + self.unsent.bytes();
        let held = held.next_multiple_of(HELD_STEP_BYTES);
        let session = self.peer.session.as_ref();
        let has_buffer = session.is_some() && self.is_blocked.get();
        let tls = session_bytes(session) + if has_buffer { TLS_BUFFER_BYTES } else { 0 };
        CONNECTION_BYTES + tls + self.streams.get() * STREAM_BYTES + held
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        connection::{Admission, MemoryBudget, Registry, memory::TLS_BYTES},
        proxy::Session,
        table::Scheme,
    };
    use std::sync::Arc;

    #[tokio::test]
    async fn what_waits_encrypted_for_the_socket_counts() {
        let registry = Rc::new(Registry::new(Arc::new(MemoryBudget::new(usize::MAX))));
        let state = |peer| {
            let registered = registry.register(Admission::free());
            ConnState::new(peer, registered.handle.clone())
        };
        let address = ([127, 0, 0, 1], 1).into();
        let plain = state(Peer::new(address, Scheme::Http));
        let tls = state(Peer::over_tls(address, Session::sample()));
        assert_eq!(tls.memory(), plain.memory() + TLS_BYTES);
        for state in [&plain, &tls] {
            state.is_blocked.set(true);
        }
        assert_eq!(tls.memory(), plain.memory() + TLS_BYTES + TLS_BUFFER_BYTES);
    }
}
