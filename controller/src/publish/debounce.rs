//! Debounces changes: the first one after a quiet period counts at once, a burst counts once.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    time::{Duration, Instant},
};

/// A burst is over once no change has come for this long.
const QUIET_INTERVAL: Duration = Duration::from_millis(20);
/// The longest that a change waits for its burst to end.
const MAX_DELAY: Duration = Duration::from_millis(200);

/// Signals that something may have changed. Cheap, and never blocks.
#[derive(Clone, Debug)]
pub struct Trigger(SyncSender<()>);

/// The receiving end of triggers.
#[derive(Debug)]
pub struct Debouncer {
    triggered: Receiver<()>,
    /// When the last change had been handled.
    last: Option<Instant>,
}

/// Creates a trigger and its debouncer.
pub fn debouncer() -> (Trigger, Debouncer) {
    let (sender, triggered) = sync_channel(1);
    (Trigger(sender), Debouncer { triggered, last: None })
}

impl Trigger {
    /// Signals that something may have changed.
    pub fn fire(&self) {
        // If the channel is full, a pending signal stands for this one too.
        let _ = self.0.try_send(());
    }
}

impl Debouncer {
    /// Waits for a change, for at most `max_wait`. Changes that closely follow the last one are
    /// gathered until they pause, but for at most 200 ms. Returns false once all triggers are gone.
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
        // This would never end if it waited for a pause.
        for _ in 0..3 {
            assert!(debouncer.next(Duration::MAX));
        }
        drop(stop);
        assert!(storm.join().is_ok());
        while debouncer.next(Duration::MAX) {}
    }
}
