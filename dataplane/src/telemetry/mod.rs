//! What operators see of the traffic: a record per request, counters per Route. Each worker counts
//! for itself, without locks or atomics; a scrape collects the counts of all workers.

mod cors;
mod counters;
mod exposition;
mod failures;
mod handshakes;
mod histogram;
mod isolation;
mod measurements;
mod merged;
mod request_record;
mod rules;
mod status;
mod traffic;
mod upstream;

pub(crate) use counters::{ConnectionCounts, GaveWay, RetryReason, RouteStats, Snapshot};
pub(crate) use exposition::{ConnectionMemory, Escaped, encode};
pub use failures::FailedRequest;
pub(crate) use failures::{Failures, last_failures};
pub(crate) use handshakes::{HandshakeCounts, HandshakeResult, HandshakeStats};
pub(crate) use isolation::{IsolationChange, IsolationChanges};
pub(crate) use measurements::measurements;
pub use measurements::{Durations, Measurements, OutcomeCount, RouteMeasurements};
pub(crate) use request_record::RequestRecord;
pub(crate) use rules::{RuleOwner, RuleStats};
pub(crate) use traffic::traffic;
pub use traffic::{Preflights, RouteTraffic, Traffic};
pub(crate) use upstream::UpstreamStats;
