//! The counters of one worker, by Route.

use super::{
    cors::{CorsCounts, CorsStats},
    failures::Failures,
    handshakes::HandshakeCounts,
    histogram::Histogram,
    isolation::IsolationChanges,
    rules::RuleCounts,
    status::StatusLabel,
    upstream::UpstreamSnapshot,
};
use crate::{cors::Verdict, table::ObjectName};
use hashbrown::HashMap;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
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
    /// Retries by reason.
    retries: RefCell<BTreeMap<RetryReason, u64>>,
    /// Retries that the budget did not allow.
    suppressed: Cell<u64>,
    panics: Cell<u64>,
    /// What was changed to keep its backends apart from others.
    isolation: Cell<IsolationChanges>,
    /// The worker's last failed requests, those of other Routes too.
    pub(super) failures: Rc<Failures>,
    /// When the current interval of log lines began, and how many it has.
    logged: Cell<Option<(Instant, u32)>>,
}

/// How many lines about its backends' responses a Route may log in an interval.
const LOG_LINES: u32 = 10;

/// That interval.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

impl RouteStats {
    /// The counters of a Route, or of requests without one, all 0.
    pub(crate) fn new(name: Option<ObjectName>, failures: Rc<Failures>) -> Self {
        Self { name, failures, ..Self::default() }
    }

    /// A request is sent to another endpoint, or again to the same, for this reason.
    pub(crate) fn retried(&self, reason: RetryReason) {
        *self.retries.borrow_mut().entry(reason).or_default() += 1;
    }

    /// It would be, if the budget allowed it.
    pub(crate) fn suppressed(&self) {
        self.suppressed.set(self.suppressed.get() + 1);
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

    /// Counts what was changed to keep its backends apart from others.
    pub(crate) fn isolated(&self, changes: &IsolationChanges) {
        if !changes.is_empty() {
            let mut all = self.isolation.get();
            all.merge(changes);
            self.isolation.set(all);
        }
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

/// Why a request is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RetryReason {
    /// No connection was made.
    ConnectFailure,
    /// The connection ended before the response's head.
    Reset,
    /// The head did not come within `perTry`.
    PerTryTimeout,
    /// A status that the Route lists, which are 429 and 5xx.
    Status(u16),
}

impl fmt::Display for RetryReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectFailure => f.write_str("ConnectFailure"),
            Self::Reset => f.write_str("Reset"),
            Self::PerTryTimeout => f.write_str("PerTryTimeout"),
            Self::Status(status) => status.fmt(f),
        }
    }
}

/// A snapshot of one worker's counters.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(super) routes: Vec<RouteSnapshot>,
    pub(super) rules: RuleCounts,
    pub(super) upstream: UpstreamSnapshot,
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
    /// A snapshot of a worker's counts, but for those of its Routes.
    pub(crate) fn of(
        rules: RuleCounts,
        upstream: UpstreamSnapshot,
        connections: ConnectionCounts,
        handshakes: HandshakeCounts,
    ) -> Self {
        Self { routes: Vec::new(), rules, upstream, connections, handshakes }
    }

    /// Adds the counts of these Routes.
    pub(crate) fn add(&mut self, routes: &[Rc<RouteStats>]) {
        self.routes.extend(routes.iter().map(|route| RouteSnapshot {
            name: route.name.clone(),
            outcomes: route.outcomes.borrow().clone(),
            durations: route.durations.borrow().clone(),
            cors: route.cors.counts(),
            retries: route.retries.borrow().clone(),
            suppressed: route.suppressed.get(),
            panics: route.panics.get(),
            isolation: route.isolation.get(),
        }));
    }
}

#[derive(Debug)]
pub(super) struct RouteSnapshot {
    pub(super) name: Option<ObjectName>,
    pub(super) outcomes: Outcomes,
    pub(super) durations: Histogram,
    pub(super) cors: CorsCounts,
    pub(super) retries: BTreeMap<RetryReason, u64>,
    pub(super) suppressed: u64,
    pub(super) panics: u64,
    pub(super) isolation: IsolationChanges,
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
