//! What operators see of the traffic: a record per request, counters per Route. Each worker counts
//! for itself, without locks or atomics; a scrape collects the counts of all workers.

mod cors;
mod counters;
mod exposition;
mod handshakes;
mod histogram;
mod isolation;
mod request_record;
mod rules;
mod status;
mod upstream;

pub(crate) use counters::{ConnectionCounts, GaveWay, RetryReason, RouteStats, Snapshot};
pub(crate) use exposition::{ConnectionMemory, Escaped, encode};
pub(crate) use handshakes::{HandshakeCounts, HandshakeResult, HandshakeStats};
pub(crate) use isolation::{IsolationChange, IsolationChanges};
pub(crate) use request_record::RequestRecord;
pub(crate) use rules::{RuleOwner, RuleStats};
pub(crate) use upstream::UpstreamStats;
