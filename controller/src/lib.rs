//! Portico's controller: objects → snapshot → compile → publish; the commands; the binary.
//!
//! Modules are listed from the lowest layer to the highest: one names only those above it here. A
//! test holds them to it; the blank lines keep rustfmt from sorting them.

pub mod diagnostic;

pub mod schema;

pub mod objects;

pub mod compile;

pub mod publish;

pub mod files;

pub mod operator;

pub mod demo;

pub mod cli;

pub mod process;

pub mod commands;
