//! The dataplane: accepts connections, finds each request's Route in the [`table::Table`], and
//! forwards it. Knows no Kubernetes.
//!
//! The modules form layers, lowest first: each may name only those above it in this list.
//! `tests/tests/layers.rs` reads the order here and fails on an import that runs against it.

pub mod stable_hash;

pub mod random;

pub mod full_match;

pub mod path;

mod field_name;

mod balance;

pub mod router;

pub mod cors;

pub mod certificate;

pub mod table;

pub mod address_guard;

pub mod access_log;

pub mod trace;

pub mod config;

mod refusal;

/// Rules: which of them hold for a request, and what they put into it.
mod rules;

mod telemetry;

mod run_queue;

mod request;

mod endpoint;

mod upstream;

mod health_check;

mod proxy;

pub mod explain;

mod connection;

pub mod serve;

#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
