//! The CORS protocol's server side (Fetch Standard, "CORS protocol"): what a Route's [`Policy`]
//! says of a request from a page on another origin.
//!
//! In the order of a request's way: [`Asking::of`] says what the request is to CORS,
//! [`Decision::of`] what its Route's policy says of it, and [`Treatment::apply`] writes that on the
//! answer, whoever made it. Tests name the numbered rules that they show.

mod asked;
mod asking;
mod avoided;
mod decision;
pub mod fetch;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod fixtures;
mod origin;
mod policy;
mod preflight;
mod treatment;

pub(crate) use asked::AskedHeaders;
pub(crate) use asking::{Asking, Preflight};
pub(crate) use avoided::avoids_preflight;
pub(crate) use decision::{Decision, Denial, Judged, Step, Verdict};
pub use origin::{
    OriginHost, OriginMistake, OriginPattern, OriginPatternError, OriginPort, Origins,
};
pub use policy::{AllowedHeaders, AllowedMethods, DisallowedOrigin, Policy, PreflightHandling};
pub(crate) use treatment::Treatment;
