//! Portico's controller: objects → snapshot → compile → publish; the commands; the binary.

pub mod admin;
pub mod cli;
pub mod commands;
pub mod compile;
pub mod demo;
pub mod files;
pub mod logging;
pub mod operator;
pub mod problem;
pub mod publish;
pub mod schema;
pub mod snapshot;

#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
