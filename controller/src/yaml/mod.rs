//! YAML and JSON as `kubectl` reads them, which is to say: as go-yaml v2 and Go's `encoding/json` do.
//!
//! A manifest must mean the same here as in a cluster. YAML libraries differ in what they take and in
//! what it means: which words are booleans, what a merge key overrides, where a line ends. So this is
//! a port of the scanner, the parser and the decoder of go-yaml 2.4 (itself a port of libyaml), with
//! bounds and with the places of what it reads. What differs on purpose is listed in
//! `tests/yaml/README.md`, and tests compare the two.

mod compose;
mod cursor;
mod event;
mod float;
mod json;
mod number;
mod outline;
mod parser;
mod resolve;
mod scalar;
mod scanner;
mod timestamp;
mod token;

pub(crate) use compose::{Composed, Costs, Step, json, yaml};
pub(crate) use outline::Outline;
pub(crate) use resolve::BASE64;

/// How deep collections may be nested, for the sake of the stack.
const MAX_DEPTH: usize = 256;
