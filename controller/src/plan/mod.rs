//! `portico plan`: what one origin would have saved in recorded visits, and the objects that bring it
//! about. Nothing of a header's value, a cookie, a query or a body is kept, so that none can be
//! shown.

mod calls;
mod collect;
mod doors;
mod facts;
mod intern;
mod kinds;
mod manifests;
mod names;
mod note;
mod owners;
mod pages;
mod patterns;
mod preflights;
mod reasons;
mod records;
mod report;
mod review;
mod savings;
mod shapes;
mod taken;
mod target;
mod timeline;
mod waterfall;

pub use collect::{Recordings, Skipped};
pub use doors::{BackendTarget, Conflict, Door, DoorRoute, ServiceTarget, Services};
pub use manifests::files;
pub use note::Review;
pub use reasons::Reason;
pub use report::{Held, HostReport, PageReport, Plan, Preflights, Total, Why};
pub use waterfall::{Bar, Waterfall};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
