//! What a report counts of a Route.

use portico_dataplane::serve::RouteTraffic;
use std::{array, time::Duration};

/// How many counts there are, besides requests and errors.
pub(super) const COLUMNS: usize = 6;

/// All but requests and errors: the time saved in microseconds, and response time in units of 2 to
/// the power of [`RESPONSE_TIME_SHIFT`] of them.
pub(super) type Columns = [u64; COLUMNS];

/// So that an hour of requests fits into a step of the history, 70,000 at a time: WebSockets count
/// with all their time.
const RESPONSE_TIME_SHIFT: u32 = 6;

/// What was counted of a Route in some time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Requests, preflights among them.
    pub(crate) requests: u64,
    /// Those that got a 5xx.
    pub(crate) errors: u64,
    /// Preflights that were allowed at the edge.
    pub(crate) answered: u64,
    /// Preflights that were left to the backend.
    pub(crate) forwarded: u64,
    /// Preflights that were denied.
    pub(crate) denied: u64,
    /// Preflights that browsers did not have to send.
    pub(crate) avoided: u64,
    /// The time that those would have taken.
    pub(crate) saved: Duration,
    /// How long all requests took together.
    pub(crate) response_time: Duration,
}

impl Counts {
    pub(super) fn new(requests: u64, errors: u64, columns: Columns) -> Self {
        let [answered, forwarded, denied, avoided, saved, response_time] = columns;
        let response_time = response_time.saturating_mul(1 << RESPONSE_TIME_SHIFT);
        let [saved, response_time] = [saved, response_time].map(Duration::from_micros);
        Self { requests, errors, answered, forwarded, denied, avoided, saved, response_time }
    }
}

impl From<&RouteTraffic> for Counts {
    fn from(all: &RouteTraffic) -> Self {
        Self::new(all.requests, all.errors, columns(all))
    }
}

/// All so far, but for requests and errors.
pub(super) fn columns(all: &RouteTraffic) -> Columns {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let preflights = &all.preflights;
    let (answered, forwarded) = (preflights.answered, preflights.forwarded);
    let saved = micros(all.saved);
    let response_time = micros(all.response_time()) >> RESPONSE_TIME_SHIFT;
    [answered, forwarded, preflights.denied(), all.avoided, saved, response_time]
}

/// Each minus its counterpart, which is not larger unless the counters have started over.
pub(super) fn difference(later: &Columns, earlier: &Columns) -> Columns {
    array::from_fn(|which| later[which].saturating_sub(earlier[which]))
}
