//! Signs of a change, gathered: the first one after a quiet time counts at once.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    time::{Duration, Instant},
};

/// A burst of changes is over once none has come for this long.
const QUIET_INTERVAL: Duration = Duration::from_millis(20);
/// The longest that a change waits for its burst to end.
const MAX_DELAY: Duration = Duration::from_millis(200);

/// Says that something may have changed; cheap, and never waits.
#[derive(Clone, Debug)]
pub struct Trigger(SyncSender<()>);

/// What hears it.
#[derive(Debug)]
pub struct Debouncer {
    triggered: Receiver<()>,
    /// When the last change counted and was dealt with.
    last: Option<Instant>,
}

/// A pair of both.
pub fn debouncer() -> (Trigger, Debouncer) {
    let (sender, triggered) = sync_channel(1);
    (Trigger(sender), Debouncer { triggered, last: None })
}

impl Trigger {
    /// Something may have changed.
    pub fn fire(&self) {
        // Full: a sign is waiting already, and stands for this one too.
        let _ = self.0.try_send(());
    }
}

impl Debouncer {
    /// Waits for a change, for `max_wait` at most. Signs that come soon after the last change was
    /// dealt with are gathered until they pause, but not for longer than 200 ms. False: no trigger
    /// is left.
    pub fn next(&mut self, max_wait: Duration) -> bool {
        let busy = self.last.take().is_some_and(|last| {
            self.triggered.recv_timeout(QUIET_INTERVAL.saturating_sub(last.elapsed())).is_ok()
        });
        let is_open = if busy { self.gather() } else { self.wait(max_wait) };
        self.last = Some(Instant::now());
        is_open
    }

    fn wait(&self, max_wait: Duration) -> bool {
        !matches!(self.triggered.recv_timeout(max_wait), Err(RecvTimeoutError::Disconnected))
    }

    fn gather(&self) -> bool {
        let first = Instant::now();
        while let Some(left) = MAX_DELAY.checked_sub(first.elapsed()) {
            match self.triggered.recv_timeout(QUIET_INTERVAL.min(left)) {
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
        let (trigger, mut debouncer) = debouncer();
        trigger.fire();
        trigger.fire();
        assert!(debouncer.next(Duration::MAX));
        assert!(debouncer.next(Duration::ZERO));
        drop(trigger);
        assert!(!debouncer.next(Duration::MAX));
    }

    #[test]
    fn signs_without_a_pause_do_not_starve_anyone() {
        let (trigger, mut debouncer) = debouncer();
        let (stop, stopped) = sync_channel::<()>(0);
        let storm = thread::spawn(move || {
            while stopped.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
                trigger.fire();
                thread::sleep(Duration::from_millis(1));
            }
        });
        // Were it to wait for a pause, this would never end.
        for _ in 0..3 {
            assert!(debouncer.next(Duration::MAX));
        }
        drop(stop);
        assert!(storm.join().is_ok());
        while debouncer.next(Duration::MAX) {}
    }
}
