//! How much of its responses a backend may send before their clients have read any of it.
//!
//! All responses of a connection share its window. Each has one of its own in it: a share, whose
//! size follows from how many requests the connection takes. So clients that do not read hold back
//! only their own responses. One window per round trip is little over a long distance: where a
//! client reads fast and waits for more, the few requests that its connection has get all of its
//! window between them, and further ones go over another connection, until it has none.

use std::{cell::Cell, rc::Rc};

/// The window of a connection.
pub(super) const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// The smallest window of a response: as much as the bodies of other protocols are buffered here.
pub(super) const MIN_STREAM_WINDOW: u32 = 64 * 1024;

/// How many requests share a connection at most.
pub(super) const MAX_STREAMS: usize = (CONNECTION_WINDOW / MIN_STREAM_WINDOW) as usize;

/// The connections of a worker that have larger windows.
#[derive(Debug, Default)]
pub(super) struct Wide {
    count: Cell<usize>,
    /// How many there may be at a time.
    limit: usize,
}

impl Wide {
    /// None yet, and at most as many as have room in so many bytes; at least one.
    pub(super) fn within(bytes: usize) -> Self {
        let limit = (bytes / CONNECTION_WINDOW as usize).max(1);
        Self { count: Cell::new(0), limit }
    }
}

/// The windows of a connection.
#[derive(Debug)]
pub(super) struct Windows {
    /// How many requests it takes.
    capacity: Cell<usize>,
    /// Those of the worker's other connections.
    wide: Rc<Wide>,
}

impl Windows {
    /// The smallest windows.
    pub(super) fn new(wide: Rc<Wide>) -> Self {
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

    /// What the connection's capacity is to become, if it has so many requests, and a client that
    /// reads fast waits for more. Only without requests it becomes larger: they may hold
    /// all that they were allowed.
    pub(super) fn next(&self, requests: usize, is_awaited: bool) -> Option<usize> {
        let next = match requests {
            0 => MAX_STREAMS,
            requests if is_awaited => requests.next_power_of_two().min(self.capacity.get()),
            _ => return None,
        };
        let has_place = || self.wide.count.get() < self.wide.limit;
        let is_allowed = self.are_wide() || next == MAX_STREAMS || has_place();
        Some(next).filter(|next| *next != self.capacity.get() && is_allowed)
    }

    /// The backend is told a new window; from then on the connection has this capacity.
    pub(super) fn set(&self, capacity: usize) {
        self.count(capacity < MAX_STREAMS);
        self.capacity.set(capacity);
    }

    fn count(&self, is_wide: bool) {
        let count = &self.wide.count;
        match (self.are_wide(), is_wide) {
            (false, true) => count.set(count.get() + 1),
            (true, false) => count.set(count.get() - 1),
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
        let windows = Windows::new(Rc::new(Wide::within(0)));
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
        let wide = Rc::new(Wide::within(3 * CONNECTION_WINDOW as usize));
        let all: Vec<_> = (0..3).map(|_| Windows::new(wide.clone())).collect();
        all.iter().for_each(|one| one.set(2));
        let another = Windows::new(wide.clone());
        assert_eq!(another.next(1, true), None);
        // Those that have them may have larger ones, or give them back.
        assert_eq!(all[0].next(1, true), Some(1));
        all[0].set(64);
        assert_eq!(another.next(1, true), Some(1));
        another.set(1);
        assert_eq!(wide.count.get(), 3);
        drop((another, all));
        assert_eq!(wide.count.get(), 0);
    }
}
