//! How much is sent, and for how long.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Shared by all that send.
pub(super) struct Pace {
    start: Instant,
    time: Duration,
    /// What may be sent in all of `time`, evenly.
    bytes: u64,
    sent: AtomicU64,
}

impl Pace {
    pub(super) fn new(time: Duration, bytes: u64) -> Self {
        Self { start: Instant::now(), time, bytes, sent: AtomicU64::new(0) }
    }

    /// No limits.
    pub(super) fn unlimited() -> Self {
        Self::new(Duration::MAX, u64::MAX)
    }

    /// Whether the time is up.
    pub(super) fn is_over(&self) -> bool {
        self.start.elapsed() >= self.time
    }

    /// Waits until more may be sent; `false` if the time is up.
    pub(super) fn wait(&self) -> bool {
        while !self.is_over() {
            let share = self.start.elapsed().as_secs_f64() / self.time.as_secs_f64();
            if self.bytes == u64::MAX || (self.sent() as f64) < self.bytes as f64 * share {
                return true;
            }
            thread::sleep(Duration::from_millis(1));
        }
        false
    }

    /// So many bytes were sent.
    pub(super) fn count(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}
