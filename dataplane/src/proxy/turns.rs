//! Turns of the work that takes long. A worker is one thread: whoever arrives while it serves many
//! such requests in a row would wait for all of them.

use crate::{refusal::Refusal, request::Deadline};
use std::{future::poll_fn, pin::pin, task::Poll};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::yield_now,
};

/// How many requests wait at most; each has a few milliseconds' work.
const MAX_WAITING: usize = 128;

/// Whose turn it is on a worker. Work takes turns if it may take longer than most requests do; what
/// does not never waits.
pub(crate) struct Turns {
    turn: Semaphore,
    places: Semaphore,
}

/// A turn, which ends when this is dropped.
pub(super) struct Turn<'t> {
    _turn: SemaphorePermit<'t>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { turn: Semaphore::new(1), places: Semaphore::new(MAX_WAITING) }
    }
}

impl Turns {
    /// Waits for a turn, behind those who wait already. It begins when everything else that is ready
    /// has been served.
    ///
    /// # Errors
    /// If too many wait, or the deadline passes.
    pub(super) async fn next(&self, deadline: &Deadline) -> Result<Turn<'_>, Refusal> {
        let _place = self.places.try_acquire().map_err(|_| Refusal::Overloaded)?;
        let mut waiting = pin!(async {
            let turn = self.turn.acquire().await;
            yield_now().await;
            // It is never closed.
            turn.map(|turn| Turn { _turn: turn }).map_err(|_| Refusal::Overloaded)
        });
        poll_fn(|cx| match waiting.as_mut().poll(cx) {
            Poll::Pending if deadline.poll_expired(cx) => Poll::Ready(Err(Refusal::Overloaded)),
            polled => polled,
        })
        .await
    }
}

impl Turn<'_> {
    /// Lets everything else that is ready go first.
    pub(super) async fn pause(&self) {
        yield_now().await;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use futures_util::{FutureExt, future::join_all};
    use std::{cell::RefCell, time::Duration};

    #[tokio::test]
    async fn others_are_served_between_two_turns() {
        let (turns, served) = (Turns::default(), RefCell::new(String::new()));
        let deadline = Deadline::new();
        let long = async |name: char| {
            let turn = turns.next(&deadline).await.unwrap();
            served.borrow_mut().push(name);
            turn.pause().await;
            served.borrow_mut().push(name);
        };
        let other = async {
            for _ in 0..8 {
                served.borrow_mut().push('.');
                yield_now().await;
            }
        };
        futures_util::join!(long('a'), long('b'), long('c'), other);
        let served = served.into_inner();
        assert_eq!(served.replace('.', ""), "aabbcc");
        assert!(
            served.contains("a.a.") && served.contains("b.b.") && served.contains("c.c"),
            "{served}"
        );
    }

    #[tokio::test]
    async fn the_queue_is_bounded_in_length_and_in_time() {
        let (turns, deadline) = (Turns::default(), Deadline::new());
        let turn = turns.next(&deadline).await.unwrap();
        let mut waiting = Box::pin(join_all((0..MAX_WAITING).map(|_| turns.next(&deadline))));
        assert!((&mut waiting).now_or_never().is_none());
        assert_eq!(turns.next(&deadline).await.err(), Some(Refusal::Overloaded));
        drop(waiting);
        deadline.tick();
        deadline.set(Some(Duration::ZERO));
        assert_eq!(turns.next(&deadline).await.err(), Some(Refusal::Overloaded));
        drop(turn);
        deadline.set(None);
        assert!(turns.next(&deadline).await.is_ok());
    }
}
