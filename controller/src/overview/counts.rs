//! What a report counts of a Route.

use portico_dataplane::serve::RouteTraffic;
use std::{array, time::Duration};

/// How many counts there are, besides requests and errors.
pub(super) const COLUMNS: usize = 6;

/// All but requests and errors; times are in microseconds.
pub(super) type Columns = [u64; COLUMNS];

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
        let (saved, response_time) =
            (Duration::from_micros(saved), Duration::from_micros(response_time));
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
    let times = [micros(all.saved), micros(all.response_time())];
    let [saved, response_time] = times;
    [answered, forwarded, preflights.denied(), all.avoided, saved, response_time]
}

/// Each minus its counterpart, which is not larger unless the counters have started over.
pub(super) fn difference(later: &Columns, earlier: &Columns) -> Columns {
    array::from_fn(|which| later[which].saturating_sub(earlier[which]))
}
