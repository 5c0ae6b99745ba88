//! The charts: that what is generated in them is up to date, and what they render.
//!
//! `UPDATE_GOLDEN=1 cargo test -p portico-tests --test charts` writes what is generated.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod argocd;
mod generated;
mod monitoring;
mod notes;
mod permissions;
mod rendered;
mod values;
