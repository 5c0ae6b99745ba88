//! What belongs to one request, whichever protocol carries it: how long it may wait, how far its body
//! has come, and the body itself. Many of them can exist on one connection.

mod body;
mod deadline;
mod progress;

pub(crate) use body::{BodyError, BoxError, RequestBody};
pub(crate) use deadline::Deadline;
pub(crate) use progress::BodyProgress;

/// What a request shares with its body and with its response's body. HTTP/1.1 reuses one for all
/// requests of a connection, which come one after the other.
#[derive(Debug)]
pub(crate) struct RequestState {
    /// What the request waits for next must happen by then.
    pub(crate) deadline: Deadline,
    /// How its body is coming in.
    pub(crate) body: BodyProgress,
}

impl RequestState {
    /// Of a request that has not begun.
    pub(crate) fn new() -> Self {
        Self { deadline: Deadline::new(), body: BodyProgress::default() }
    }
}
