//! CORS counters, and the names of verdicts in metrics and the access log.

use crate::cors::{Denial, Outcome, Verdict};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    time::Duration,
};

/// The CORS counters of one Route on one worker.
#[derive(Debug, Default)]
pub(crate) struct CorsStats {
    verdict: RefCell<Vec<(Verdict, u64)>>,
    avoided: Cell<u64>,
    saved: Cell<Duration>,
}

impl CorsStats {
    /// Counts a policy's verdict on a request.
    pub(super) fn count(&self, verdict: Verdict) {
        let mut counts = self.verdict.borrow_mut();
        match counts.iter_mut().find(|(known, _)| *known == verdict) {
            Some((_, count)) => *count += 1,
            None => counts.push((verdict, 1)),
        }
    }

    /// Counts a forwarded request for which a browser would have sent a preflight if its page had
    /// called the backend directly.
    pub(crate) fn avoided(&self) {
        self.avoided.set(self.avoided.get() + 1);
    }

    /// Adds the time saved for such a request.
    pub(crate) fn saved(&self, time: Duration) {
        self.saved.set(self.saved.get().saturating_add(time));
    }

    /// The counts so far.
    pub(crate) fn counts(&self) -> CorsCounts {
        CorsCounts {
            verdict: self.verdict.borrow().iter().copied().collect(),
            avoided: self.avoided.get(),
            saved: self.saved.get(),
        }
    }
}

/// A snapshot of [`CorsStats`].
#[derive(Clone, Debug, Default)]
pub(crate) struct CorsCounts {
    /// By verdict.
    pub(super) verdict: BTreeMap<Verdict, u64>,
    /// Preflights avoided.
    pub(super) avoided: u64,
    /// The time saved by that.
    pub(crate) saved: Duration,
}

impl CorsCounts {
    /// Adds another's counts.
    pub(super) fn merge(&mut self, other: &Self) {
        for (verdict, count) in &other.verdict {
            *self.verdict.entry(*verdict).or_default() += count;
        }
        self.avoided += other.avoided;
        self.saved = self.saved.saturating_add(other.saved);
    }
}

/// The metric and labels of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Series {
    /// `portico_cors_preflights_total`, with the labels `result` and `reason`.
    Preflights(&'static str, &'static str),
    /// `portico_cors_requests_total`, with the label `result`.
    Requests(&'static str),
}

/// The metric and labels under which a verdict is counted.
pub(super) fn series(outcome: Outcome) -> Series {
    match outcome {
        Outcome::PreflightAllowed => Series::Preflights("allowed", ""),
        Outcome::PreflightDenied(denial) => Series::Preflights("denied", label(denial)),
        Outcome::PreflightForwarded => Series::Preflights("forwarded", ""),
        Outcome::Allowed => Series::Requests("allowed"),
        Outcome::Disallowed => Series::Requests("disallowed"),
        Outcome::Rejected => Series::Requests("rejected"),
    }
}

/// The label `mode`.
pub(super) fn mode(verdict: Verdict) -> &'static str {
    if verdict.report_only { "report" } else { "enforce" }
}

fn label(denial: Denial) -> &'static str {
    match denial {
        Denial::Origin => "origin",
        Denial::Method => "method",
        Denial::Header => "header",
        Denial::Malformed => "malformed",
    }
}

/// A verdict in the access log, in parts: `report:` if it was only reported, and its name.
pub(super) fn log_label(verdict: Verdict) -> [&'static str; 5] {
    let report = if verdict.report_only { "report:" } else { "" };
    match series(verdict.outcome) {
        Series::Preflights(result, "") => [report, "preflight-", result, "", ""],
        Series::Preflights(result, reason) => [report, "preflight-", result, ":", reason],
        Series::Requests(result) => [report, result, "", "", ""],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_names_verdicts() {
        for (outcome, named) in [
            (Outcome::PreflightAllowed, "preflight-allowed"),
            (Outcome::PreflightDenied(Denial::Origin), "preflight-denied:origin"),
            (Outcome::PreflightDenied(Denial::Method), "preflight-denied:method"),
            (Outcome::PreflightDenied(Denial::Header), "preflight-denied:header"),
            (Outcome::PreflightDenied(Denial::Malformed), "preflight-denied:malformed"),
            (Outcome::PreflightForwarded, "preflight-forwarded"),
            (Outcome::Allowed, "allowed"),
            (Outcome::Disallowed, "disallowed"),
            (Outcome::Rejected, "rejected"),
        ] {
            let label = |report_only| log_label(Verdict { outcome, report_only }).concat();
            assert_eq!(label(false), named);
            assert_eq!(label(true), format!("report:{named}"));
        }
    }

    #[test]
    fn counts_of_workers_add_up() {
        let (one, other) = (CorsStats::default(), CorsStats::default());
        let allowed = Verdict { outcome: Outcome::Allowed, report_only: false };
        let denied =
            Verdict { outcome: Outcome::PreflightDenied(Denial::Method), report_only: true };
        for stats in [&one, &other] {
            stats.count(allowed);
            stats.avoided();
            stats.saved(Duration::from_millis(20));
        }
        other.count(allowed);
        other.count(denied);
        let mut sum = one.counts();
        sum.merge(&other.counts());
        assert_eq!(sum.verdict, BTreeMap::from([(allowed, 3), (denied, 1)]));
        assert_eq!((sum.avoided, sum.saved), (2, Duration::from_millis(40)));
    }
}
