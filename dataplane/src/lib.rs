//! The dataplane: accepts connections, finds each request's Route in the [`table::Table`], and
//! forwards it. Knows no Kubernetes.

pub mod config;
pub mod cors;
pub mod explain;
pub mod guard;
pub mod path;
pub mod router;
pub mod serve;
pub mod table;

mod connection;
mod observe;
mod proxy;
mod refusal;
mod upstream;

#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
