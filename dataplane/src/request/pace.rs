//! How fast a body is read. Over HTTP/2 its sender may wait for room: one that is read fast, and
//! awaited, gets more of that.

use std::time::{Duration, Instant};

/// How much is read of a body within [`PERIOD`] if it is read fast: two of the smallest windows, even
/// where each takes half a second.
const FAST_BYTES: usize = 128 * 1024;

const PERIOD: Duration = Duration::from_secs(1);

/// How much of a body has been read of late.
#[derive(Debug)]
pub(crate) struct Pace {
    since: Instant,
    bytes: usize,
}

impl Pace {
    /// Nothing yet.
    pub(crate) fn new(now: Instant) -> Self {
        Self { since: now, bytes: 0 }
    }

    /// So many bytes have been read.
    pub(crate) fn read(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// The reader waits for more: whether it has read so much of late that room may be all that the
    /// sender lacks. What trickles never is, however long it lasts.
    pub(crate) fn is_fast(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) > PERIOD {
            *self = Self::new(now);
        }
        self.bytes >= FAST_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_trickles_is_not_fast_however_much_it_is() {
        let begin = Instant::now();
        for (bytes, every, is_fast) in
            [(16 * 1024, 50, true), (1024, 50, false), (100_000, 2000, false)]
        {
            let (mut pace, mut fast) = (Pace::new(begin), false);
            for n in 1..200 {
                pace.read(bytes);
                fast |= pace.is_fast(begin + n * Duration::from_millis(every));
            }
            assert_eq!(fast, is_fast, "{bytes}");
        }
    }
}
