//! How much of its responses a backend may send before their clients have read any of it.
//!
//! All responses of a connection share its window. Each has one of its own in it: a share, whose
//! size follows from how many requests the connection takes. So clients that do not read hold back
//! only their own responses. One window per round trip is little over a long distance: where a
//! response is long and its client waits for it, the few requests that a connection has get all of
//! its window between them, and further ones go over another connection, until it has none.

use std::{cell::Cell, rc::Rc};

/// The window of a connection.
pub(super) const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// The smallest window of a response: as much as the bodies of other protocols are buffered here.
pub(super) const MIN_STREAM_WINDOW: u32 = 64 * 1024;

/// How many requests share a connection at most.
pub(super) const MAX_STREAMS: usize = (CONNECTION_WINDOW / MIN_STREAM_WINDOW) as usize;

/// How many connections of a worker may have larger windows at a time.
const MAX_WIDE: usize = 16;

/// The windows of a connection.
#[derive(Debug)]
pub(super) struct Windows {
    /// How many requests it takes.
    capacity: Cell<usize>,
    /// How many connections of the worker have larger windows.
    wide: Rc<Cell<usize>>,
}

impl Windows {
    /// The smallest windows.
    pub(super) fn new(wide: Rc<Cell<usize>>) -> Self {
        Self { capacity: Cell::new(MAX_STREAMS), wide }
    }

    /// How many requests the connection takes.
    pub(super) fn capacity(&self) -> usize {
        self.capacity.get()
    }

    /// Whether the windows are larger than the smallest ones.
    pub(super) fn are_wide(&self) -> bool {
        self.capacity.get() < MAX_STREAMS
    }

    /// What the connection's capacity is to become, if it has so many requests, and the client of
    /// a long response waits for more of it. Only without requests it becomes larger: they may hold
    /// all that they were allowed.
    pub(super) fn next(&self, requests: usize, is_awaited: bool) -> Option<usize> {
        let next = match requests {
            0 => MAX_STREAMS,
            requests if is_awaited => requests.next_power_of_two().min(self.capacity.get()),
            _ => return None,
        };
        let is_allowed = self.are_wide() || next == MAX_STREAMS || self.wide.get() < MAX_WIDE;
        Some(next).filter(|next| *next != self.capacity.get() && is_allowed)
    }

    /// The backend is told a new window; from then on the connection has this capacity.
    pub(super) fn set(&self, capacity: usize) {
        self.count(capacity < MAX_STREAMS);
        self.capacity.set(capacity);
    }

    fn count(&self, is_wide: bool) {
        match (self.are_wide(), is_wide) {
            (false, true) => self.wide.set(self.wide.get() + 1),
            (true, false) => self.wide.set(self.wide.get() - 1),
            (false, false) | (true, true) => {}
        }
    }
}

impl Drop for Windows {
    fn drop(&mut self) {
        self.count(false);
    }
}

/// The window of each response, on a connection that takes so many.
pub(super) fn window(capacity: usize) -> u32 {
    u32::try_from(capacity.max(1))
        .map_or(MIN_STREAM_WINDOW, |capacity| CONNECTION_WINDOW / capacity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_long_responses_share_the_whole_window() {
        let windows = Windows::new(Rc::default());
        assert_eq!((windows.capacity(), window(windows.capacity())), (64, 64 * 1024));
        for (requests, is_awaited, next) in [
            (1, false, None),
            (0, false, None),
            (64, true, None),
            (40, true, None),
            (20, true, Some(32)),
            (20, true, None),
            (3, true, Some(4)),
            // Those that there are may hold all that they were allowed.
            (4, false, None),
            (4, true, None),
            (1, true, Some(1)),
            (0, false, Some(64)),
            (2, true, Some(2)),
        ] {
            assert_eq!(windows.next(requests, is_awaited), next, "{requests} {is_awaited}");
            if let Some(next) = next {
                windows.set(next);
                assert!(requests <= next);
                assert!(next * window(next) as usize <= CONNECTION_WINDOW as usize);
            }
        }
    }

    #[test]
    fn a_worker_has_only_so_many_connections_with_large_windows() {
        let wide = Rc::<Cell<usize>>::default();
        let all: Vec<_> = (0..MAX_WIDE).map(|_| Windows::new(wide.clone())).collect();
        all.iter().for_each(|one| one.set(2));
        let another = Windows::new(wide.clone());
        assert_eq!(another.next(1, true), None);
        // Those that have them may have larger ones, or give them back.
        assert_eq!(all[0].next(1, true), Some(1));
        all[0].set(64);
        assert_eq!(another.next(1, true), Some(1));
        another.set(1);
        assert_eq!(wide.get(), MAX_WIDE);
        drop((another, all));
        assert_eq!(wide.get(), 0);
    }
}
