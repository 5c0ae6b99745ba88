//! Portico's controller: objects → snapshot → compile → publish; the commands and the binary.
//!
//! Modules are listed from the lowest layer to the highest, and only use modules listed above them.
//! A test enforces that. The blank lines keep rustfmt from sorting the list.

pub mod version;

mod differences;

pub mod diagnostic;

mod yaml;

pub mod schema;

pub mod objects;

pub mod compile;

pub mod publish;

mod overview;

mod paint;

mod html;

mod report;

mod explain;

pub mod files;

pub mod operator;

pub mod demo;

pub mod har;

pub mod manifest;

pub mod plan;

pub mod import;

pub mod cli;

pub mod process;

pub mod commands;

#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
