//! Attempts to connect, and what they say of an endpoint.

use super::{backoff::Use, state::Endpoint};
use crate::telemetry::UpstreamStats;
use std::{
    cell::Cell,
    fmt,
    time::{Duration, Instant},
};

/// An attempt that is given up after this time, because its request has ended, counts as failed.
const PATIENCE: Duration = Duration::from_secs(1);

/// The same where it was its timeout that ended the request, for requests with the same timeouts.
const SHORT_PATIENCE: Duration = Duration::from_millis(100);

/// Why an attempt to connect failed, as far as it says whose failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The endpoint accepts no connection.
    Refused,
    /// It did not in time.
    TimedOut,
    /// Something else, which may lie in how it is used.
    OfUse,
}

/// An attempt to connect. Dropped before it has an outcome, it counts as failed if the endpoint had
/// enough time.
pub(crate) struct Attempt<'b> {
    endpoint: &'b Endpoint,
    stats: &'b UpstreamStats,
    used: Use<'b>,
    began: Instant,
    /// Whether its request has timed out.
    is_late: &'b Cell<bool>,
    has_outcome: bool,
}

impl<'b> Attempt<'b> {
    /// Begins an attempt to connect to an endpoint; `is_late` tells whether its request has timed
    /// out.
    pub(crate) fn begin(
        endpoint: &'b Endpoint,
        stats: &'b UpstreamStats,
        used: Use<'b>,
        is_late: &'b Cell<bool>,
    ) -> Self {
        endpoint.backoff.update(used, |failing| failing.trying = true);
        Self { endpoint, stats, used, began: Instant::now(), is_late, has_outcome: false }
    }

    /// The endpoint has accepted the connection.
    pub(crate) fn succeeded(mut self) {
        self.has_outcome = true;
        self.stats.connected(self.used.backend, true);
        self.endpoint.backoff.update(self.used, |failing| {
            (failing.failures, failing.trying) = (0, false);
        });
    }

    /// It has not: `why`.
    pub(crate) fn failed(mut self, fault: Fault, why: impl fmt::Display) {
        let is_everyones = match fault {
            Fault::Refused => true,
            Fault::TimedOut => self.began.elapsed() >= PATIENCE,
            Fault::OfUse => false,
        };
        self.fail(why, is_everyones);
    }

    fn fail(&mut self, why: impl fmt::Display, is_everyones: bool) {
        self.has_outcome = true;
        self.stats.connected(self.used.backend, false);
        let Self { endpoint, used, began, .. } = *self;
        let backoff = &endpoint.backoff;
        backoff.update(used, |failing| failing.trying = false);
        let own = (!is_everyones).then(|| backoff.hash(used));
        if let Some((delay, failures)) = backoff.failed(own, began, Instant::now()) {
            tracing::warn!(
                backend = used.backend,
                endpoint = %endpoint.address(),
                %why,
                failures,
                "can't connect to an endpoint; others are tried before it for {:.1} s",
                delay.as_secs_f64(),
            );
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.has_outcome {
            return;
        }
        let (had, why) = (self.began.elapsed(), "no connection before its request ended");
        if had >= PATIENCE {
            self.fail(why, true);
        } else if self.is_late.get() && had >= SHORT_PATIENCE {
            self.fail(why, false);
        } else {
            self.endpoint.backoff.update(self.used, |failing| failing.trying = false);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
