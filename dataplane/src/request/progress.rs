//! How a request's body is coming in.

use crate::refusal::Refusal;
use std::{cell::Cell, time::Duration};

/// How the body of a request is coming in.
#[derive(Debug, Default)]
pub(crate) struct BodyProgress {
    /// Bytes received so far.
    pub(crate) received: Cell<u64>,
    /// Why it broke off.
    pub(crate) failure: Cell<Option<Refusal>>,
    /// Whether the next bytes are being waited for.
    pub(crate) awaited: Cell<bool>,
    /// How long the next step may take, counted anew from each byte of the body: the response's
    /// head, and then the bytes of either body.
    pub(crate) timeout: Cell<Option<Duration>>,
    /// How long the body may make no progress before it has ended.
    pub(crate) idle: Cell<Option<Duration>>,
}

impl BodyProgress {
    /// How long to wait from now on, given whether the body has ended.
    pub(crate) fn wait(&self, ended: bool) -> Option<Duration> {
        let idle = self.idle.get().filter(|_| !ended);
        self.timeout.get().into_iter().chain(idle).min()
    }

    /// Forgets the request before this one.
    pub(crate) fn reset(&self) {
        self.received.set(0);
        self.failure.set(None);
        self.awaited.set(false);
    }
}
