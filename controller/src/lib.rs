//! Portico's controller: objects → snapshot → compile → publish; the commands; the binary.

pub mod compile;
pub mod demo;
pub mod problem;
pub mod schema;
pub mod snapshot;
