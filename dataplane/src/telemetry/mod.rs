//! What operators see of the traffic: a record per request, counters per Route. Each worker counts
//! for itself, without locks or atomics; a scrape collects the counts of all workers.

mod cors;
mod counters;
mod exposition;
mod handshakes;
mod histogram;
mod request_record;
mod status;

pub(crate) use counters::{ConnectionCounts, GaveWay, RouteStats, Snapshot, UpstreamStats};
pub(crate) use exposition::{ConnectionMemory, encode, encode_health_checks};
pub(crate) use handshakes::{HandshakeCounts, HandshakeResult, HandshakeStats};
pub(crate) use request_record::RequestRecord;
