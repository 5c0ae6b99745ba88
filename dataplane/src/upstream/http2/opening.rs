//! Connections that are being opened: requests that arrive meanwhile wait for them, so that a burst
//! does not open one connection for each of its requests.

use super::super::{error::Phase, pool::Key};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    net::SocketAddr,
    rc::Rc,
};
use tokio::sync::Notify;

/// The connections that are being opened, at most one per backend and address: that one address
/// fails says nothing about the others of an external backend.
#[derive(Default)]
pub(in super::super) struct Openings(RefCell<HashMap<(Key, SocketAddr), Rc<Opening>>>);

/// A connection that is being opened.
#[derive(Default)]
pub(in super::super) struct Opening {
    outcome: Cell<Option<Result<Opened, Phase>>>,
    ended: Notify,
}

/// What an opening has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Opened {
    /// Perhaps a connection, which may have room for those that wait.
    Shared,
    /// The backend has chosen HTTP/1.1: everyone needs a connection of their own.
    Http1,
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
    key: (Key, SocketAddr),
    opening: Rc<Opening>,
}

impl Openings {
    /// Who opens the next connection for `key` to `address`.
    pub(in super::super) fn turn(&self, key: &Key, address: SocketAddr) -> Turn<'_> {
        let key = (key.clone(), address);
        let mut openings = self.0.borrow_mut();
        if let Some(opening) = openings.get(&key) {
            return Turn::Theirs(opening.clone());
        }
        let opening = Rc::<Opening>::default();
        openings.insert(key.clone(), opening.clone());
        Turn::Ours(Opener { openings: self, key, opening })
    }
}

impl Opening {
    /// Waits for its end; an error if the endpoint accepts no connection.
    pub(in super::super) async fn ended(&self) -> Result<Opened, Phase> {
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

    /// The connection speaks HTTP/1.1.
    pub(in super::super) fn chose_http1(self) {
        self.opening.outcome.set(Some(Ok(Opened::Http1)));
    }
}

impl Drop for Opener<'_> {
    fn drop(&mut self) {
        self.openings.0.borrow_mut().remove(&self.key);
        if self.opening.outcome.get().is_none() {
            self.opening.outcome.set(Some(Ok(Opened::Shared)));
        }
        self.opening.ended.notify_waiters();
    }
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use super::*;
    use crate::table::Protocol;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn one_opens_and_the_others_share_its_outcome() {
        let openings = Openings::default();
        for outcome in [Ok(Opened::Shared), Ok(Opened::Http1), Err(Phase::Connect)] {
            let [address, other] = [1, 2].map(|last| SocketAddr::from(([127, 0, 0, last], 443)));
            let key = Key::endpoint(address, &Protocol::H2c);
            let Turn::Ours(opener) = openings.turn(&key, address) else {
                panic!("nobody opens one")
            };
            let Turn::Theirs(first) = openings.turn(&key, address) else { panic!("two open one") };
            let Turn::Theirs(second) = openings.turn(&key, address) else { panic!("two open one") };
            let mut waiting = Box::pin(first.ended());
            assert!(waiting.as_mut().now_or_never().is_none());
            assert!(matches!(openings.turn(&key, other), Turn::Ours(_)));
            match outcome {
                Ok(Opened::Shared) => drop(opener),
                Ok(Opened::Http1) => opener.chose_http1(),
                Err(why) => {
                    opener.failed(why);
                    drop(opener);
                }
            }
            assert_eq!(waiting.await, outcome);
            assert_eq!(second.ended().await, outcome);
        }
    }
}
