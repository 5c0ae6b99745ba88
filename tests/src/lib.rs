//! Portico from outside: what the tests share.

pub mod backend;
pub mod binary;
pub mod browser;
pub mod cluster;
pub mod edge;
pub mod fetch_model;
pub mod helm;
pub mod wire;
