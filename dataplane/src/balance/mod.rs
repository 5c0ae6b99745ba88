//! Which backend of a Route gets a request, and which of the backend's endpoints: pure functions of
//! what is known of them and a point in a [`Sequence`]. The caller keeps the sequences.

mod choose;
mod endpoint;
mod hash;
mod sequence;
mod weighted;

pub(crate) use choose::{View, choose, too_slow};
pub(crate) use endpoint::{Load, in_turn, least_request, mix};
pub(crate) use hash::Ring;
pub(crate) use sequence::Sequence;
pub(crate) use weighted::{Candidate, Weighted};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
