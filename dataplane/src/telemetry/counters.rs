//! The counters of one worker, by Route.

use super::{
    cors::{CorsCounts, CorsStats},
    handshakes::HandshakeCounts,
    histogram::Histogram,
    status::StatusLabel,
};
use crate::{cors::Verdict, table::ObjectName};
use hashbrown::HashMap;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

/// Counts by status code and reason; the reason is empty for a backend's response.
pub(crate) type Outcomes = HashMap<(StatusLabel, &'static str), u64>;

/// The counters of one Route on one worker.
#[derive(Debug, Default)]
pub(crate) struct RouteStats {
    /// The Route; `None` for requests without one.
    pub(crate) name: Option<ObjectName>,
    /// The CORS counters.
    pub(crate) cors: CorsStats,
    outcomes: RefCell<Outcomes>,
    durations: RefCell<Histogram>,
    panics: Cell<u64>,
    /// When the current interval of log lines began, and how many it has.
    logged: Cell<Option<(Instant, u32)>>,
}

/// How many lines about its backends' responses a Route may log in an interval.
const LOG_LINES: u32 = 10;

/// That interval.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

impl RouteStats {
    /// The counters of a Route, all 0.
    pub(crate) fn of(name: ObjectName) -> Self {
        Self { name: Some(name), ..Self::default() }
    }

    /// Whether another line about a backend's response may be logged.
    pub(super) fn may_log(&self, now: Instant) -> bool {
        let is_current = |began: Instant| now.saturating_duration_since(began) < LOG_INTERVAL;
        let (began, lines) =
            self.logged.get().filter(|(began, _)| is_current(*began)).unwrap_or((now, 0));
        self.logged.set(Some((began, lines.saturating_add(1))));
        lines < LOG_LINES
    }

    /// Counts a request for which all endpoints were out, and so all were used.
    pub(crate) fn panicked(&self) {
        self.panics.set(self.panics.get() + 1);
    }

    pub(super) fn count(
        &self,
        status: u16,
        reason: &'static str,
        cors: Option<Verdict>,
        duration: Duration,
    ) {
        let outcome = (StatusLabel::of(status), reason);
        *self.outcomes.borrow_mut().entry(outcome).or_default() += 1;
        self.durations.borrow_mut().observe(duration);
        if let Some(verdict) = cors {
            self.cors.count(verdict);
        }
    }
}

/// A snapshot of one worker's counters.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(super) routes: Vec<RouteSnapshot>,
    pub(super) upstream: UpstreamCounts,
    pub(super) connections: ConnectionCounts,
    pub(super) handshakes: HandshakeCounts,
}

/// Why a connection was closed to keep others served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GaveWay {
    /// Another one needed its place: `--max-connections`.
    Connections,
    /// Others needed its memory: `--max-memory`.
    Memory,
    /// Its client had as many as it may: `--max-connections-per-client`.
    Client,
}

impl GaveWay {
    /// Every reason, in order.
    pub(crate) const ALL: [Self; 3] = [Self::Connections, Self::Memory, Self::Client];

    /// The value of the label `reason`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Connections => "max-connections",
            Self::Memory => "max-memory",
            Self::Client => "max-connections-per-client",
        }
    }
}

/// Counts of client connections.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ConnectionCounts {
    /// Those that are open.
    pub(crate) open: usize,
    /// Those that had to go, in the order of [`GaveWay::ALL`].
    pub(crate) gave_way: [u64; GaveWay::ALL.len()],
}

impl Snapshot {
    /// A snapshot of `routes`, with the rest of a worker's counts.
    pub(crate) fn of(
        routes: &[Rc<RouteStats>],
        upstream: UpstreamCounts,
        connections: ConnectionCounts,
        handshakes: HandshakeCounts,
    ) -> Self {
        let routes = routes.iter().map(|route| RouteSnapshot {
            name: route.name.clone(),
            outcomes: route.outcomes.borrow().clone(),
            durations: route.durations.borrow().clone(),
            cors: route.cors.counts(),
            panics: route.panics.get(),
        });
        Self { routes: routes.collect(), upstream, connections, handshakes }
    }
}

#[derive(Debug)]
pub(super) struct RouteSnapshot {
    pub(super) name: Option<ObjectName>,
    pub(super) outcomes: Outcomes,
    pub(super) durations: Histogram,
    pub(super) cors: CorsCounts,
    pub(super) panics: u64,
}

/// Counters of connections and requests to backends.
#[derive(Debug, Default)]
pub(crate) struct UpstreamStats {
    counts: Cell<UpstreamCounts>,
}

/// A snapshot of [`UpstreamStats`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct UpstreamCounts {
    pub(crate) connected: u64,
    pub(crate) failed: u64,
    pub(crate) reused: u64,
    pub(crate) retried: u64,
    pub(crate) idle: u64,
}

impl UpstreamStats {
    fn update(&self, change: impl FnOnce(&mut UpstreamCounts)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }

    /// A connection attempt has succeeded or failed.
    pub(crate) fn connected(&self, succeeded: bool) {
        self.update(|counts| {
            *if succeeded { &mut counts.connected } else { &mut counts.failed } += 1
        });
    }

    /// A request was sent over a pooled connection.
    pub(crate) fn reused(&self) {
        self.update(|counts| counts.reused += 1);
    }

    /// A request was retried.
    pub(crate) fn retried(&self) {
        self.update(|counts| counts.retried += 1);
    }

    /// The counts, with the number of idle connections.
    pub(crate) fn counts(&self, idle: usize) -> UpstreamCounts {
        UpstreamCounts { idle: idle as u64, ..self.counts.get() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines_are_bounded() {
        let (stats, start) = (RouteStats::default(), Instant::now());
        for interval in 0..3 {
            let now = start + interval * LOG_INTERVAL;
            let logged = (0..100).filter(|_| stats.may_log(now)).count();
            assert_eq!(logged, LOG_LINES as usize);
        }
    }
}
