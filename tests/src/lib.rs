//! Portico from outside: what the tests share.
pub mod browser;

pub mod edge;
