//! The objects that Portico reads, whether from files or from a cluster.

mod entry;
mod snapshot;

pub use entry::Entry;
pub use snapshot::Snapshot;
