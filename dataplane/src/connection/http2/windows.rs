//! How much of its requests' bodies a client may send before backends have taken any of it. All
//! bodies of a connection share its window, and each has one of its own, so that a backend that does
//! not read holds up its own request only. One window per round trip is little over a long distance:
//! where a backend takes a body fast and waits for more, few bodies have larger ones. What waits for
//! backends does not count in the connection's window, up to a limit: otherwise few bodies whose
//! backends stop reading would leave the others nothing of it.

/// The window of a connection, beside what waits for backends.
pub(super) const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// The most that it may be with that: more than what all requests hold whose backends stop reading
/// one after the other.
const MAX_CONNECTION_WINDOW: u32 = 3 * CONNECTION_WINDOW;

/// In which steps it grows, so that it does not change with each frame.
const CONNECTION_STEP: u32 = 1024 * 1024;

/// How many requests a client may make at a time.
pub(super) const MAX_STREAMS: u32 = 100;

/// The smallest window of a body: all of them fit into the connection's.
pub(super) const MIN_STREAM_WINDOW: u32 = CONNECTION_WINDOW / MAX_STREAMS;

/// The largest: it leaves the others something of the connection's, whatever its backend does.
const MAX_STREAM_WINDOW: u32 = 3 * 1024 * 1024;

/// The window of each body while so many arrive. The client is told too late of its first request
/// beyond: two bodies have half of what there is, so that what the first one holds fits too.
fn window(bodies: usize) -> u32 {
    match u32::try_from(bodies.next_power_of_two()) {
        Ok(..=1) => MAX_STREAM_WINDOW,
        Ok(bodies) => (CONNECTION_WINDOW / 2 / bodies).max(MIN_STREAM_WINDOW),
        Err(_) => MIN_STREAM_WINDOW,
    }
}

/// The window of a connection while so many bytes wait for backends.
fn of_connection(waiting: usize) -> u32 {
    let most = MAX_CONNECTION_WINDOW - CONNECTION_WINDOW;
    let waiting = u32::try_from(waiting).unwrap_or(most).min(most);
    CONNECTION_WINDOW + waiting - waiting % CONNECTION_STEP
}

/// The windows that the client has been told: of each body, and of the connection.
#[derive(Debug)]
pub(super) struct Windows {
    body: u32,
    connection: u32,
}

impl Windows {
    /// The smallest ones.
    pub(super) fn new() -> Self {
        Self { body: MIN_STREAM_WINDOW, connection: CONNECTION_WINDOW }
    }

    /// What that of a body is to become, if so many bodies arrive, and a backend that takes one fast
    /// waits for more.
    pub(super) fn next(&self, bodies: usize, is_awaited: bool) -> Option<u32> {
        let next = match bodies {
            // Nobody knows how many come next.
            0 => MIN_STREAM_WINDOW,
            bodies if is_awaited => window(bodies),
            bodies => window(bodies).min(self.body),
        };
        (next != self.body).then_some(next)
    }

    /// The client is told.
    pub(super) fn set(&mut self, window: u32) {
        self.body = window;
    }

    /// What that of the connection becomes while so many bytes wait for backends, if it changes.
    pub(super) fn of_connection(&mut self, waiting: usize) -> Option<u32> {
        let next = of_connection(waiting);
        (std::mem::replace(&mut self.connection, next) != next).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_long_bodies_have_larger_windows() {
        let mut windows = Windows::new();
        const KIB: u32 = 1024;
        for (bodies, is_awaited, next) in [
            (1, false, None),
            (1, true, Some(3072 * KIB)),
            (1, false, None),
            (2, false, Some(1024 * KIB)),
            (3, true, Some(512 * KIB)),
            (2, false, None),
            (2, true, Some(1024 * KIB)),
            (100, false, Some(MIN_STREAM_WINDOW)),
            (100, true, None),
            (32, true, Some(64 * KIB)),
            (0, false, Some(MIN_STREAM_WINDOW)),
            (0, false, None),
        ] {
            assert_eq!(windows.next(bodies, is_awaited), next, "{bodies} {is_awaited}");
            if let Some(next) = next {
                windows.set(next);
                assert!(bodies as u64 * u64::from(next) <= u64::from(CONNECTION_WINDOW));
            }
        }
    }

    /// Each has the largest window that it can get, and its backend stops reading then.
    #[test]
    fn bodies_that_hang_leave_the_others_their_windows() {
        let mut windows = Windows::new();
        let mut waiting = 0;
        for bodies in 1..=MAX_STREAMS as usize {
            if let Some(window) = windows.next(bodies, true) {
                windows.set(window);
            }
            waiting += windows.body as usize;
            windows.of_connection(waiting);
            let left = (windows.connection as usize).checked_sub(waiting);
            assert!(left.is_some_and(|left| left >= MIN_STREAM_WINDOW as usize), "{bodies}");
        }
        assert_eq!(windows.of_connection(0), Some(CONNECTION_WINDOW));
        assert_eq!(windows.of_connection(CONNECTION_STEP as usize - 1), None);
        assert_eq!(windows.of_connection(usize::MAX), Some(MAX_CONNECTION_WINDOW));
    }
}
