//! One clock and one timer for a task, whatever it waits for. The clock is read once per poll of
//! the task. Postponing the deadline is free: the timer that is already armed fires early and is
//! then armed again.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::time::{Sleep, sleep_until};

/// A deadline that moves.
#[derive(Debug)]
pub(crate) struct Deadline {
    now: Cell<Instant>,
    polls: Cell<u64>,
    at: Cell<Option<Instant>>,
    armed: Cell<Option<Instant>>,
    sleep: RefCell<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// Without a deadline yet.
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        let sleep = RefCell::new(Box::pin(sleep_until(now.into())));
        Self {
            now: Cell::new(now),
            polls: Cell::new(0),
            at: Cell::new(None),
            armed: Cell::new(None),
            sleep,
        }
    }

    /// Reads the clock; call this on each poll of the task.
    pub(crate) fn tick(&self) {
        self.now.set(Instant::now());
        self.polls.set(self.polls.get().wrapping_add(1));
    }

    /// How often the task has been polled: equal only within one poll.
    pub(crate) fn polls(&self) -> u64 {
        self.polls.get()
    }

    /// When the task was last polled.
    pub(crate) fn now(&self) -> Instant {
        self.now.get()
    }

    /// Sets the deadline to `after` from now; `None` clears it.
    pub(crate) fn set(&self, after: Option<Duration>) {
        self.at.set(after.and_then(|after| self.now.get().checked_add(after)));
    }

    /// How long there is until the deadline; `None`: for ever.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.at.get().map(|at| at.saturating_duration_since(self.now.get()))
    }

    /// Whether the deadline has passed. If not, the task is woken when it does.
    pub(crate) fn poll_expired(&self, cx: &mut Context<'_>) -> bool {
        let Some(deadline) = self.at.get() else { return false };
        if self.armed.get().is_some_and(|armed| armed <= deadline && self.now.get() < armed) {
            return false;
        }
        let mut sleep = self.sleep.borrow_mut();
        loop {
            if self.armed.get().is_none_or(|armed| armed > deadline) {
                sleep.as_mut().reset(deadline.into());
                self.armed.set(Some(deadline));
            }
            match sleep.as_mut().poll(cx) {
                Poll::Pending => return false,
                Poll::Ready(()) => {
                    self.armed.set(None);
                    if Instant::now() >= deadline {
                        return true;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    const LONG: Duration = Duration::from_secs(3600);

    async fn expires(deadline: &Deadline) {
        poll_fn(|cx| {
            deadline.tick();
            if deadline.poll_expired(cx) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn is_pending(deadline: &Deadline) -> bool {
        !deadline.poll_expired(&mut Context::from_waker(std::task::Waker::noop()))
    }

    #[tokio::test]
    async fn a_deadline_moves_both_ways_whatever_is_armed() {
        let deadline = Deadline::new();
        assert!(is_pending(&deadline));
        deadline.set(Some(LONG));
        assert!(is_pending(&deadline));
        deadline.set(Some(Duration::from_millis(1)));
        expires(&deadline).await;
        // Once expired, it stays expired until it is moved.
        expires(&deadline).await;
        deadline.tick();
        deadline.set(Some(Duration::from_millis(1)));
        // Arms the timer.
        let _ = is_pending(&deadline);
        deadline.set(Some(LONG));
        tokio::time::sleep(Duration::from_millis(5)).await;
        // The timer that was armed has fired, but the deadline has not passed.
        assert!(is_pending(&deadline));
        deadline.set(None);
        assert!(is_pending(&deadline));
        deadline.set(Some(Duration::MAX));
        assert!(is_pending(&deadline));
    }
}
