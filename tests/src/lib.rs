//! Portico from outside: what the tests share.

pub mod backend;
pub mod binary;
pub mod browser;
pub mod cluster;
pub mod demo;
pub mod edge;
pub mod fetch_model;
pub mod frames;
pub mod helm;
pub mod name_server;
pub mod random;
pub mod serve;
pub mod tls;
pub mod wire;

use std::path::{Path, PathBuf};

/// The checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
