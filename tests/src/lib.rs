//! Portico from outside: what the tests share.

pub mod binary;
pub mod browser;

pub mod edge;
