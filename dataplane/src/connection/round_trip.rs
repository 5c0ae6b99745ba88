//! How long a round trip to the client takes, as its connection knows it.

use crate::observe::RouteStats;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::net::TcpStream;

/// For how long a round trip that was measured stands for the next ones: to ask costs a system
/// call.
const FRESH: Duration = Duration::from_secs(1);

/// A stream that may know how long a round trip to its other end takes.
pub(crate) trait RoundTrip {
    /// A smoothed estimate; `None` where there is none.
    fn round_trip(&self) -> Option<Duration>;
}

impl RoundTrip for TcpStream {
    #[cfg(target_os = "linux")]
    fn round_trip(&self) -> Option<Duration> {
        tcp_info::smoothed_round_trip(self)
    }

    #[cfg(not(target_os = "linux"))]
    fn round_trip(&self) -> Option<Duration> {
        None
    }
}

/// The round trips that a connection's requests have saved. They are measured when the answers
/// leave, where the stream is at hand.
#[derive(Debug, Default)]
pub(crate) struct SavedTrips {
    /// The Routes of requests whose answers have not left yet.
    owed: RefCell<Vec<Rc<RouteStats>>>,
    /// The last measure, and when it was taken.
    last: Cell<Option<(Instant, Option<Duration>)>>,
}

impl SavedTrips {
    /// The answer to a request that `route` serves comes a round trip sooner than it might.
    pub(crate) fn owe(&self, route: &Rc<RouteStats>) {
        self.owed.borrow_mut().push(route.clone());
    }

    /// An answer leaves.
    pub(super) fn settle(&self, now: Instant, stream: &impl RoundTrip) {
        let mut owed = self.owed.borrow_mut();
        if owed.is_empty() {
            return;
        }
        let round_trip = self.measure(now, stream);
        for route in owed.drain(..) {
            route.cors.saved(round_trip.unwrap_or_default());
        }
    }

    fn measure(&self, now: Instant, stream: &impl RoundTrip) -> Option<Duration> {
        match self.last.get() {
            Some((then, round_trip)) if now.saturating_duration_since(then) < FRESH => round_trip,
            Some(_) | None => {
                let round_trip = stream.round_trip();
                self.last.set(Some((now, round_trip)));
                round_trip
            }
        }
    }
}

/// `TCP_INFO`, as far as it has been the same in every Linux.
#[cfg(target_os = "linux")]
mod tcp_info {
    use nix::sys::socket::{GetSockOpt, sockopt::GetStruct};
    use std::{os::fd::AsFd, time::Duration};

    /// `struct tcp_info` up to `tcpi_rtt`: eight bytes of states and options, then numbers of 32
    /// bits. The kernel fills as much as there is room for, and any bits are numbers.
    type Head = [u32; RTT + 1];

    /// Where the smoothed round trip stands, in microseconds; 0 where none has been measured.
    const RTT: usize = 17;

    #[derive(Clone, Copy)]
    struct TcpInfo;

    nix::getsockopt_impl!(TcpInfo, libc::IPPROTO_TCP, libc::TCP_INFO, Head, GetStruct<Head>);

    pub(super) fn smoothed_round_trip(stream: &impl AsFd) -> Option<Duration> {
        let head = TcpInfo.get(stream).ok()?;
        head.get(RTT)
            .filter(|micros| **micros > 0)
            .map(|micros| Duration::from_micros((*micros).into()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Tells one round trip after the other.
    struct Told(Cell<u64>);

    impl RoundTrip for Told {
        fn round_trip(&self) -> Option<Duration> {
            self.0.set(self.0.get() + 10);
            Some(Duration::from_millis(self.0.get()))
        }
    }

    #[test]
    fn a_measure_stands_for_a_second() {
        let (saved, route) = (SavedTrips::default(), Rc::<RouteStats>::default());
        let (told, start) = (Told(Cell::new(0)), Instant::now());
        let leave = |owed: usize, after: Duration| {
            (0..owed).for_each(|_| saved.owe(&route));
            saved.settle(start + after, &told);
            (told.0.get(), route.cors.counts().saved.as_millis())
        };
        assert_eq!(leave(0, Duration::ZERO), (0, 0));
        assert_eq!(leave(1, Duration::ZERO), (10, 10));
        assert_eq!(leave(2, FRESH / 2), (10, 30));
        assert_eq!(leave(0, FRESH), (10, 30));
        assert_eq!(leave(1, FRESH), (20, 50));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_connection_knows_its_round_trip() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        for stream in [&client, &server] {
            let round_trip = stream.round_trip().unwrap();
            assert!(round_trip < Duration::from_secs(1), "{round_trip:?}");
        }
    }
}
