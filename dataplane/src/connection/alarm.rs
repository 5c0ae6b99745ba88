//! One clock and one timer for a connection, whatever it waits for. The clock is read once for each
//! poll of the connection's task. Moving the deadline later costs nothing: the timer that is armed
//! already goes off early, and is armed again then.

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
pub(crate) struct Alarm {
    now: Cell<Instant>,
    deadline: Cell<Option<Instant>>,
    armed: Cell<Option<Instant>>,
    sleep: RefCell<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// No deadline yet.
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        let sleep = RefCell::new(Box::pin(sleep_until(now.into())));
        Self { now: Cell::new(now), deadline: Cell::new(None), armed: Cell::new(None), sleep }
    }

    /// Reads the clock: the connection's task has been polled.
    pub(super) fn tick(&self) {
        self.now.set(Instant::now());
    }

    /// When the connection's task was polled last.
    pub(crate) fn now(&self) -> Instant {
        self.now.get()
    }

    /// Goes off `after` from now; `None`: never.
    pub(crate) fn set(&self, after: Option<Duration>) {
        self.deadline.set(after.and_then(|after| self.now.get().checked_add(after)));
    }

    /// Whether the deadline has passed. Otherwise the task, the connection's own, is woken when it
    /// does.
    pub(crate) fn poll_expired(&self, cx: &mut Context<'_>) -> bool {
        let Some(deadline) = self.deadline.get() else { return false };
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

    async fn goes_off(alarm: &Alarm) {
        poll_fn(|cx| {
            alarm.tick();
            if alarm.poll_expired(cx) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn is_quiet(alarm: &Alarm) -> bool {
        !alarm.poll_expired(&mut Context::from_waker(std::task::Waker::noop()))
    }

    #[tokio::test]
    async fn a_deadline_moves_both_ways_whatever_is_armed() {
        let alarm = Alarm::new();
        assert!(is_quiet(&alarm));
        alarm.set(Some(LONG));
        assert!(is_quiet(&alarm));
        alarm.set(Some(Duration::from_millis(1)));
        goes_off(&alarm).await;
        // It has passed until it is moved.
        goes_off(&alarm).await;
        alarm.tick();
        alarm.set(Some(Duration::from_millis(1)));
        // Arms its timer.
        let _ = is_quiet(&alarm);
        alarm.set(Some(LONG));
        tokio::time::sleep(Duration::from_millis(5)).await;
        // The timer that was armed has gone off; the deadline has not passed.
        assert!(is_quiet(&alarm));
        alarm.set(None);
        assert!(is_quiet(&alarm));
        alarm.set(Some(Duration::MAX));
        assert!(is_quiet(&alarm));
    }
}
