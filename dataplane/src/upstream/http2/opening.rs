//! Connections that are being opened: requests that arrive meanwhile wait for them, so that a burst
//! does not open one connection for each of its requests.

use super::super::error::Phase;
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    net::SocketAddr,
    rc::Rc,
};
use tokio::sync::Notify;

/// The connections that are being opened, at most one per endpoint.
#[derive(Default)]
pub(in super::super) struct Openings(RefCell<HashMap<SocketAddr, Rc<Opening>>>);

/// A connection that is being opened.
#[derive(Default)]
pub(in super::super) struct Opening {
    outcome: Cell<Option<Result<(), Phase>>>,
    ended: Notify,
}

/// Who opens a connection.
pub(in super::super) enum Turn<'o> {
    /// Another request.
    Theirs(Rc<Opening>),
    /// This one.
    Ours(Opener<'o>),
}

/// The right to open a connection; when it is dropped, those that wait go on.
pub(in super::super) struct Opener<'o> {
    openings: &'o Openings,
    address: SocketAddr,
    opening: Rc<Opening>,
}

impl Openings {
    /// Who opens the next connection to `address`.
    pub(in super::super) fn turn(&self, address: SocketAddr) -> Turn<'_> {
        let mut openings = self.0.borrow_mut();
        if let Some(opening) = openings.get(&address) {
            return Turn::Theirs(opening.clone());
        }
        let opening = Rc::<Opening>::default();
        openings.insert(address, opening.clone());
        Turn::Ours(Opener { openings: self, address, opening })
    }
}

impl Opening {
    /// Waits for its end; an error if the endpoint accepts no connection. Success does not mean
    /// that the connection has room for everyone who waits.
    pub(in super::super) async fn ended(&self) -> Result<(), Phase> {
        loop {
            let ended = self.ended.notified();
            if let Some(outcome) = self.outcome.get() {
                return outcome;
            }
            ended.await;
        }
    }
}

impl Opener<'_> {
    /// Those that wait need not try the same.
    pub(in super::super) fn failed(&self, why: Phase) {
        self.opening.outcome.set(Some(Err(why)));
    }
}

impl Drop for Opener<'_> {
    fn drop(&mut self) {
        self.openings.0.borrow_mut().remove(&self.address);
        if self.opening.outcome.get().is_none() {
            self.opening.outcome.set(Some(Ok(())));
        }
        self.opening.ended.notify_waiters();
    }
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn one_opens_and_the_others_share_its_outcome() {
        let openings = Openings::default();
        for outcome in [Ok(()), Err(Phase::Connect)] {
            let address = ([127, 0, 0, 1], 1).into();
            let Turn::Ours(opener) = openings.turn(address) else { panic!("nobody opens one") };
            let Turn::Theirs(first) = openings.turn(address) else { panic!("two open one") };
            let Turn::Theirs(second) = openings.turn(address) else { panic!("two open one") };
            let (mut waiting, other) = (Box::pin(first.ended()), ([127, 0, 0, 1], 2).into());
            assert!(waiting.as_mut().now_or_never().is_none());
            assert!(matches!(openings.turn(other), Turn::Ours(_)));
            if let Err(why) = outcome {
                opener.failed(why);
            }
            drop(opener);
            assert_eq!(waiting.await, outcome);
            assert_eq!(second.ended().await, outcome);
        }
    }
}
