//! Signs of a change, gathered: the first one after a quiet time counts at once.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    time::{Duration, Instant},
};

/// How long signs must have stopped for before a gathered change counts.
const QUIET: Duration = Duration::from_millis(20);
/// How long a change waits for quiet at most.
const LONGEST: Duration = Duration::from_millis(200);

/// Says that something may have changed; cheap, and never waits.
#[derive(Clone, Debug)]
pub struct Waker(SyncSender<()>);

/// What hears it.
#[derive(Debug)]
pub struct Wakes {
    signs: Receiver<()>,
    /// When the last change counted and was dealt with.
    last: Option<Instant>,
}

/// A pair of both.
pub fn wakes() -> (Waker, Wakes) {
    let (sender, signs) = sync_channel(1);
    (Waker(sender), Wakes { signs, last: None })
}

impl Waker {
    /// Something may have changed.
    pub fn wake(&self) {
        // Full: a sign is waiting already, and stands for this one too.
        let _ = self.0.try_send(());
    }
}

impl Wakes {
    /// Waits for a change, for `patience` at most. Signs that come soon after the last change was
    /// dealt with are gathered until they pause, but not for longer than 200 ms. False: no waker
    /// is left.
    pub fn next(&mut self, patience: Duration) -> bool {
        let busy = self.last.take().is_some_and(|last| {
            self.signs.recv_timeout(QUIET.saturating_sub(last.elapsed())).is_ok()
        });
        let goes_on = if busy { self.gather() } else { self.wait(patience) };
        self.last = Some(Instant::now());
        goes_on
    }

    fn wait(&self, patience: Duration) -> bool {
        !matches!(self.signs.recv_timeout(patience), Err(RecvTimeoutError::Disconnected))
    }

    fn gather(&self) -> bool {
        let first = Instant::now();
        while let Some(left) = LONGEST.checked_sub(first.elapsed()) {
            match self.signs.recv_timeout(QUIET.min(left)) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_sign_counts_and_so_does_the_end_of_patience() {
        let (waker, mut wakes) = wakes();
        waker.wake();
        waker.wake();
        assert!(wakes.next(Duration::MAX));
        assert!(wakes.next(Duration::ZERO));
        drop(waker);
        assert!(!wakes.next(Duration::MAX));
    }

    #[test]
    fn signs_without_a_pause_do_not_starve_anyone() {
        let (waker, mut wakes) = wakes();
        let (stop, stopped) = sync_channel::<()>(0);
        let storm = thread::spawn(move || {
            while stopped.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
                waker.wake();
                thread::sleep(Duration::from_millis(1));
            }
        });
        // Were it to wait for a pause, this would never end.
        for _ in 0..3 {
            assert!(wakes.next(Duration::MAX));
        }
        drop(stop);
        assert!(storm.join().is_ok());
        while wakes.next(Duration::MAX) {}
    }
}
