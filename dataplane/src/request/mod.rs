//! The state of one request, whichever protocol carries it: its deadline, its body's progress, and
//! the body itself. One connection can have many of them.

mod body;
mod deadline;
mod progress;
mod trailers;

pub(crate) use body::{BodyError, BoxError, RequestBody};
pub(crate) use deadline::Deadline;
pub(crate) use progress::BodyProgress;
pub(crate) use trailers::TrailerFilter;

use std::{cell::Cell, time::Duration};

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
        }
    }
}
