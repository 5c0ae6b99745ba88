//! Round-trip times to clients, measured by their connections.

use crate::telemetry::RouteStats;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::net::TcpStream;

/// How long a measurement is reused: each costs a system call.
const MAX_AGE: Duration = Duration::from_secs(1);

/// A stream that may know its round-trip time.
pub(crate) trait RoundTrip {
    /// An estimate; `None` if there is none.
    fn round_trip(&self) -> Option<Duration>;
}

impl RoundTrip for TcpStream {
    #[cfg(target_os = "linux")]
    fn round_trip(&self) -> Option<Duration> {
        tcp_info::shortest_round_trip(self)
    }

    #[cfg(not(target_os = "linux"))]
    fn round_trip(&self) -> Option<Duration> {
        None
    }
}

/// The round trips that a connection's requests have saved. They are measured when a response is
/// written, where the stream is at hand.
#[derive(Debug, Default)]
pub(super) struct SavedTrips {
    /// The Routes of requests whose responses have not been written yet.
    pending: RefCell<Vec<Rc<RouteStats>>>,
    /// The last measurement, and when it was taken.
    last: Cell<Option<(Instant, Option<Duration>)>>,
}

impl SavedTrips {
    /// Records that the next response, for `route`, saves a round trip.
    pub(super) fn record(&self, route: &Rc<RouteStats>) {
        self.pending.borrow_mut().push(route.clone());
    }

    /// A response is written: counts the pending round trips.
    pub(super) fn flush(&self, now: Instant, stream: &impl RoundTrip) {
        let mut pending = self.pending.borrow_mut();
        if pending.is_empty() {
            return;
        }
        let round_trip = self.measure(now, stream);
        for route in pending.drain(..) {
            route.cors.saved(round_trip.unwrap_or_default());
        }
    }

    fn measure(&self, now: Instant, stream: &impl RoundTrip) -> Option<Duration> {
        match self.last.get() {
            Some((then, round_trip)) if now.saturating_duration_since(then) < MAX_AGE => round_trip,
            Some(_) | None => {
                let round_trip = stream.round_trip();
                self.last.set(Some((now, round_trip)));
                round_trip
            }
        }
    }
}

/// `TCP_INFO`, which Linux provides for every connection.
#[cfg(target_os = "linux")]
mod tcp_info {
    use nix::sys::{
        socket::{GetSockOpt, sockopt::GetStruct},
        utsname,
    };
    use std::{os::fd::AsFd, sync::LazyLock, time::Duration};

    /// `struct tcp_info` up to `tcpi_min_rtt`, as 32-bit numbers. The kernel fills as much as fits,
    /// and any bit pattern is valid.
    type Head = [u32; MIN_RTT + 1];

    /// Index of the smoothed round-trip time, in microseconds; 0 if none has been measured. It
    /// includes clients' delayed acknowledgements, 40 ms and more.
    const RTT: usize = 17;
    /// Index of the minimum recent round-trip time: that of the path itself. All bits are set if
    /// there is none.
    const MIN_RTT: usize = 37;

    /// The first Linux that fills all of it. A shorter result would make nix panic.
    const SINCE: (u32, u32) = (4, 6);

    static IS_COMPLETE: LazyLock<bool> = LazyLock::new(|| {
        let system = utsname::uname().ok();
        let release = system.as_ref().and_then(|system| system.release().to_str());
        release.and_then(version).is_some_and(|version| version >= SINCE)
    });

    #[derive(Clone, Copy)]
    struct TcpInfo;

    nix::getsockopt_impl!(TcpInfo, libc::IPPROTO_TCP, libc::TCP_INFO, Head, GetStruct<Head>);

    pub(super) fn shortest_round_trip(stream: &impl AsFd) -> Option<Duration> {
        let head = IS_COMPLETE.then(|| TcpInfo.get(stream).ok()).flatten()?;
        let known = [head.get(RTT)?, head.get(MIN_RTT)?].into_iter().filter(|micros| **micros > 0);
        known.min().map(|micros| Duration::from_micros(u64::from(*micros)))
    }

    /// `4` and `19` of `4.19.0-27-amd64`.
    pub(super) fn version(release: &str) -> Option<(u32, u32)> {
        let mut numbers = release.split(|c: char| !c.is_ascii_digit());
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Reports a different round-trip time on each call.
    struct GrowingRoundTrip(Cell<u64>);

    impl RoundTrip for GrowingRoundTrip {
        fn round_trip(&self) -> Option<Duration> {
            self.0.set(self.0.get() + 10);
            Some(Duration::from_millis(self.0.get()))
        }
    }

    #[test]
    fn a_measurement_is_reused_for_a_second() {
        let (saved, route) = (SavedTrips::default(), Rc::<RouteStats>::default());
        let (stream, start) = (GrowingRoundTrip(Cell::new(0)), Instant::now());
        let leave = |pending: usize, after: Duration| {
            (0..pending).for_each(|_| saved.record(&route));
            saved.flush(start + after, &stream);
            (stream.0.get(), route.cors.counts().saved.as_millis())
        };
        assert_eq!(leave(0, Duration::ZERO), (0, 0));
        assert_eq!(leave(1, Duration::ZERO), (10, 10));
        assert_eq!(leave(2, MAX_AGE / 2), (10, 30));
        assert_eq!(leave(0, MAX_AGE), (10, 30));
        assert_eq!(leave(1, MAX_AGE), (20, 50));
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

    #[cfg(target_os = "linux")]
    #[test]
    fn releases_have_a_version() {
        for (release, version) in [
            ("4.6", Some((4, 6))),
            ("4.19.0-27-amd64", Some((4, 19))),
            ("6.1+", Some((6, 1))),
            ("5.15.153.1-microsoft-standard-WSL2", Some((5, 15))),
            ("", None),
            ("4", None),
            ("next", None),
        ] {
            assert_eq!(tcp_info::version(release), version, "{release}");
        }
    }
}
