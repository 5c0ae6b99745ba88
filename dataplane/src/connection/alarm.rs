//! One timer for a connection, whatever it waits for. Moving the deadline later costs nothing: the
//! timer that is armed already goes off early, and is armed again then.

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
    deadline: Cell<Option<Instant>>,
    armed: Cell<Option<Instant>>,
    sleep: RefCell<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// No deadline yet.
    pub(crate) fn new() -> Self {
        let sleep = RefCell::new(Box::pin(sleep_until(Instant::now().into())));
        Self { deadline: Cell::new(None), armed: Cell::new(None), sleep }
    }

    /// Goes off `after` from `now`; `None`: never.
    pub(crate) fn set(&self, now: Instant, after: Option<Duration>) {
        self.deadline.set(after.and_then(|after| now.checked_add(after)));
    }

    /// Whether the deadline has passed. Otherwise the task is woken when it does.
    pub(crate) fn poll_expired(&self, cx: &mut Context<'_>) -> bool {
        let Some(deadline) = self.deadline.get() else { return false };
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
