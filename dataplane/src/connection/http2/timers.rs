//! What an HTTP/2 connection itself waits for: a request, the rest of a head, the client's end.
//! What a request waits for has a deadline of its own.

use super::{super::registry::Activity, state::ConnState};
use crate::config::Limits;
use std::{
    rc::Rc,
    task::Context,
    time::{Duration, Instant},
};

/// How long a client has to confirm that it will make no more requests: from when it is asked, and
/// again from when its last one has ended.
const GOAWAY_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a closed stream is still read.
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);

/// The state of a connection's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// No timeout has fired.
    Running,
    /// There has been no request for too long.
    Idle,
    /// The client does not read the rest of its responses.
    Unread,
    /// The client does not confirm that the connection closes.
    Unanswered,
    /// A head takes too long.
    Head,
    /// The connection can only be dropped.
    Over,
}

/// A connection's timers.
pub(super) struct Timers {
    state: Rc<ConnState>,
    header_timeout: Duration,
    idle_timeout: Duration,
    /// What it waits for; `None` before the first poll.
    waits: Option<Waits>,
    activity: Option<Activity>,
    /// Since when the connection closes.
    closing: Option<Instant>,
    is_aborted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    /// The end of a request, which has its own deadlines.
    Request,
    /// That the client reads what is left of responses.
    Written,
    NextRequest,
    RestOfHead,
    Confirmation,
    End,
}

impl Timers {
    /// The timers of a new connection.
    pub(super) fn new(state: Rc<ConnState>, limits: &Limits) -> Self {
        let (header_timeout, idle_timeout) = (limits.header_timeout, limits.idle_timeout);
        let (waits, activity) = (None, None);
        Self {
            state,
            header_timeout,
            idle_timeout,
            waits,
            activity,
            closing: None,
            is_aborted: false,
        }
    }

    /// The connection takes no more requests.
    pub(super) fn closes(&mut self) {
        self.closing.get_or_insert(self.state.deadline.now());
    }

    /// Whether the client had its time to confirm that, so that what it still asks is refused.
    pub(super) fn must_refuse(&self) -> bool {
        let now = self.state.deadline.now();
        self.closing.is_some_and(|since| now.saturating_duration_since(since) > GOAWAY_TIMEOUT)
    }

    /// The connection has ended but for what is left to be written.
    pub(super) fn aborts(&mut self) {
        self.is_aborted = true;
    }

    fn waits(&self) -> Waits {
        if self.is_aborted || self.state.is_closing.get() {
            Waits::End
        } else if self.state.is_in_head.get() {
            Waits::RestOfHead
        } else if self.state.streams.get() > 0 {
            Waits::Request
        } else if !self.state.unsent.is_empty() {
            Waits::Written
        } else if self.closing.is_some() {
            Waits::Confirmation
        } else {
            Waits::NextRequest
        }
    }

    fn timeout(&self, waits: Waits) -> Option<Duration> {
        match waits {
            Waits::Request => None,
            Waits::Written | Waits::NextRequest => Some(self.idle_timeout),
            Waits::RestOfHead => Some(self.header_timeout),
            Waits::Confirmation => Some(GOAWAY_TIMEOUT),
            Waits::End => Some(LINGER_TIMEOUT),
        }
    }

    /// Takes note of what the connection does, and of what it waits for too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Timer {
        let (waits, activity) = (self.waits(), self.state.activity());
        let served = self.state.served.take();
        let read = self.state.wrote.take() && activity == Activity::Stalled;
        let deadline = &self.state.deadline;
        if self.activity != Some(activity) || served || read {
            self.activity = Some(activity);
            self.state.handle.set_activity(activity, deadline.now());
        }
        if self.waits != Some(waits) || served || (read && waits == Waits::Written) {
            self.waits = Some(waits);
            deadline.set(self.timeout(waits));
        }
        if !deadline.poll_expired(cx) {
            return Timer::Running;
        }
        match waits {
            Waits::Request => Timer::Running,
            Waits::Written => Timer::Unread,
            Waits::NextRequest => Timer::Idle,
            Waits::RestOfHead => Timer::Head,
            Waits::Confirmation => Timer::Unanswered,
            Waits::End => Timer::Over,
        }
    }
}
