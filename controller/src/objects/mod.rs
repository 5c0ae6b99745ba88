//! The objects that Portico reads, from files or from a cluster.

mod entry;
mod kinds;
mod last_good;
mod positions;
mod references;
mod secret;
mod undecoded;
mod values;

pub use entry::Entry;
pub(crate) use kinds::api_version;
pub use kinds::{
    CustomKind, Object, ObjectKind, Restriction, Snapshot, Visitor, api_resource, visit,
};
pub use last_good::{LastGood, Verdict};
pub(crate) use positions::position_of;
pub use positions::{Position, Positions};
pub(crate) use references::reference_fields;
pub use references::{References, front_door_of};
pub use undecoded::Undecoded;
pub(crate) use values::{MAX_VALUE_BYTES, Value};
