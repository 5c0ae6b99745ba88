//! Which backend of a Route gets a request, and which of the backend's endpoints: pure functions of
//! weights, priorities and a point in a [`Sequence`]. The caller keeps the sequences.

mod sequence;
mod weighted;

pub(crate) use sequence::{Sequence, order};
pub(crate) use weighted::{Candidate, Weighted};
