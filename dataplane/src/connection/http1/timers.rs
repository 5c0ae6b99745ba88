//! A connection's timers. All but one are on its one deadline.

use super::state::ConnState;
use crate::{config::Limits, connection::registry::Activity};
use std::{pin::Pin, task::Context, time::Duration};
use tokio::time::{Sleep, sleep};

/// How long a response may pause once its client has closed its sending side: a client that has
/// left looks the same until something is written to it.
const HALF_CLOSED_TIMEOUT: Duration = Duration::from_secs(10);

/// Timeout for writing the response to a refused head.
const REFUSAL_WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// The state of a connection's timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// No timeout has fired.
    Running,
    /// A timeout fired and was recorded; poll again.
    PollAgain,
    /// The connection has been idle long enough for hyper's buffers to be freed.
    Park,
    /// A timeout fired, and the connection can only be closed.
    Over,
}

/// A connection's timers.
pub(super) struct Timers<'c> {
    state: &'c ConnState,
    header_timeout: Duration,
    activity: Activity,
    /// Whether the time until the connection is parked has passed since its last request.
    must_park: bool,
    /// Runs while the client's sending side is closed; restarted by each write, of which there
    /// were so many.
    half_closed: Option<(u64, Pin<Box<Sleep>>)>,
}

impl<'c> Timers<'c> {
    /// The timers of a new connection, whose first byte is awaited.
    pub(super) fn new(state: &'c ConnState, limits: &Limits) -> Self {
        // It is not idle: it was opened for a request.
        state.request.deadline.set(Some(limits.header_timeout.min(limits.idle_timeout)));
        let header_timeout = limits.header_timeout;
        Self {
            state,
            header_timeout,
            activity: Activity::Busy,
            must_park: false,
            half_closed: None,
        }
    }

    /// Takes note of what the connection does, and of what it waits for too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Timer {
        if self.state.is_half_closed() && self.is_half_closed_for_long(cx) {
            return Timer::Over;
        }
        let (state, deadline) = (self.state, &self.state.request.deadline);
        let (activity, served) = (state.activity(), state.served.take());
        let progresses = state.progresses.take() && activity == Activity::Stalled;
        if activity != self.activity || served || progresses {
            self.activity = activity;
            state.handle.set_activity(activity, deadline.now());
            if activity == Activity::Head {
                deadline.set(Some(self.header_timeout));
            }
        }
        self.must_park &= !served;
        if deadline.poll_expired(cx) {
            let is_over = match activity {
                Activity::Head => state.head_expired.replace(true),
                Activity::Idle | Activity::Busy | Activity::Stalled => state.idles_too_long(),
            };
            return match activity {
                // A response can't be written, even the one to a late head.
                _ if is_over => Timer::Over,
                Activity::Head => {
                    deadline.set(Some(REFUSAL_WRITE_TIMEOUT));
                    Timer::PollAgain
                }
                Activity::Idle | Activity::Busy | Activity::Stalled => {
                    self.must_park = true;
                    Timer::PollAgain
                }
            };
        }
        let buffers = &state.buffers;
        let is_due = buffers.has_hyper.get() && (self.must_park || buffers.are_large());
        if is_due && state.may_park() { Timer::Park } else { Timer::Running }
    }

    /// Whether nothing has been written for too long to a client whose sending side is closed.
    fn is_half_closed_for_long(&mut self, cx: &mut Context<'_>) -> bool {
        let now_written = self.state.writes.get();
        let restarted = || (now_written, Box::pin(sleep(HALF_CLOSED_TIMEOUT)));
        let (written, timer) = self.half_closed.get_or_insert_with(restarted);
        if *written != now_written {
            (*written, *timer) = restarted();
        }
        timer.as_mut().poll(cx).is_ready()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        future::poll_fn,
        task::{Poll, Waker},
    };

    const LONG: Duration = Duration::from_secs(600);

    fn limits(header_timeout: Duration, idle_timeout: Duration) -> Limits {
        Limits { header_timeout, idle_timeout, ..Limits::default() }
    }

    /// The first timer that fires.
    async fn first(timers: &mut Timers<'_>) -> Timer {
        poll_fn(|cx| {
            timers.state.begin_poll(cx.waker());
            match timers.poll(cx) {
                Timer::Running => Poll::Pending,
                fired => Poll::Ready(fired),
            }
        })
        .await
    }

    #[tokio::test]
    async fn a_late_head_whose_refusal_can_not_leave_ends_its_connection() {
        let state = ConnState::alone(LONG);
        let mut timers = Timers::new(&state, &limits(Duration::ZERO, LONG));
        state.mid_head.set(true);
        assert_eq!(first(&mut timers).await, Timer::PollAgain);
        // The client reads nothing, so hyper does not read either.
        state.request.deadline.set(Some(Duration::ZERO));
        assert_eq!(first(&mut timers).await, Timer::Over);
    }

    #[tokio::test]
    async fn an_idle_connection_is_parked_first_and_closed_later() {
        let idle = Duration::from_millis(400);
        let state = ConnState::alone(idle);
        let mut timers = Timers::new(&state, &limits(LONG, LONG));
        state.set_hyper(true);
        state.serve_one();
        let start = tokio::time::Instant::now();
        assert_eq!(first(&mut timers).await, Timer::PollAgain);
        assert_eq!(first(&mut timers).await, Timer::Park);
        state.set_hyper(false);
        assert!(start.elapsed() < idle);
        assert_eq!(first(&mut timers).await, Timer::Over);
        assert!(start.elapsed() >= idle);
    }

    #[tokio::test]
    async fn large_buffers_are_freed_at_once_but_never_under_a_request() {
        let state = ConnState::alone(LONG);
        let mut timers = Timers::new(&state, &limits(LONG, LONG));
        let mut poll = || timers.poll(&mut Context::from_waker(Waker::noop()));
        state.set_hyper(true);
        state.serve_one();
        assert_eq!(poll(), Timer::Running);
        state.buffers.read_into.set(64 * 1024);
        state.in_flight.set(true);
        assert_eq!(poll(), Timer::Running);
        state.in_flight.set(false);
        state.set_unwritten(1);
        assert_eq!(poll(), Timer::Running);
        state.set_unwritten(0);
        assert_eq!(poll(), Timer::Park);
    }
}
