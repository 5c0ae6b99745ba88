//! The objects that Portico reads, from files or from a cluster.

mod entry;
mod kinds;
mod last_good;
mod references;
mod secret;

pub use entry::Entry;
pub use kinds::{CustomKind, Object, ObjectKind, Snapshot, Visitor, api_resource, visit};
pub use last_good::{LastGood, Verdict};
pub(crate) use references::reference_fields;
pub use references::{References, front_door_of};
pub(crate) use secret::{MAX_VALUE_BYTES, is_too_large};
