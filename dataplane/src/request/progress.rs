//! The progress of a request's body.

use crate::refusal::Refusal;
use std::{
    cell::Cell,
    time::{Duration, Instant},
};

/// The progress of a request's body.
#[derive(Debug, Default)]
pub(crate) struct BodyProgress {
    /// Bytes received so far.
    pub(crate) received: Cell<u64>,
    /// Bytes passed on to backends, by all tries.
    pub(crate) passed: Cell<u64>,
    /// Why it was cut off.
    pub(crate) failure: Cell<Option<Refusal>>,
    /// Whether more bytes are awaited.
    pub(crate) awaited: Cell<bool>,
    /// When its end was reached; `None` if it was not, or there is none.
    pub(crate) ended: Cell<Option<Instant>>,
    /// Timeout of the next step, restarted by every byte of the body: first for the response's
    /// head, then for the bytes of either body.
    pub(crate) timeout: Cell<Option<Duration>>,
    /// How long the body may make no progress before it ends.
    pub(crate) idle: Cell<Option<Duration>>,
}

impl BodyProgress {
    /// The timeout from now on, given whether the body has ended.
    pub(crate) fn wait(&self, ended: bool) -> Option<Duration> {
        let idle = self.idle.get().filter(|_| !ended);
        self.timeout.get().into_iter().chain(idle).min()
    }

    /// Clears what the previous request left.
    pub(crate) fn reset(&self) {
        self.received.set(0);
        self.passed.set(0);
        self.failure.set(None);
        self.awaited.set(false);
        self.ended.set(None);
    }
}
