//! `portico demo`: three small services on three origins, a front door over them, and a page that
//! calls the same APIs both ways.

mod answers;
mod counts;
mod service;

pub use service::{Kind, Service, Settings};
