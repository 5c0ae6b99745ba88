//! The state of one request, whichever protocol carries it: its deadline, its body's progress, and
//! the body itself. One connection can have many of them.

mod added;
mod body;
mod deadline;
mod error;
mod incoming;
mod pace;
mod progress;
mod trailers;
mod websocket;

pub(crate) use added::{AddedFields, SharedFields, write_field};
pub(crate) use body::RequestBody;
pub(crate) use deadline::Deadline;
pub(crate) use error::{BodyError, BoxError};
pub(crate) use incoming::Incoming;
pub(crate) use pace::Pace;
pub(crate) use progress::BodyProgress;
pub(crate) use trailers::TrailerFilter;
pub(crate) use websocket::{websocket_accept, websocket_key};

use std::{cell::Cell, time::Duration};

/// After so many pieces of a response's body, other tasks have a turn: a backend that is faster than
/// the rest must not keep the worker to itself, however small its chunks or frames.
pub(crate) const PIECES_PER_TURN: u8 = 64;

/// State that a request shares with its body and its response's body. HTTP/1.1 reuses one for all
/// requests of a connection, which are sequential.
#[derive(Debug)]
pub(crate) struct RequestState {
    /// When the step that the request is waiting for times out.
    pub(crate) deadline: Deadline,
    /// The progress of its body.
    pub(crate) body: BodyProgress,
    /// How many bytes of the response have been handed to the client's connection and not written
    /// to its socket.
    pub(crate) unwritten: Cell<usize>,
    /// How long the response may make no progress; `None` while there is none, or if that is not
    /// limited.
    pub(crate) response_idle: Cell<Option<Duration>>,
    /// Whether the response's body waits until they are, without a waker.
    pub(crate) is_held_back: Cell<bool>,
    /// The poll of the task in which pieces of the response's body were last passed on, and how many.
    passed: Cell<(u64, u8)>,
}

impl RequestState {
    /// The state of a request that has not begun.
    pub(crate) fn new() -> Self {
        Self {
            deadline: Deadline::new(),
            body: BodyProgress::default(),
            unwritten: Cell::new(0),
            response_idle: Cell::new(None),
            is_held_back: Cell::new(false),
            passed: Cell::new((0, 0)),
        }
    }

    /// Whether another piece of the response's body may be passed on in this poll of the task. If
    /// not, none may until the next one.
    pub(crate) fn may_pass(&self) -> bool {
        let poll = self.deadline.polls();
        let (last, passed) = self.passed.get();
        let passed = if last == poll { passed } else { 0 };
        self.passed.set((poll, passed.saturating_add(1)));
        passed < PIECES_PER_TURN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_of_small_pieces_leaves_turns_to_others() {
        let state = RequestState::new();
        for _ in 0..2 {
            state.deadline.tick();
            assert!((0..PIECES_PER_TURN).all(|_| state.may_pass()));
            // However often the body is asked for more in the same turn.
            assert!((0..300).all(|_| !state.may_pass()));
        }
    }
}
